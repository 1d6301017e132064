package assemble

import (
	"context"
	"net"
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
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

// wanted is an endpoint that a server block has. Blocks may share it.
type wanted struct {
	kind    string // as the log names it
	address string // as the Corefile has it
	options any    // what else makes it another one; comparable
	at      corefile.Directive
	serve   func(net.Listener) (httpServer, error) // makes it, with a socket that it owns
}

// httpServer is what the endpoints have in common.
type httpServer interface {
	Addr() net.Addr
	Run(context.Context) error
	Close() error
}

// endpoint is one that is open.
type endpoint struct {
	wanted
	server httpServer
	socket *lease
	stop   context.CancelFunc // nil before it is served
}

// is reports whether an endpoint that is open is the one that is wanted.
func (o *endpoint) is(w wanted) bool {
	return o.kind == w.kind && o.address == w.address && o.options == w.options
}

// wanted returns the endpoints that the blocks have, each once.
func (r *run) wanted(p *Plan) []wanted {
	var all []wanted
	add := func(w wanted) {
		if !slices.ContainsFunc(all, func(o wanted) bool { return o.kind == w.kind && o.address == w.address }) {
			all = append(all, w)
		}
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.health != nil {
			c := *b.health
			c.Logger, c.Registerer = r.Logger, r.Registry
			add(wanted{"health", c.Address, nil, b.Find("health")[0], func(l net.Listener) (httpServer, error) {
				c.Listener = l
				return health.New(c)
			}})
		}
		if b.ready != nil {
			c := *b.ready
			c.Logger, c.Checks, c.Hold = r.Logger, r.checks(), ready.ProbeHold
			add(wanted{"ready", c.Address, c.Continuously, b.Find("ready")[0], func(l net.Listener) (httpServer, error) {
				c.Listener = l
				return ready.New(c)
			}})
		}
		if b.pprof != nil {
			c := *b.pprof
			c.Logger = r.Logger
			add(wanted{"pprof", c.Address, c.BlockRate, b.Find("pprof")[0], func(l net.Listener) (httpServer, error) {
				c.Listener = l
				return pprof.New(c)
			}})
		}
		if b.prometheus != nil {
			c := prometheus.ServerConfig{Gatherer: r.Registry, Logger: r.Logger}
			add(wanted{"metrics", b.prometheus.Address, nil, b.Find("prometheus")[0], func(l net.Listener) (httpServer, error) {
				c.Listener = l
				return prometheus.NewServer(c)
			}})
		}
	}
	return all
}

// open opens the endpoints that g wants and that are not open yet: all of
// them, or none. They are to be served, or closed.
func (e *endpoints) open(g *generation) ([]*endpoint, error) {
	var opened []*endpoint
	for _, w := range e.run.wanted(g.plan) {
		if slices.ContainsFunc(e.opened, func(o *endpoint) bool { return o.is(w) }) {
			continue
		}
		o, err := e.openOne(w)
		if err != nil {
			closeAll(opened)
			return nil, err
		}
		opened = append(opened, o)
	}
	return opened, nil
}

func (e *endpoints) openOne(w wanted) (*endpoint, error) {
	l, err := e.listen(w)
	if err != nil {
		return nil, w.at.Errorf("%w", e.run.inTheWay(w.address, err))
	}
	s, err := w.serve(l)
	if err != nil {
		l.Close()
		return nil, w.at.Pos.Errorf("%w", err)
	}
	return &endpoint{wanted: w, server: s, socket: l}, nil
}

// listen returns a socket for an endpoint: that which is open at its address, for
// whatever kind of endpoint, so that the address is never closed.
func (e *endpoints) listen(w wanted) (*lease, error) {
	for _, o := range e.opened {
		if o.address == w.address && (o.kind == w.kind || !choosesPort(w.address)) {
			return o.socket.lease(), nil
		}
	}
	return listenTCP(w.address)
}

// serve serves the endpoints that were opened, and closes those that g does not
// want.
func (e *endpoints) serve(ctx context.Context, g *generation, opened []*endpoint) {
	all := e.run.wanted(g.plan)
	var kept []*endpoint
	for _, o := range e.opened {
		if slices.ContainsFunc(all, o.is) {
			kept = append(kept, o)
			continue
		}
		o.stop()
		<-o.socket.closed // what comes from now on is the next one's, if there is one
	}
	for _, o := range opened {
		var ending context.Context
		ending, o.stop = context.WithCancel(ctx)
		e.run.start(func() error { return o.server.Run(ending) })
		e.run.Logger.Info(o.kind+" endpoint", "address", o.server.Addr())
	}
	e.opened = append(kept, opened...)
}

// closeAll closes endpoints that were not served.
func closeAll(opened []*endpoint) {
	for _, o := range opened {
		o.server.Close()
	}
}

// drain has the process not be ready any more.
func (e *endpoints) drain() {
	for _, o := range e.opened {
		if r, ok := o.server.(*ready.Server); ok {
			r.Drain()
		}
	}
}

// checks are what must be so for the process to be ready.
func (r *run) checks() []ready.Check {
	return []ready.Check{{Name: "kubernetes", Ready: func() bool { return r.serving.Load() && r.current.Load().synced(nil) }}}
}
