package any

import (
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "any"

// What is answered: the record of CoreDNS, which clients may know.
const (
	typeHINFO uint16 = 13
	ttl              = 8482
	hinfo            = "\x0dANY obsoleted" + "\x0cSee RFC 8482" // CPU and OS (RFC 1035 section 3.3.2)
)

// Config is an any directive, which has nothing to choose.
type Config struct{}

// Parse reads an any directive:
//
//	any
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	return Config{}, d.NoBody()
}

// Handler answers questions of type ANY, and passes all others on. Make it with
// New.
type Handler struct {
	record []byte
	next   resolver.Handler
}

// New returns a handler before next.
func New(next resolver.Handler) *Handler {
	return &Handler{wire.AppendRR(nil, typeHINFO, ttl, []byte(hinfo)), next}
}

// Serve answers q, or passes it on. The record is of class IN.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if q.Type != wire.TypeANY || q.Class != wire.ClassIN {
		return h.next.Serve(q, r)
	}
	r.Handler = Name
	r.Records(wire.Answer, wire.Question, h.record)
	return resolver.Answered
}
