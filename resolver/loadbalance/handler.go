package loadbalance

import "github.com/rollcall-dns/rollcall/resolver"

// Handler has the address sets of Next's answers turned, by a place that is
// random, so that each address is first equally often.
type Handler struct {
	Next resolver.Handler
}

// Serve passes the query on.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	r.Rotate = q.Turn
	return h.Next.Serve(q, r)
}
