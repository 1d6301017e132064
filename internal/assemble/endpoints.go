package assemble

import (
	"context"
	"net"

	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/pprof"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
)

// endpoints are the HTTP endpoints that are open. They answer at once: a process
// that waits for its first sync is alive, and not ready.
type endpoints struct {
	run    *run
	opened []*endpoint
}

// endpoint is one of them. Blocks may share it.
type endpoint struct {
	kind, address string // as the Corefile has it
	close         func()
	drain         func() // may be nil
}

// httpServer is what the endpoints have in common.
type httpServer interface {
	Addr() net.Addr
	Run(context.Context) error
}

// open opens the endpoints that g wants and that are not open yet. What opened
// before an error stays open.
func (e *endpoints) open(ctx context.Context, g *generation) error {
	for i := range g.plan.blocks {
		b := &g.plan.blocks[i]
		if b.health != nil {
			c := *b.health
			c.Logger, c.Registerer = e.run.Logger, e.run.Registry
			if err := e.add(ctx, "health", c.Address, func() (httpServer, error) { return health.New(c) }); err != nil {
				return err
			}
		}
		if b.ready != nil {
			c := *b.ready
			c.Logger, c.Checks = e.run.Logger, e.run.checks()
			if err := e.add(ctx, "ready", c.Address, func() (httpServer, error) { return ready.New(c) }); err != nil {
				return err
			}
		}
		if b.pprof != nil {
			c := *b.pprof
			c.Logger = e.run.Logger
			if err := e.add(ctx, "pprof", c.Address, func() (httpServer, error) { return pprof.New(c) }); err != nil {
				return err
			}
		}
		if b.prometheus != nil {
			c := prometheus.ServerConfig{Address: b.prometheus.Address, Gatherer: e.run.Registry, Logger: e.run.Logger}
			if err := e.add(ctx, "metrics", c.Address, func() (httpServer, error) { return prometheus.NewServer(c) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// add opens an endpoint unless it is open.
func (e *endpoints) add(ctx context.Context, kind, address string, listen func() (httpServer, error)) error {
	for _, o := range e.opened {
		if o.kind == kind && o.address == address {
			return nil
		}
	}
	s, err := listen()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	o := &endpoint{kind: kind, address: address, close: stop}
	if r, ok := s.(*ready.Server); ok {
		o.drain = r.Drain
	}
	e.opened = append(e.opened, o)
	e.run.start(func() error { return s.Run(ctx) })
	e.run.Logger.Info(kind+" endpoint", "address", s.Addr())
	return nil
}

// wanted reports whether a plan has an endpoint.
func (p *Plan) wanted(kind, address string) bool {
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.health != nil && kind == "health" && b.health.Address == address ||
			b.ready != nil && kind == "ready" && b.ready.Address == address ||
			b.pprof != nil && kind == "pprof" && b.pprof.Address == address ||
			b.prometheus != nil && kind == "metrics" && b.prometheus.Address == address {
			return true
		}
	}
	return false
}

// keep closes the endpoints that g does not want.
func (e *endpoints) keep(g *generation) {
	var kept []*endpoint
	for _, o := range e.opened {
		if g.plan.wanted(o.kind, o.address) {
			kept = append(kept, o)
		} else {
			o.close()
		}
	}
	e.opened = kept
}

// drain has the process not be ready any more.
func (e *endpoints) drain() {
	for _, o := range e.opened {
		if o.drain != nil {
			o.drain()
		}
	}
}

// checks are what must be so for the process to be ready.
func (r *run) checks() []ready.Check {
	return []ready.Check{{Name: "kubernetes", Ready: func() bool { return r.current.Load().synced(nil) }}}
}
