package chaos

import (
	"encoding/binary"
	"os"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "chaos"

// Handler answers questions of class CH, and passes all others on. One made by
// New has records; with Next alone it refuses the whole class, for a server
// block without chaos beside one that has it.
type Handler struct {
	Next resolver.Handler

	records map[wire.Name][][]byte
}

// New returns a handler that says what c says, before next.
func New(c Config, next resolver.Handler) *Handler {
	if c.Version == "" {
		c.Version = DefaultVersion
	}
	if len(c.Authors) == 0 {
		c.Authors = []string{DefaultAuthor}
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
		if name, err := os.Hostname(); err == nil {
			c.Hostname = name
		}
	}
	version, hostname := [][]byte{record(c.Version)}, [][]byte{record(c.Hostname)}
	var authors [][]byte
	for _, a := range c.Authors {
		authors = append(authors, record(a))
	}
	return &Handler{next, map[wire.Name][][]byte{
		wire.MustParseName("version.bind"):   version,
		wire.MustParseName("version.server"): version,
		wire.MustParseName("hostname.bind"):  hostname,
		wire.MustParseName("id.server"):      hostname,
		wire.MustParseName("authors.bind"):   authors,
	}}
}

// maxText is the length of the longest character-string.
const maxText = 255

// record returns a TXT record of class CH for the question's name, with one
// character-string.
func record(text string) []byte {
	text = text[:min(len(text), maxText)]
	rr := wire.AppendRR(nil, wire.TypeTXT, 0, append([]byte{byte(len(text))}, text...))
	const class = 2 + 2 // after the owner, a pointer, and the type
	binary.BigEndian.PutUint16(rr[class:], wire.ClassCH)
	return rr
}

// Serve answers or refuses q if it is of class CH. Several records, of authors,
// are turned: none of them is always first.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if q.Class != wire.ClassCH {
		return h.Next.Serve(q, r)
	}
	records := h.records[wire.Name(q.Name())]
	if q.Type != wire.TypeTXT || len(records) == 0 {
		return resolver.Refuse{}.Serve(q, r)
	}
	r.Handler = Name
	first := int(q.Turn % uint32(len(records)))
	for i := range records {
		r.Records(wire.Answer, wire.Question, records[(first+i)%len(records)])
	}
	return resolver.Answered
}
