package bufsize

import (
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a bufsize directive.
type Config struct {
	// Size is the bound in octets, 512 to 4096; 0 is 1232.
	Size uint16
}

// Parse reads a bufsize directive:
//
//	bufsize [SIZE]
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Config{Size: wire.MaxUDP}
	if len(d.Args) > 0 {
		size, err := d.Int(wire.MinUDP, wire.UDPBuffer)
		if err != nil {
			return Config{}, err
		}
		c.Size = uint16(size)
	}
	return c, d.NoBody()
}

// Handler bounds the replies of what it passes queries to. Make it with New.
type Handler struct {
	size uint16
	next resolver.Handler
}

// New returns a handler that bounds the replies of next.
func New(c Config, next resolver.Handler) *Handler {
	if c.Size == 0 {
		c.Size = wire.MaxUDP
	}
	return &Handler{c.Size, next}
}

// Serve passes the query on, with the bound set: records are appended up to it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	r.SetMaxUDP(h.size)
	return h.next.Serve(q, r)
}
