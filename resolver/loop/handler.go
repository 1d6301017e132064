package loop

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "loop"

// typeHINFO is the type of probes, as in CoreDNS: nobody else asks for it.
const typeHINFO uint16 = 13

// mostPasses is how often a probe may come by without being in a loop. A datagram
// may be doubled on its way.
const mostPasses = 2

// ErrLoop is why queries are SERVFAIL whose forwarding would come back.
var ErrLoop = errors.New("a forwarding loop: what is forwarded comes back to this server")

// Handler passes queries on, but while they would go round. Make it with New; it
// finds loops once Probe is called.
type Handler struct {
	config Config
	zone   zone.Name
	next   resolver.Handler

	probe   atomic.Pointer[probe] // the one under way, nil for none
	looping atomic.Bool           // set by Probe alone
}

// probe is a question on its way.
type probe struct {
	name   zone.Name
	passes atomic.Int32 // how often it came by
}

// New returns a handler before next.
func New(c Config, next resolver.Handler) (*Handler, error) {
	c.setDefaults()
	name, err := zone.ParseName(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("loop: zone: %w", err)
	}
	c.Zone = name.String()
	if _, err := newProbe(name); err != nil {
		return nil, fmt.Errorf("loop: zone: %w", err)
	}
	return &Handler{config: c, zone: name, next: next}, nil
}

// Looping reports whether there is a loop, as far as was found out.
func (h *Handler) Looping() bool { return h.looping.Load() }

// Serve counts probes, and passes them and what else does not go round on.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if q.Type == typeHINFO {
		if p := h.probe.Load(); p != nil && string(q.Name()) == string(p.name) {
			return h.pass(p, q, r)
		}
	}
	if h.looping.Load() {
		return h.fail(r)
	}
	return h.next.Serve(q, r)
}

// pass counts a probe that came by, and ends it if it goes round.
func (h *Handler) pass(p *probe, q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if p.passes.Add(1) > mostPasses {
		return h.fail(r)
	}
	o := h.next.Serve(q, r)
	if o == resolver.Later {
		p.passes.Add(-1) // the same query comes once more
	}
	return o
}

// fail answers a query that goes round.
func (h *Handler) fail(r *resolver.Reply) resolver.Outcome {
	r.Handler, r.Err = Name, ErrLoop
	r.SetEDE(wire.NetworkError, "forwarding loop")
	return resolver.ServFail
}
