package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// ManifestsConfig says which files to read, and what of them.
type ManifestsConfig struct {
	// Paths are files and folders; "-" is Stdin. A folder is read with all
	// folders in it, files named *.yaml, *.yml and *.json, but nothing whose
	// name begins with a dot. A file that is named itself is always read.
	// Without a path there is what Apply and ApplyText put.
	Paths []string
	// Stdin is what the path "-" reads, to its end, once.
	Stdin io.Reader
	// Once says that files are not followed: they stay as first read.
	Once bool
	// Namespace is where an object is that names none; "default" if empty.
	Namespace string

	// Labels and NamespaceLabels are label selectors as those of
	// KubernetesConfig, and Kinds are as there. A Namespace has the label
	// kubernetes.io/metadata.name with its own name, as the API server adds.
	Labels, NamespaceLabels string
	Kinds                   []zone.Kind

	// NotReady makes pods unready of which nothing else is said: those that
	// workloads make, and Pods without a condition.
	NotReady bool

	Logger     *slog.Logger          // nil for slog.Default
	Registerer prometheus.Registerer // nil for no metrics
}

// Validate says what is wrong with the configuration. It reads no manifest.
func (c *ManifestsConfig) Validate() error {
	var errs []error
	stdins := 0
	for _, p := range c.Paths {
		switch p {
		case "":
			errs = append(errs, errors.New("a path is empty"))
		case stdinPath:
			stdins++
		}
	}
	if stdins > 1 {
		errs = append(errs, errors.New("standard input can be read only once"))
	}
	if stdins > 0 && c.Stdin == nil {
		errs = append(errs, errors.New("standard input is named as a path, but there is none"))
	}
	if c.Namespace != "" {
		errs = append(errs, labelError("namespace", c.Namespace))
	}
	_, err := parseSelectors(c.Labels, c.NamespaceLabels)
	return errors.Join(append(errs, err, knownKinds(c.Kinds))...)
}

// Manifests is a source that reads Kubernetes objects from files, follows the
// files' changes, and plays the cluster's controllers over them. Its methods
// are safe for concurrent use, but Run may be called once.
type Manifests struct {
	config    ManifestsConfig
	selectors selectors
	metrics   *manifestMetrics
	log       *slog.Logger
	trimmer   trimmer

	mu    sync.Mutex
	stdin []byte              // what "-" gave, kept for when other files change
	said  map[string]struct{} // warnings, each of which is logged once
	over  *overlay            // what verbs changed

	// While it runs: the sink, what is in it, and what was in the files.
	sink  Sink
	set   *manifestSet
	files map[string]content

	// From the first verb on: what was read, and made of it. A source whose
	// files alone change reads them again, and keeps nothing that the sink has.
	base  *layer
	built *built

	synced  atomic.Bool
	refused string // the errors that Run logged last, "" once they are mended
}

// NewManifests makes a source. It reads no manifest yet.
func NewManifests(c ManifestsConfig) (*Manifests, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	c.Namespace = cmp.Or(c.Namespace, "default")
	m := &Manifests{config: c, log: orDefault(c.Logger), said: make(map[string]struct{}), over: newOverlay()}
	var err error
	if m.selectors, err = parseSelectors(c.Labels, c.NamespaceLabels); err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	if m.metrics, err = newManifestMetrics(c.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// Load reads the manifests, and returns one Replace for each kind that the
// configuration watches, in the order of zone.Kinds, its objects ordered by
// key. The order of files and documents has no influence.
//
// The error says all that is wrong, each as "file:line: what is wrong, what is
// allowed". Nothing is returned beside it.
func (m *Manifests) Load(ctx context.Context) ([]zone.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	built, _, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
	return built.set.events(), nil
}

// Run loads, replaces each kind in the sink, and then applies what changes
// until ctx ends, when it returns nil. An error of the first load is returned;
// later ones are logged and counted, and the sink keeps what it has.
func (m *Manifests) Run(ctx context.Context, sink Sink) error {
	follow := m.newFollower()
	defer follow.close()
	// Followed before it is read, so that no change falls between. What is
	// wrong with the paths, load says.
	if files, _ := find(ctx, m.config.Paths); files != nil {
		follow.add(files)
	}
	files, err := m.start(ctx, sink)
	if err != nil {
		return err
	}
	defer m.stop()
	// A folder that is followed only now may have changed since it was read.
	changed := follow.add(files)
	for changed || follow.wait(ctx) {
		m.metrics.reloads.Inc()
		files, err := m.reload(ctx)
		if ctx.Err() != nil {
			return nil
		}
		changed = follow.add(files)
		m.outcome(err)
		follow.failed = err != nil
	}
	return nil
}

// load reads the files and lets the controllers play. The lock is held.
func (m *Manifests) load(ctx context.Context) (*built, *fileSet, error) {
	base, files, err := m.read(ctx, m.built != nil)
	if err != nil {
		return nil, files, err
	}
	over := m.over.clone()
	over.renew(base)
	built, err := m.build(base, over)
	if err != nil {
		return nil, files, err
	}
	over.forget(built.pods)
	m.over = over
	if m.built != nil {
		m.base, m.built = base, built
	}
	m.files = base.files
	if m.sink == nil {
		m.adviseEmpty(files, base)
	}
	return built, files, nil
}

// start loads and hands everything to the sink, which gets changes from then on.
func (m *Manifests) start(ctx context.Context, sink Sink) (*fileSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	built, files, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
	m.log.Info("manifests read", built.set.counts()...)
	sink.Apply(built.set.events()...)
	m.sink, m.set = sink, built.set
	m.synced.Store(true)
	return files, nil
}

func (m *Manifests) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sink = nil
}

// reload loads what changed in the files.
func (m *Manifests) reload(ctx context.Context) (*fileSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	built, files, err := m.load(ctx)
	if err != nil {
		return files, err
	}
	m.hand(built.set)
	return files, nil
}

// hand makes the sink hold a set, if there is a sink. The lock is held.
func (m *Manifests) hand(next *manifestSet) {
	if m.sink == nil {
		return
	}
	changes := next.changes(m.set, m.sink)
	m.set = next
	if len(changes) == 0 {
		return
	}
	m.sink.Apply(changes...)
	put := 0
	for _, e := range changes {
		if e.Op == zone.Put {
			put++
		}
	}
	m.log.Info("manifests changed", "put", put, "removed", len(changes)-put)
	if next.len() == 0 {
		m.log.Warn("no object is left in the manifests: all that is answered is the zones themselves")
	}
}

// outcome logs and counts what came of reading changed manifests. The same
// errors again are counted, and not said again.
func (m *Manifests) outcome(err error) {
	if err == nil {
		if m.refused != "" {
			m.log.Info("manifests are valid again")
		}
		m.refused = ""
		return
	}
	m.metrics.failures.Inc()
	if err.Error() == m.refused {
		return
	}
	m.refused = err.Error()
	for _, e := range split(err) {
		m.log.Error("changed manifests are refused; everything stays as it was", "err", e)
	}
}

// split returns the errors that were joined.
func split(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, split(e)...)
	}
	return out
}

// Synced reports whether Run has handed over the manifests once.
func (m *Manifests) Synced() bool { return m.synced.Load() }

// warn logs a warning once, however often the manifest is read.
func (m *Manifests) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if _, ok := m.said[text]; !ok {
		m.said[text] = struct{}{}
		m.log.Warn(text)
	}
}
