package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/internal/workers"
	"github.com/rollcall-dns/rollcall/zone"
)

const (
	// total is how long a question may take with all its upstreams, or one
	// exchange if that may take longer.
	total = 5 * time.Second
	// pause is before upstreams that all have failed are asked again.
	pause = 20 * time.Millisecond
	// mostIdle is how many goroutines are kept for flights.
	mostIdle = 256
)

// errNoneHealthy is why nothing was asked where failing fast is configured.
var errNoneHealthy = errors.New("no upstream is healthy")

// Deps are what a Handler needs of others. Next must be set.
type Deps struct {
	Next    resolver.Handler
	Logger  *slog.Logger     // nil discards
	Metrics *Metrics         // nil counts nothing
	Now     func() time.Time // nil is time.Now; connections age by it
	Root    string           // where relative paths begin; empty is the working directory
	// Lookup returns the addresses of a name, in the same order each time if they
	// are the same; none is no error. It must be safe for concurrent use. Nil knows
	// no names.
	Lookup func(zone.Name) []netip.Addr
	// Poll is how often files and names of upstreams are looked at; 0 is every 3 s,
	// or every second if there are names.
	Poll time.Duration
}

// Handler forwards queries. Make it with New.
type Handler struct {
	*shared
	next    resolver.Handler
	chained bool // next forwards too
	log     *slog.Logger
	lists   lists

	upstreams atomic.Pointer[[]*upstream]
	turn      atomic.Uint32 // see Policy.order
	waiting   atomic.Int64  // queries
	flights   flights
	running   sync.WaitGroup // flights and checks
	workers   *workers.Pool  // of flights
	watching  sync.WaitGroup // the watch of files and names
	stop      chan struct{}  // ends it
}

// New returns a handler that asks the upstreams of config, and passes on to
// deps.Next what is not to be forwarded. It reads the files of config and looks up
// its names, and again whenever they change. It must be closed.
func New(config Config, deps Deps) (*Handler, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Lookup == nil {
		deps.Lookup = func(zone.Name) []netip.Addr { return nil }
	}
	tlsConfig, err := config.TLS.load(deps.Root)
	if err != nil {
		return nil, config.TLS.Pos.Errorf("%s: tls: %w", Name, err)
	}
	h := &Handler{
		shared:  &shared{config: config, metrics: deps.Metrics, now: deps.Now, baseTLS: tlsConfig},
		next:    deps.Next,
		log:     deps.Logger,
		lists:   lists{root: deps.Root, lookup: deps.Lookup},
		flights: flights{byKey: map[string]*flight{}},
		workers: workers.New(mostIdle),
		stop:    make(chan struct{}),
	}
	_, h.chained = deps.Next.(*Handler)
	targets, err := h.lists.expand(config.To)
	if err != nil && !errors.Is(err, errNoAddress) { // a Service may be about to come
		return nil, config.Pos.Errorf("%s: %w", Name, err)
	}
	h.setUpstreams(targets)
	if h.lists.any() {
		h.watching.Go(func() { h.watch(cmp.Or(deps.Poll, h.lists.poll())) })
	}
	return h, nil
}

// Close waits for the questions that are being asked, which takes 5 s and a bit at
// most, and then closes all connections. Queries that come later are SERVFAIL.
func (h *Handler) Close() {
	h.flights.close()
	close(h.stop)
	h.watching.Wait()
	last := *h.upstreams.Load()
	for _, u := range last {
		u.close()
	}
	h.running.Wait()
	h.workers.Close()
	for _, u := range last {
		u.closeHTTP()
	}
}

// Serve forwards a query, or passes it on.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	switch {
	case !h.concerns(q.Name()):
		return h.next.Serve(q, r)
	case q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR:
		r.Handler, r.Recursive = Name, true
		r.SetEDE(wire.NotSupported, "")
		return resolver.Refused // a transfer is more than one message, and nothing to relay
	case !q.MayWait():
		return resolver.Later
	}
	if most := h.config.MaxConcurrent; most > 0 {
		defer h.waiting.Add(-1)
		if h.waiting.Add(1) > int64(most) {
			h.metrics.rejected()
			r.Handler, r.Recursive = Name, true
			return resolver.Refused
		}
	}
	a, err := h.ask(q)
	// Part of an answer, with TC, is more to a client by UDP than SERVFAIL: it may ask
	// for the rest by TCP, or make do. One that has asked by TCP can't do the former.
	if err != nil && (a == nil || q.Transport != resolver.UDP) {
		r.Handler, r.Recursive = Name, true
		r.Err = fmt.Errorf("%s: %s %s: %w", Name, zone.Name(q.Name()), dns.Type(q.Type), err)
		r.SetEDE(reason(err), "")
		return resolver.ServFail
	}
	o := resolver.OutcomeOf(a.message, q)
	if h.chained && (slices.Contains(h.config.Next, a.message.Rcode) ||
		h.config.NextOnNoData && isNoData(a.message)) {
		return h.next.Serve(q, r)
	}
	r.Handler, r.Recursive = Name, true
	if !r.SetMessage(a.message, wire.Fresh) {
		r.Err = fmt.Errorf("%s: %w", Name, errMalformed)
		return resolver.ServFail
	}
	r.Relayed = a.message
	q.Note("forward/upstream", a.upstream)
	return o
}

// isNoData reports whether a reply has no answer, and not because that was cut.
func isNoData(m *wire.Message) bool {
	return m.Rcode == wire.NoError && m.Count(wire.Answer) == 0 && !m.Truncated
}

// concerns reports whether a name is to be forwarded.
func (h *Handler) concerns(name []byte) bool {
	from := slices.IndexFunc(h.config.From, func(z zone.Name) bool { return wire.IsBelow(name, z) })
	if from < 0 {
		return false
	}
	return string(name) == string(h.config.From[from]) ||
		!slices.ContainsFunc(h.config.Except, func(z zone.Name) bool { return wire.IsBelow(name, z) })
}

// reason returns the Extended DNS Error that says most of why there is no answer
// (RFC 8914 sections 4.23 and 4.24).
func reason(err error) wire.EDE {
	if isTimeout(err) || errors.Is(err, errNoneHealthy) || errors.Is(err, errNoAddress) || errors.Is(err, context.Canceled) {
		return wire.NoReachable
	}
	return wire.NetworkError
}

// ask returns the answer to q, which others may be waiting for too. With an error,
// it is what came of a truncated one, nil for nothing. If asking panics, ask does so
// for each that waits, where it is caught as a query's own.
func (h *Handler) ask(q *resolver.Query) (*answer, error) {
	out := newQuery(q, h.config.ForceTCP || q.Transport != resolver.UDP && !h.config.PreferUDP)
	key := out.key(q.Name())
	f, err := h.flights.join(key, func(f *flight) {
		h.running.Add(1)
		h.workers.Go(func() {
			defer h.running.Done()
			defer h.flights.land(key, f)
			defer func() {
				if f.panic = recover(); f.panic != nil { // there may be nobody left who waits
					h.log.Error("panic while asking upstreams", "handler", Name, "reason", f.panic, "stack", string(debug.Stack()))
				}
			}()
			f.answer, f.err = h.resolve(out)
		})
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-f.landed:
		if f.panic != nil {
			panic(f.panic)
		}
		return f.answer, f.err
	case <-q.Context.Done():
		return nil, q.Context.Err()
	}
}

// resolve asks one upstream after the other, until one has answered. One that has
// answered in part by UDP, and has no more by TCP, is not asked twice: if all
// others fail, or answer with an rcode of failover, its part is returned with the
// error.
func (h *Handler) resolve(q *query) (*answer, error) {
	list := h.config.Policy.order(*h.upstreams.Load(), &h.turn)
	if len(list) == 0 {
		return nil, errNoAddress
	}
	most := h.config.MaxConnectAttempts
	if most == PerUpstream {
		most = 2 * len(list)
	}
	var last *answer // one that has the next upstream asked
	var part *answer // of a truncated one
	var failed failures
	var attempts, answers, down int
	end := time.Now().Add(max(total, h.config.ReadTimeout))
	for i := 0; time.Now().Before(end) && (most == 0 || attempts < most); i++ {
		if i > 0 && i%len(list) == 0 {
			if part != nil {
				break
			}
			down = 0
			time.Sleep(pause)
		}
		u := list[i%len(list)]
		if u.isDown() {
			if down++; down < len(list) {
				continue
			}
			h.metrics.allDown()
			if h.config.FailFast {
				return nil, errNoneHealthy
			}
			u = list[rand.IntN(len(list))] // the checks may be what is broken
		}
		a, err := u.ask(q, end)
		if err != nil {
			failed.add(u, err)
			attempts++
			if a == nil {
				h.doubt(u)
				continue
			}
			u.replied()
			if part == nil {
				part = a
			}
			continue
		}
		u.replied()
		if answers++; slices.Contains(h.config.Failover, a.message.Rcode) && answers < len(list) {
			last = a
			continue
		}
		return a, nil
	}
	if last != nil && part == nil {
		return last, nil
	}
	return part, failed
}
