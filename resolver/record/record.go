package record

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// DefaultLimit is how many questions a Recorder keeps unless told otherwise.
const DefaultLimit = 10000

// Query is a question that was asked.
type Query struct {
	Time      time.Time // when it came
	Client    netip.AddrPort
	Transport string // "udp" or "tcp"; over TLS and HTTPS "tcp" too
	Name      string // absolute, in lower case
	Type      string // "A"
	// Rcode is that of the reply, as "NOERROR" or "NXDOMAIN"; "" if none is sent.
	Rcode string
	// Answers is how many records the reply's answer section has.
	Answers int
}

// Recorder keeps the last questions. It is safe for concurrent use.
type Recorder struct {
	limit int

	mu   sync.Mutex
	ring []Query // guarded by mu; the oldest is at next once it is full
	next int     // guarded by mu
}

// New returns a Recorder of at most limit questions, DefaultLimit if that is 0.
func New(limit int) *Recorder {
	if limit == 0 {
		limit = DefaultLimit
	}
	return &Recorder{limit: limit}
}

// Handler returns what passes questions on to next, and keeps what came of them.
func (rec *Recorder) Handler(next resolver.Handler) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		o := next.Serve(q, r)
		if o != resolver.Later && q.Depth == 0 {
			rec.add(query(q, r, o))
		}
		return o
	})
}

func query(q *resolver.Query, r *resolver.Reply, o resolver.Outcome) Query {
	asked := Query{
		Time: q.Received, Client: q.Client, Transport: q.Transport.String(),
		Name: zone.Name(q.Name()).String(), Type: dns.Type(q.Type).String(),
	}
	if o == resolver.Dropped {
		return asked
	}
	rcode := o.Rcode(r)
	var known bool
	if asked.Rcode, known = dns.RcodeToString[int(rcode)]; !known {
		asked.Rcode = "RCODE" + strconv.Itoa(int(rcode))
	}
	asked.Answers = r.Count(wire.Answer)
	return asked
}

func (rec *Recorder) add(q Query) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.ring) < rec.limit {
		rec.ring = append(rec.ring, q)
		return
	}
	rec.ring[rec.next] = q
	rec.next = (rec.next + 1) % rec.limit
}

// Queries returns the questions that are kept, in the order they were answered.
func (rec *Recorder) Queries() []Query {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append(append([]Query(nil), rec.ring[rec.next:]...), rec.ring[:rec.next]...)
}

// Clear forgets them.
func (rec *Recorder) Clear() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.ring, rec.next = nil, 0
}
