package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// ManifestsConfig says which files to read, and what of them.
type ManifestsConfig struct {
	// Paths are files and folders; "-" is Stdin. A folder is read with all
	// folders in it, files named *.yaml, *.yml and *.json, but nothing whose
	// name begins with a dot. A file that is named itself is always read.
	Paths []string
	// Stdin is what the path "-" reads, to its end, once.
	Stdin io.Reader
	// Namespace is where an object is that names none; "default" if empty.
	Namespace string

	// Labels and NamespaceLabels are label selectors as those of
	// KubernetesConfig, and Kinds are as there. A Namespace has the label
	// kubernetes.io/metadata.name with its own name, as the API server adds.
	Labels, NamespaceLabels string
	Kinds                   []zone.Kind

	Logger     *slog.Logger          // nil for slog.Default
	Registerer prometheus.Registerer // nil for no metrics
}

// Validate says what is wrong with the configuration. It reads no manifest.
func (c *ManifestsConfig) Validate() error {
	var errs []error
	if len(c.Paths) == 0 {
		errs = append(errs, errors.New("no path is named"))
	}
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

// Manifests is a source that reads Kubernetes objects from files, and follows
// the files' changes. Its methods are safe for concurrent use, but Run may be
// called once.
type Manifests struct {
	config    ManifestsConfig
	selectors selectors
	metrics   *manifestMetrics
	log       *slog.Logger
	trimmer   trimmer

	mu     sync.Mutex
	stdin  []byte              // what "-" gave, kept for when other files change
	said   map[string]struct{} // warnings, each of which is logged once
	synced bool

	refused string // the errors that Run logged last, "" once they are mended
}

// NewManifests makes a source. It reads no manifest yet.
func NewManifests(c ManifestsConfig) (*Manifests, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	c.Namespace = cmp.Or(c.Namespace, "default")
	m := &Manifests{config: c, log: orDefault(c.Logger), said: make(map[string]struct{})}
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
	set, files, err := m.load(ctx, nil)
	if err != nil {
		return nil, err
	}
	m.adviseEmpty(files, set)
	return set.events(), nil
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
	set, files, err := m.load(ctx, nil)
	if err != nil {
		return err
	}
	m.adviseEmpty(files, set)
	m.log.Info("manifests read", set.counts()...)
	sink.Apply(set.events()...)
	m.mu.Lock()
	m.synced = true
	m.mu.Unlock()
	// A folder that is followed only now may have changed since it was read.
	changed := follow.add(files)
	for changed || follow.wait(ctx) {
		m.metrics.reloads.Inc()
		next, files, err := m.load(ctx, set)
		if ctx.Err() != nil {
			return nil
		}
		changed = follow.add(files)
		m.outcome(err)
		if follow.failed = err != nil; follow.failed {
			continue
		}
		m.apply(sink, set, next)
		set = next
	}
	return nil
}

// apply makes the sink hold next, where it has set.
func (m *Manifests) apply(sink Sink, set, next *manifestSet) {
	changes := next.changes(set, sink)
	if len(changes) == 0 {
		return
	}
	sink.Apply(changes...)
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
func (m *Manifests) Synced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.synced
}

// warn logs a warning once, however often the manifest is read.
func (m *Manifests) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if _, ok := m.said[text]; !ok {
		m.said[text] = struct{}{}
		m.log.Warn(text)
	}
}
