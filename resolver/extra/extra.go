package extra

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in logs.
const Name = "extra"

// Records are those that were added. They are safe for concurrent use.
type Records struct {
	mu      sync.Mutex                      // held by those who change it
	current atomic.Pointer[map[string]node] // by name, in lower case; never changed
}

// node is what was added at a name. One without records has names below it.
type node []dns.RR

// New returns Records without any.
func New() *Records {
	e := new(Records)
	e.current.Store(new(map[string]node))
	return e
}

// Add adds records in the format of master files (RFC 1035 section 5.1), one a
// line. Names are absolute, with or without a final dot; a record without TTL has 0.
// All are added, or none. Adding one again changes its TTL.
func (e *Records) Add(text string) error {
	var added []dns.RR
	parser := dns.NewZoneParser(strings.NewReader("$TTL 0\n"+text), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		added = append(added, rr)
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("records: %w (want such as db.example.org. 60 IN A 192.0.2.1)", err)
	}
	if len(added) == 0 {
		return errors.New("records: none is given (want such as db.example.org. 60 IN A 192.0.2.1)")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	all := maps.Clone(*e.current.Load())
	if all == nil {
		all = map[string]node{}
	}
	for _, rr := range added {
		name := dns.CanonicalName(rr.Header().Name)
		rest := slices.DeleteFunc(slices.Clone(all[name]), func(old dns.RR) bool { return dns.IsDuplicate(old, rr) })
		all[name] = append(rest, rr)
		for at, end := dns.NextLabel(name, 0); !end; at, end = dns.NextLabel(name, at) {
			all[name[at:]] = append(node{}, all[name[at:]]...)
		}
	}
	e.current.Store(&all)
	return nil
}

// Clear takes all records away.
func (e *Records) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current.Store(new(map[string]node))
}

// Handler returns what answers with the records, and passes other questions on to
// next. Those that are added later are its own.
func (e *Records) Handler(next resolver.Handler) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		all := *e.current.Load()
		// Fast path: nothing was added.
		if len(all) == 0 || q.Class != wire.ClassIN {
			return next.Serve(q, r)
		}
		name := zone.Name(q.Name()).String()
		records, ok := all[name]
		if len(records) > 0 {
			return answer(q, r, records)
		}
		o := next.Serve(q, r)
		if ok && (o == resolver.NameError || o == resolver.Refused) {
			r.Clear()
			r.Handler, r.Authoritative = Name, true
			return resolver.NoData
		}
		return o
	})
}

// answer replies with those of a name's records that are asked for.
//
// Slow path.
func answer(q *resolver.Query, r *resolver.Reply, records []dns.RR) resolver.Outcome {
	m, err := r.Msg()
	if err != nil {
		return failed(r, err)
	}
	o := resolver.NoData
	for _, rr := range records {
		switch t := rr.Header().Rrtype; {
		case t == q.Type, q.Type == dns.TypeANY:
			m.Answer, o = append(m.Answer, rr), resolver.Answered
		case t == dns.TypeCNAME:
			m.Answer, o = []dns.RR{rr}, resolver.Answered
			rest, led, err := resolver.Ask(q.Head, q, resolver.Question{Name: rr.(*dns.CNAME).Target, Type: q.Type})
			switch {
			case led == resolver.Later, led == resolver.Dropped:
				return led
			case err != nil:
				return failed(r, err)
			case led != resolver.Refused: // RFC 6604 section 3: the rcode is that of the last name
				o = led
				m.Answer, m.Ns, m.Rcode = append(m.Answer, rest.Answer...), rest.Ns, rest.Rcode
			}
		}
	}
	if err := r.SetMsg(m); err != nil {
		return failed(r, err)
	}
	r.Handler, r.Authoritative = Name, true
	return o
}

func failed(r *resolver.Reply, err error) resolver.Outcome {
	r.Clear()
	r.Err = fmt.Errorf("records added by hand: %w", err)
	return resolver.ServFail
}
