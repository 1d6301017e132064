package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/rollcall-dns/rollcall/zone"
)

// settledWatch is how long a watch lasts that was no failure: the next attempt comes as
// soon as after the first.
const settledWatch = 10 * time.Second

// ConfigMap is a source of one ConfigMap's data. It has configuration and not
// names, so that it is none of the kinds of a zone, and as it is one object, it is
// listed anew whenever its watch ends. Its methods are safe for concurrent use, but
// Run may be called once.
type ConfigMap struct {
	config  KubernetesConfig
	key     zone.Key
	client  rest.Interface
	log     *slog.Logger
	metrics *configMapMetrics

	known   chan struct{} // closed once it is known what the ConfigMap has, or that nobody may know
	knowing sync.Once

	// What Run alone uses.
	told   bool
	last   map[string]string // what was told last
	lost   time.Time         // since when nothing is heard; zero while it is
	logged loggedError
}

// NewConfigMap makes a source of the ConfigMap with a key in the cluster that c
// names. It reads the files that c names, but does not reach out to the API server.
// What c says of objects and their labels has no effect. All that it asks for is to
// list and to watch this one ConfigMap.
func NewConfigMap(c KubernetesConfig, key zone.Key) (*ConfigMap, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configmap %s/%s: %w", key.Namespace, key.Name, err)
	}
	c.setDefaults()
	m := &ConfigMap{
		config: c, key: key, known: make(chan struct{}),
		log: c.Logger.With("configmap", key.Namespace+"/"+key.Name),
	}
	var err error
	if m.metrics, err = newConfigMapMetrics(c.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	requests, err := newAPIMetrics(nil) // those of the zones' sources are theirs alone
	if err != nil {
		return nil, err
	}
	base, shared, err := c.base(requests)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, new(corev1.ConfigMap), new(corev1.ConfigMapList))
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()
	if m.client, err = groupClient(base, corev1.SchemeGroupVersion, codecs, shared); err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	return m, nil
}

// Known is closed once Run has told what the ConfigMap has, or the API server has
// forbidden to ask: what is served without it need not wait any longer.
func (m *ConfigMap) Known() <-chan struct{} { return m.known }

// Read returns what the ConfigMap has now; nothing if there is none.
func (m *ConfigMap) Read(ctx context.Context) (map[string]string, error) {
	list, err := m.list(m.config.quiet(ctx))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fmt.Errorf("reading configmap %s/%s: %w", m.key.Namespace, m.key.Name, err)
	}
	return dataOf(list), nil
}

// Run tells what the ConfigMap has, and again whenever that changes, until ctx ends:
// nothing if there is no such ConfigMap. Whatever the API server does, it goes on
// trying, and what was told last stays.
func (m *ConfigMap) Run(ctx context.Context, tell func(data map[string]string)) {
	ctx = m.config.quiet(ctx)
	backoff := *m.config.backoff
	for {
		began := time.Now()
		err := m.follow(ctx, tell)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			m.failed(err)
		}
		if time.Since(began) > settledWatch {
			backoff = *m.config.backoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff.Step()):
		}
	}
}

// follow lists, and watches from there until that ends. That the API server ends it,
// as it does now and then, is no error.
func (m *ConfigMap) follow(ctx context.Context, tell func(map[string]string)) error {
	list, err := m.list(ctx)
	if err != nil {
		return err
	}
	m.heard(dataOf(list), tell)
	return m.watch(ctx, list.ResourceVersion, tell)
}

func (m *ConfigMap) list(ctx context.Context) (*corev1.ConfigMapList, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.StallTimeout)
	defer cancel()
	list := new(corev1.ConfigMapList)
	err := m.request(metav1.ListOptions{}).Do(ctx).Into(list)
	return list, err
}

// watch passes on what changes from a version on. As bookmarks come every minute, a
// watch that is silent for longer is dead.
func (m *ConfigMap) watch(ctx context.Context, from string, tell func(map[string]string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(m.config.StallTimeout, func() { cancel(errSilent(m.config.StallTimeout)) })
	defer silence.Stop()
	w, err := m.request(metav1.ListOptions{Watch: true, ResourceVersion: from, AllowWatchBookmarks: true}).Watch(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer w.Stop()
	m.connected()
	for event := range w.ResultChan() {
		silence.Reset(m.config.StallTimeout)
		switch object := event.Object.(type) {
		case *corev1.ConfigMap:
			switch event.Type {
			case apiwatch.Added, apiwatch.Modified:
				m.heard(object.Data, tell)
			case apiwatch.Deleted:
				m.heard(nil, tell)
			}
		case *metav1.Status:
			return apierrors.FromObject(object)
		}
	}
	return context.Cause(ctx)
}

// request asks for the one ConfigMap by the selector that RBAC knows it by: a Role
// with its resourceName allows that, and no other list.
func (m *ConfigMap) request(opts metav1.ListOptions) *rest.Request {
	opts.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, m.key.Name).String()
	return m.client.Get().Namespace(m.key.Namespace).Resource("configmaps").
		SpecificallyVersionedParams(&opts, metav1.ParameterCodec, corev1.SchemeGroupVersion)
}

// dataOf returns what the list's only object has.
func dataOf(list *corev1.ConfigMapList) map[string]string {
	if len(list.Items) == 0 {
		return nil
	}
	return list.Items[0].Data
}

// heard tells what the ConfigMap has, if that is new.
func (m *ConfigMap) heard(data map[string]string, tell func(map[string]string)) {
	if !m.told || !maps.Equal(data, m.last) {
		m.told, m.last = true, data
		tell(data)
	}
	m.knowing.Do(func() { close(m.known) })
}

// connected notes that changes are heard.
func (m *ConfigMap) connected() {
	m.metrics.connected.Set(1)
	if !m.lost.IsZero() {
		m.log.Info("the ConfigMap is followed again", "after", m.config.Now().Sub(m.lost).Round(time.Millisecond))
		m.lost, m.logged = time.Time{}, loggedError{}
	}
}

// failed notes why nothing is heard. What stays the same is logged once a minute.
func (m *ConfigMap) failed(err error) {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the URL has nothing to say, and differs
	}
	m.metrics.connected.Set(0)
	m.metrics.errors.Inc()
	now := m.config.Now()
	if m.lost.IsZero() {
		m.lost = now
	}
	forbidden := apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
	if forbidden {
		m.knowing.Do(func() { close(m.known) })
	}
	if m.logged.text == err.Error() && now.Sub(m.logged.at) < repeatAfter {
		return
	}
	m.logged = loggedError{err.Error(), now}
	if forbidden {
		m.log.Error("the API server forbids to follow the ConfigMap: grant list and watch on it with a Role, which has its resourceName, "+
			"and a RoleBinding in its namespace; until then what it said last counts, if anything", "err", err)
		return
	}
	m.log.Warn("cannot follow the ConfigMap; what it said last counts, if anything, and it is tried again", "err", err)
}

// configMapMetrics are what a ConfigMap source tells of itself.
type configMapMetrics struct {
	connected prometheus.Gauge
	errors    prometheus.Counter
}

func newConfigMapMetrics(r prometheus.Registerer) (*configMapMetrics, error) {
	m := &configMapMetrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_kube_dns_configmap_connected", Help: "1 while changes of kube-dns's ConfigMap are heard.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rollcall_kube_dns_configmap_errors_total", Help: "Failed or broken requests for kube-dns's ConfigMap.",
		}),
	}
	return m, errors.Join(register(r, &m.connected), register(r, &m.errors))
}
