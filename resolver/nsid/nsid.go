package nsid

import (
	"os"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// MaxData is how long an identifier may be, in octets. It is what every reply
// has room for: 512 octets less header, longest question, OPT record, cookie
// (RFC 7873 section 4, a server's part of 16) and the option's own head.
const MaxData = wire.MinUDP - wire.HeaderLen - (wire.MaxName + 4) - 11 - (4 + wire.ClientCookieLen + 16) - 4

// Config is a nsid directive.
type Config struct {
	// Data is the identifier, at most MaxData octets; empty for the host's name.
	Data string
}

// Parse reads a nsid directive:
//
//	nsid [DATA...]
//
// Several words are joined by spaces. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Config{Data: strings.Join(d.Args, " ")}
	if len(c.Data) > MaxData {
		return Config{}, d.Errorf("wants at most %d octets, so that every reply has room for them, got %d", MaxData, len(c.Data))
	}
	return c, d.NoBody()
}

// Handler gives replies to clients that ask for it the identifier. Make it with
// New.
type Handler struct {
	data []byte
	next resolver.Handler
}

// New returns a handler that identifies the server in what next serves. Data
// longer than MaxData is cut.
func New(c Config, next resolver.Handler) *Handler {
	data := c.Data
	if data == "" {
		data = hostname()
	}
	return &Handler{[]byte(data[:min(len(data), MaxData)]), next}
}

// hostname returns the host's name, and "localhost" for a host without one, as
// CoreDNS does.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// Serve passes the query on. The option is set first: what follows must leave
// room for it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if q.WantsNSID {
		r.SetNSID(h.data)
	}
	return h.next.Serve(q, r)
}
