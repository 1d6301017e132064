package header

import (
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "header"

// Handler changes the flags of what Next serves.
type Handler struct {
	Config
	Next resolver.Handler
}

// Serve has Next serve q with the query's flags changed, and changes the reply's.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	q.Flags = h.Query.of(q.Flags)
	o := h.Next.Serve(q, r)
	if o == resolver.Later || o == resolver.Dropped {
		return o
	}
	flags := h.Response.of(r.Flags())
	r.Authoritative, r.Recursive = flags&wire.FlagAA != 0, flags&wire.FlagRA != 0
	q.Flags = q.Flags&^wire.FlagRD | flags&wire.FlagRD // a reply has the query's
	return o
}
