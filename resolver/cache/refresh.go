package cache

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

const (
	// maxFlights is how many there are at once of one Handler.
	maxFlights = 256
	// flightTime is how long one takes at most. Clients give up by then.
	flightTime = 5 * time.Second
)

// A flight asks for an entry anew, for whoever waits.
type flight struct {
	landed chan struct{} // closed when what follows is set
	ok     bool          // the other server has said what it knows
	fresh  entry         // if ok: its reply, with a life
}

// stale answers by an entry whose life is over. With verify it asks first, if
// nobody does and it has not failed lately.
func (h *Handler) stale(q *resolver.Query, r *resolver.Reply, s hit) resolver.Outcome {
	e := s.entry
	under := e.flight.Load() != nil
	switch {
	case !h.config.Stale.Verify:
		h.refresh(q, s)
	case h.config.Stale.Recheck > 0 && under, int64(s.now) < e.recheck.Load():
	case !q.MayWait():
		return resolver.Later
	default:
		if f := h.refresh(q, s); f != nil && h.wait(q.Context, f) && f.ok {
			h.counters.miss(q.Shard)
			return h.reply(r, &f.fresh, wire.Aging{Most: f.fresh.life})
		}
	}
	h.counters.stale(q.Shard, s.kind)
	o := h.reply(r, e, wire.Aging{Most: uint32(h.config.Stale.TTL / time.Second)})
	if o == resolver.NameError {
		r.SetEDE(wire.StaleNXDomain, "") // RFC 8914 section 4.20
	} else {
		r.SetEDE(wire.StaleAnswer, "") // section 4.4
	}
	return o
}

// wait waits until a flight has landed, and reports whether it has in time.
func (h *Handler) wait(ctx context.Context, f *flight) bool {
	timeout := time.NewTimer(or(h.config.Stale.Timeout, flightTime))
	defer timeout.Stop()
	select {
	case <-f.landed:
		return true
	case <-timeout.C:
	case <-ctx.Done():
	}
	return false
}

// isPopular counts a hit of e, and reports whether there were enough, without a
// long gap between two. What is counted at the same time may be lost.
func (h *Handler) isPopular(e *entry, now time.Duration) bool {
	last := time.Duration(e.hit.Swap(int64(now)))
	if now-last > h.config.Prefetch.Gap {
		e.hits.Store(0)
	}
	return e.hits.Add(1) >= int64(h.config.Prefetch.Amount)
}

// isNearEnd reports whether so little is left of e's life that it is to be asked
// for anew: the last second at the latest.
func (h *Handler) isNearEnd(e *entry, left int64) bool {
	return left <= int64(math.Ceil(float64(h.config.Prefetch.Percentage)/100*float64(e.life)))
}

// refresh returns the flight that replaces an entry, and starts it if none is
// under way. It returns nil if that can't be now.
//
// Slow path.
func (h *Handler) refresh(q *resolver.Query, s hit) *flight {
	if f := s.entry.flight.Load(); f != nil {
		return f
	}
	if int64(s.now) < s.entry.recheck.Load() {
		return nil
	}
	f := &flight{landed: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.flying >= maxFlights || !s.entry.flight.CompareAndSwap(nil, f) {
		return s.entry.flight.Load()
	}
	h.flying++
	if !h.config.Stale.Verify || s.entry.left(s.now) > 0 {
		h.counters.prefetches.Add(1)
	}
	// Nothing of q outlives this call but what is copied here.
	asker := &resolver.Query{Client: q.Client, Local: q.Local, Transport: q.Transport, Received: h.now(), Shard: q.Shard, Head: q.Head}
	asker.Flags = wire.FlagRD | q.Flags&wire.FlagCD
	asker.Class, asker.HasEDNS, asker.DO = q.Class, q.HasEDNS, q.DO
	h.flights.Go(func() { h.fly(asker, f, s) })
	return f
}

// fly asks the next handler for an entry anew, in the place of asker.
func (h *Handler) fly(asker *resolver.Query, f *flight, s hit) {
	ctx, cancel := context.WithTimeout(h.context, flightTime)
	defer func() {
		cancel()
		if reason := recover(); reason != nil { // the query that is served is another's
			h.log.Error("cache: panic in a refresh", "name", wire.Name(s.entry.name), "reason", reason, "stack", string(debug.Stack()))
		}
		if !f.ok && h.config.Stale.Recheck > 0 {
			s.entry.recheck.Store(int64(h.clock() + h.config.Stale.Recheck))
		}
		s.entry.flight.Store(nil)
		close(f.landed)
		h.mu.Lock()
		h.flying--
		h.mu.Unlock()
	}()
	asker.Context = ctx
	// What Ask makes of the reply is not looked at: it is had before, as it came.
	look := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		o := h.forward(q, r)
		h.land(q, r, f, s)
		return o
	})
	_, _, err := resolver.Ask(look, asker, resolver.Question{Name: wire.Name(s.entry.name).String(), Type: s.entry.typ})
	if err != nil && !f.ok {
		h.log.Debug("cache: a refresh failed", "name", wire.Name(s.entry.name), "err", err)
	}
}

// land keeps what the next handler replied to q, and has it ready for those who
// wait.
func (h *Handler) land(q *resolver.Query, r *resolver.Reply, f *flight, s hit) {
	m := r.Relayed
	if m == nil {
		return
	}
	v := judge(&q.Query, m, h.now())
	s.now = h.clock()
	h.keep(q, m, v, s)
	f.ok = v.settled && (v.kind == answer || !h.config.Stale.PreferPositive)
	f.fresh = entry{message: m, outcome: resolver.OutcomeOf(m, q), life: h.life(v)}
}
