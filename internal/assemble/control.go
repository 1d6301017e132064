package assemble

import (
	"errors"
	"sync/atomic"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/extra"
	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/record"
	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// Control changes what a process serves while it serves, and records what is asked:
// for tests of other programs. It stands before the server blocks of every listener.
// A Process without one has nothing of it. Make it with NewControl.
type Control struct {
	Queries *record.Recorder
	Faults  *fault.Table
	Records *extra.Records

	run atomic.Pointer[run]
}

// NewControl returns a Control, to be given to one Process. Seed is what chance
// follows from.
func NewControl(seed uint64) *Control {
	c := &Control{Queries: record.New(0), Records: extra.New()}
	c.Faults = fault.New(fault.Config{Seed: seed, Freeze: c.freeze})
	return c
}

// front puts what c does before h, if there is a c.
func (c *Control) front(h resolver.Handler) resolver.Handler {
	if c == nil {
		return h
	}
	return c.Queries.Handler(c.Faults.Handler(c.Records.Handler(h)))
}

// The errors of a Control.
var (
	ErrNotRunning  = errors.New("nothing is served yet")
	ErrNoManifests = errors.New("no objects come from manifests: those of a cluster are changed in the cluster")
	ErrSeveral     = errors.New("several kubernetes directives have manifests, and it can't be told whose are meant")
)

// Manifests returns the source of the one kubernetes directive that has manifests:
// what is applied and deleted there shows in the next answer.
func (c *Control) Manifests() (*watch.Manifests, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	var found *watch.Manifests
	for _, s := range g.sources {
		m, ok := s.source.(*watch.Manifests)
		switch {
		case ok && found != nil:
			return nil, ErrSeveral
		case ok:
			found = m
		}
	}
	if found == nil {
		return nil, ErrNoManifests
	}
	return found, nil
}

// Zones returns the zones that are served.
func (c *Control) Zones() []*zone.Zone {
	g, err := c.generation()
	if err != nil {
		return nil
	}
	return g.allZones()
}

// freeze returns what answers as the zones are now.
func (c *Control) freeze() (resolver.Handler, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	var h resolver.Handler = resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome {
		return resolver.Elsewhere
	})
	for _, z := range g.allZones() {
		h = &kubernetes.Handler{Zone: kubernetes.At(z.Snapshot()), Next: h}
	}
	return h, nil
}

// generation returns what is served now.
func (c *Control) generation() (*generation, error) {
	if r := c.run.Load(); r != nil {
		if g := r.current.Load(); g != nil {
			return g, nil
		}
	}
	return nil, ErrNotRunning
}
