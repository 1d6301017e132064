package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
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
	set, _, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
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
	set, files, err := m.load(ctx)
	if err != nil {
		return err
	}
	sink.Apply(set.events()...)
	m.mu.Lock()
	m.synced = true
	m.mu.Unlock()
	m.log.Info("manifests read", "objects", set.len())
	// A folder that is followed only now may have changed since it was read.
	changed := follow.add(files)
	for changed || follow.wait(ctx) {
		m.metrics.reloads.Inc()
		next, files, err := m.load(ctx)
		if ctx.Err() != nil {
			return nil
		}
		changed = follow.add(files)
		if err != nil {
			m.metrics.failures.Inc()
			m.log.Error("changed manifests are refused; everything stays as it was", "err", err)
			continue
		}
		if changes := next.changes(set, sink); len(changes) > 0 {
			sink.Apply(changes...)
			m.log.Info("manifests changed", "events", len(changes))
		}
		set = next
	}
	return nil
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

// A manifestSet is what a load found: a kind's objects by key. Once its events
// were applied it keeps only keys: the objects are the sink's.
type manifestSet struct {
	kinds   []zone.Kind
	objects map[zone.Kind]map[zone.Key]zone.Object
}

func newManifestSet(kinds []zone.Kind) *manifestSet {
	s := &manifestSet{kinds: kinds, objects: make(map[zone.Kind]map[zone.Key]zone.Object)}
	for _, k := range kinds {
		s.objects[k] = make(map[zone.Key]zone.Object)
	}
	return s
}

func (s *manifestSet) len() (n int) {
	for _, o := range s.objects {
		n += len(o)
	}
	return n
}

// keys returns the keys of a kind in order.
func (s *manifestSet) keys(k zone.Kind) []zone.Key {
	return slices.SortedFunc(maps.Keys(s.objects[k]), func(a, b zone.Key) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

// events returns a Replace for each kind, and lets go of the objects.
func (s *manifestSet) events() []zone.Event {
	var out []zone.Event
	for _, k := range s.kinds {
		e := zone.Event{Op: zone.Replace, Kind: k}
		for _, key := range s.keys(k) {
			e.Objects = append(e.Objects, s.objects[k][key])
			s.objects[k][key] = nil
		}
		out = append(out, e)
	}
	return out
}

// changes returns the events that make of a sink which has prev one that has s,
// and lets go of the objects.
func (s *manifestSet) changes(prev *manifestSet, sink Sink) []zone.Event {
	var out []zone.Event
	for _, k := range s.kinds {
		for _, key := range s.keys(k) {
			obj := s.objects[k][key]
			s.objects[k][key] = nil
			if !reflect.DeepEqual(sink.Object(k, key), obj) {
				out = append(out, zone.Event{Op: zone.Put, Kind: k, Object: obj})
			}
		}
		for _, key := range prev.keys(k) {
			if _, ok := s.objects[k][key]; !ok {
				out = append(out, zone.Event{Op: zone.Remove, Kind: k, Key: key})
			}
		}
	}
	return out
}
