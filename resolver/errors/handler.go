package errors

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Handler logs why queries that Next serves are SERVFAIL. Make it with New.
type Handler struct {
	config Config
	log    *slog.Logger
	next   resolver.Handler

	mu     sync.Mutex
	counts []int         // by index of config.Consolidate, in its period under way; guarded by mu
	timers []*time.Timer // likewise: the end of that period, nil for none
}

// New returns a handler that logs to log what goes wrong in next.
func New(config Config, log *slog.Logger, next resolver.Handler) *Handler {
	return &Handler{config: config, log: log, next: next, counts: make([]int, len(config.Consolidate)),
		timers: make([]*time.Timer, len(config.Consolidate))}
}

// Close ends all periods now, and logs how many errors they had. The Handler
// must not serve any more.
func (h *Handler) Close() {
	for i := range h.config.Consolidate {
		h.mu.Lock()
		pending := h.timers[i] != nil && h.timers[i].Stop()
		h.mu.Unlock()
		if pending {
			h.summarise(i)
		}
	}
}

// Serve passes q on, and logs its error if there was one.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	o := h.next.Serve(q, r)
	// Slow path
	if o == resolver.ServFail && r.Err != nil {
		h.report(q, r.Err)
	}
	return o
}

// report logs an error, or counts it if a rule says so.
func (h *Handler) report(q *resolver.Query, err error) {
	text := fmt.Sprintf("%d %s %s: %v", wire.ServFail, zone.Name(q.Name()), dns.Type(q.Type), err)
	for i := range h.config.Consolidate {
		rule := &h.config.Consolidate[i]
		if !rule.Pattern.MatchString(err.Error()) {
			continue
		}
		if h.count(i) == 1 && rule.ShowFirst {
			h.log.Log(context.Background(), rule.Level, text)
		}
		return
	}
	h.log.Error(text)
}

// count adds one error to a rule's period, which the first begins, and returns
// how many that makes.
func (h *Handler) count(rule int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts[rule]++; h.counts[rule] == 1 {
		h.timers[rule] = time.AfterFunc(h.config.Consolidate[rule].Period, func() { h.summarise(rule) })
	}
	return h.counts[rule]
}

// summarise ends a rule's period, and logs how many errors it had. One that was
// shown already is not summed up.
func (h *Handler) summarise(i int) {
	h.mu.Lock()
	n := h.counts[i]
	h.counts[i] = 0
	h.mu.Unlock()
	rule := &h.config.Consolidate[i]
	if n == 1 && rule.ShowFirst {
		return
	}
	h.log.Log(context.Background(), rule.Level,
		fmt.Sprintf("%d errors like '%s' occurred in last %s", n, rule.Pattern, rule.Period))
}
