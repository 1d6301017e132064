package erratic

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "erratic"

// ErrType is why queries of other types than A and AAAA are SERVFAIL.
var ErrType = errors.New("erratic has A and AAAA records only")

// largeSet is how many records A has that is large.
const largeSet = 30

// Handler answers every query, or not. It is the end of its chain. Make it with
// New.
type Handler struct {
	config   Config
	queries  atomic.Uint64
	a, aaaa  []byte
	unfitted []byte // a record that fits into no message
}

// New returns a handler.
func New(c Config) *Handler {
	h := &Handler{config: c}
	v4, v6 := netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")
	n := 1
	if c.Large {
		n = largeSet
	}
	for range n {
		h.a = append(h.a, wire.AppendRR(nil, wire.TypeA, 0, v4.AsSlice())...)
	}
	h.aaaa = wire.AppendRR(nil, wire.TypeAAAA, 0, v6.AsSlice())
	if c.Truncate > 0 {
		h.unfitted = wire.AppendRR(nil, wire.TypeTXT, 0, make([]byte, wire.MaxTCP))
	}
	return h
}

// Serve answers q, late, cut, or not at all when it is that query's turn. A query
// whose Context ends meanwhile is not answered.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if h.config.Delay > 0 && !q.MayWait() {
		return resolver.Later // before it is counted, as it comes once more
	}
	n := h.queries.Add(1) - 1
	r.Handler = Name
	if isTurn(n, h.config.Drop) {
		return resolver.Dropped
	}
	if isTurn(n, h.config.Delay) && !delay(q, h.config.Duration) {
		return resolver.Dropped
	}
	var records []byte
	switch q.Type {
	case wire.TypeA:
		records = h.a
	case wire.TypeAAAA:
		records = h.aaaa
	default:
		r.Err = ErrType
		return resolver.ServFail
	}
	r.Authoritative = true
	r.Records(wire.Answer, wire.Question, records)
	if isTurn(n, h.config.Truncate) {
		// The answer stays: what sets TC is another record, that there is no room for.
		r.Records(wire.Authority, wire.Question, h.unfitted)
	}
	return resolver.Answered
}

// isTurn reports whether a query is the one in every so many.
func isTurn(query uint64, every uint32) bool { return every > 0 && query%uint64(every) == 0 }

// delay waits, and reports false if nobody waits for the reply any more.
func delay(q *resolver.Query, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-q.Context.Done():
		return false
	case <-timer.C:
		return true
	}
}
