package view

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/resolver"
)

// quiet is for how long nothing more is logged of an expression that failed.
const quiet = time.Minute

// Handler lets the queries of a view through. Make it with New.
type Handler struct {
	config     Config
	told       []atomic.Int64 // when a failure of each expression was last logged, in Unix nanoseconds
	evaluators sync.Pool      // of *evaluator
	next       resolver.Handler
}

// New returns a handler before next, which all handlers of the server block must
// be behind but for metadata: what expressions read must be noted before.
func New(c Config, next resolver.Handler) *Handler {
	return &Handler{
		config:     c,
		told:       make([]atomic.Int64, len(c.Expressions)),
		evaluators: sync.Pool{New: func() any { return newEvaluator() }},
		next:       next,
	}
}

// Serve passes q on if it is in the view.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if !h.has(q) {
		return resolver.Elsewhere
	}
	return h.next.Serve(q, r)
}

// has reports whether every expression is true of q.
func (h *Handler) has(q *resolver.Query) bool {
	e := h.evaluators.Get().(*evaluator)
	defer h.evaluators.Put(e)
	for i, x := range h.config.Expressions {
		is, err := e.evaluate(x, q)
		if err != nil {
			h.tell(i, q, err)
		}
		if !is {
			return false
		}
	}
	return true
}

// tell logs that an expression failed, unless it did so within the last minute.
func (h *Handler) tell(i int, q *resolver.Query, err error) {
	now, last := q.Received.UnixNano(), h.told[i].Load()
	if last != 0 && now < last+int64(quiet) || !h.told[i].CompareAndSwap(last, now) || h.config.Logger == nil {
		return
	}
	h.config.Logger.Warn("view: an expression failed, so that the query is not in the view; more such failures are not logged for a minute",
		"at", h.config.Expressions[i].pos, "view", h.config.Name, "err", err)
}
