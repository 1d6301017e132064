package minimal

import (
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a minimal directive, which has nothing to choose.
type Config struct{}

// Parse reads a minimal directive:
//
//	minimal
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	return Config{}, d.NoBody()
}

// Handler has the answers of Next made without additional records.
type Handler struct {
	Next resolver.Handler
}

// Serve passes the query on. Additional records are refused, and not taken back:
// they don't cost the answer room either.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	r.Minimal = true
	return h.Next.Serve(q, r)
}
