package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/rollcall-dns/rollcall/zone"
)

// DefaultStallTimeout is how long a watch may be silent. Bookmarks come about
// every minute, so that two were missed.
const DefaultStallTimeout = 150 * time.Second

// KubernetesConfig says which cluster to watch, and what of it. The zero value
// is the cluster that we run in, as the pod's ServiceAccount.
type KubernetesConfig struct {
	// Kubeconfig is a file, or several, as $KUBECONFIG lists them; Context one of its contexts, its current one if
	// empty. A Context alone is looked for where kubectl looks.
	Kubeconfig, Context string
	// Endpoint is the API server's URL. A kubeconfig goes before it.
	Endpoint string
	// CertFile, KeyFile and CAFile are the client's certificate and key and
	// the server's authority, PEM files, for Endpoint.
	CertFile, KeyFile, CAFile string

	// QPS and Burst limit requests a second, 0 for 20 and 40. MaxInflight
	// limits requests that wait for an answer, 0 for no limit.
	QPS         float32
	Burst       int
	MaxInflight int

	// Labels is a label selector that Services, EndpointSlices and Pods have
	// to match, NamespaceLabels one for Namespaces and ServiceImports. The
	// API server applies them.
	Labels, NamespaceLabels string
	// Kinds are what to watch, beside Services and Namespaces, which always
	// are. Nil is those and EndpointSlices.
	Kinds []zone.Kind

	// StallTimeout is how long a watch may be silent before it is taken for
	// dead, 0 for DefaultStallTimeout. Less than two minutes makes healthy
	// watches of a real API server be given up.
	StallTimeout time.Duration
	// Version is ours, for the user agent rollcall/VERSION.
	Version string

	Logger     *slog.Logger          // nil for slog.Default
	Registerer prometheus.Registerer // nil for no metrics
	Now        func() time.Time      // nil for time.Now

	backoff *wait.Backoff // nil for retryBackoff
}

// Validate says what is wrong with the configuration, without reaching out.
func (c *KubernetesConfig) Validate() error {
	var errs []error
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("a client certificate needs its key, and a key its certificate"))
	}
	if c.Endpoint == "" && (c.CertFile != "" || c.CAFile != "") {
		errs = append(errs, errors.New("certificates are for an endpoint, and none is named"))
	}
	if c.QPS < 0 || c.Burst < 0 || c.MaxInflight < 0 {
		errs = append(errs, errors.New("QPS, burst and max inflight must not be negative"))
	}
	if c.StallTimeout < 0 {
		errs = append(errs, errors.New("stall timeout must not be negative"))
	}
	_, err := parseSelectors(c.Labels, c.NamespaceLabels)
	return errors.Join(append(errs, err, knownKinds(c.Kinds))...)
}

func (c *KubernetesConfig) setDefaults() {
	c.Logger = orDefault(c.Logger)
	c.StallTimeout = cmp.Or(c.StallTimeout, DefaultStallTimeout)
	c.Version = cmp.Or(c.Version, "devel")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.backoff == nil {
		c.backoff = retryBackoff()
	}
}

// quiet returns a context in which client-go says of its inner life only what is
// for debugging: what matters is said here.
func (c *KubernetesConfig) quiet(ctx context.Context) context.Context {
	return klog.NewContext(ctx, logr.FromSlogHandler(debugOnly{c.Logger.Handler()}))
}

// retryBackoff is how a reflector waits between attempts: twice as long each
// time, up to 10 s, and each time up to twice that by chance, so that replicas
// which lost the same server don't come back together. It starts over after 2
// minutes without a failure. client-go's own goes up to 60 s, in which DNS
// would be needlessly old.
func retryBackoff() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 1, Steps: 10, Cap: 10 * time.Second}
}

// Kubernetes is a source that follows the API of a cluster. Its methods are
// safe for concurrent use, but Run may be called once.
type Kubernetes struct {
	config    KubernetesConfig
	selectors selectors
	clients   map[zone.Kind]rest.Interface
	metrics   *apiMetrics
	trackers  []*tracker // one for each kind, in the order of zone.Kinds
}

// NewKubernetes makes a source. It reads the files that the configuration
// names, but does not reach out to the API server.
func NewKubernetes(c KubernetesConfig) (*Kubernetes, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	c.setDefaults()
	sel, err := parseSelectors(c.Labels, c.NamespaceLabels)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	k := &Kubernetes{config: c, selectors: sel}
	if k.metrics, err = newAPIMetrics(c.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if k.clients, err = c.clients(k.metrics); err != nil {
		return nil, err
	}
	for _, kind := range watched(c.Kinds) {
		k.metrics.start(kind)
		k.trackers = append(k.trackers, &tracker{
			kind: kind, now: c.Now, metrics: k.metrics,
			log:    c.Logger.With("resource", kind.String()),
			status: Status{Kind: kind},
		})
	}
	return k, nil
}

// Run watches until ctx ends, and returns nil then. Whatever the API server
// does, it goes on trying. The sink hears one Replace for each kind first.
func (k *Kubernetes) Run(ctx context.Context, sink Sink) error {
	ctx = k.config.quiet(ctx)
	trim := new(trimmer)
	var all sync.WaitGroup
	for _, t := range k.trackers {
		r := k.reflector(ctx, t, trim, sink)
		all.Go(func() { r.RunWithContext(ctx) })
	}
	all.Wait()
	return nil
}

func (k *Kubernetes) reflector(ctx context.Context, t *tracker, trim *trimmer, sink Sink) *cache.Reflector {
	res := resources[t.kind]
	s := &store{
		kind: t.kind, sink: sink, trimmer: trim, track: t, metrics: k.metrics, log: t.log,
		latency: &latency{now: k.config.Now, sink: sink, metrics: k.metrics},
	}
	lw := &listWatch{
		resource: res, client: k.clients[t.kind], labels: k.selectors.of(t.kind).String(), store: s,
		stall: k.config.StallTimeout, initial: k.config.StallTimeout / 5,
	}
	return cache.NewReflectorWithOptions(lw, res.object(), s, cache.ReflectorOptions{
		Name:    "rollcall/" + t.kind.String(),
		Backoff: k.config.backoff,
		Clock:   promptClock{clock.RealClock{}, ctx.Done()},
	})
}

// Synced reports whether every kind was handed over once. It never turns back.
func (k *Kubernetes) Synced() bool {
	for _, t := range k.trackers {
		if !t.get().Synced {
			return false
		}
	}
	return true
}

// Status returns how well each kind is known, in the order of zone.Kinds.
func (k *Kubernetes) Status() []Status {
	out := make([]Status, len(k.trackers))
	for i, t := range k.trackers {
		out[i] = t.get()
	}
	return out
}

// promptClock is a real clock whose waits end with a context: some of the
// reflector's own heed none.
type promptClock struct {
	clock.RealClock
	done <-chan struct{}
}

// After implements clock.Clock.
func (c promptClock) After(d time.Duration) <-chan time.Time {
	out := make(chan time.Time, 1)
	go func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case t := <-timer.C:
			out <- t
		case <-c.done:
			out <- time.Now()
		}
	}()
	return out
}

// debugOnly is a slog.Handler that takes every record for a debug one.
type debugOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h debugOnly) Enabled(ctx context.Context, _ slog.Level) bool {
	return h.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (h debugOnly) Handle(ctx context.Context, r slog.Record) error {
	// logr does not ask Enabled for errors.
	if !h.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	r.Level = slog.LevelDebug
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h debugOnly) WithAttrs(a []slog.Attr) slog.Handler { return debugOnly{h.Handler.WithAttrs(a)} }

// WithGroup implements slog.Handler.
func (h debugOnly) WithGroup(name string) slog.Handler { return debugOnly{h.Handler.WithGroup(name)} }
