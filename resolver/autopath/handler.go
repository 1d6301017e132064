package autopath

import (
	"fmt"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "autopath"

// Handler walks search paths. Make it with New.
type Handler struct {
	config    Config
	zones     []zone.Name
	search    []zone.Name        // of the file
	succeeded prometheus.Counter // nil counts nothing
	next      resolver.Handler
}

// New reads the search path of the file, and returns a handler before next. It
// does not read it again.
func New(c Config, next resolver.Handler) (*Handler, error) {
	h := &Handler{config: c, succeeded: c.Metrics.of(c.Server), next: next}
	var err error
	if h.zones, err = zone.ParseNames(c.Zones); err != nil {
		return nil, fmt.Errorf("autopath: zone: %w", err)
	}
	file, mayMiss := c.File, false
	if c.Kubernetes && file == "" {
		file, mayMiss = hostFile, true
	}
	if h.search, err = readSearch(file, mayMiss); err != nil {
		return nil, err
	}
	return h, nil
}

// Serve passes q on, and looks for the name further on the client's search path if
// it does not exist.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	o := h.next.Serve(q, r)
	// Fast path: most names are there, or in no search domain.
	if o != resolver.NameError || q.Class != wire.ClassIN || zone.Longest(h.zones, q.Name()) == "" {
		return o
	}
	path := h.path(q)
	if len(path) == 0 {
		return o // the client has none that is known
	}
	// Slow path.
	names := others(zone.Name(q.Name()), path)
	if len(names) == 0 {
		return o
	}
	denial, err := r.Msg()
	if err != nil {
		r.Clear()
		r.Err = fmt.Errorf("autopath: %w", err)
		return resolver.ServFail
	}
	for _, name := range names {
		m, found, _ := resolver.Ask(h.next, q, resolver.Question{Name: name.String(), Type: q.Type})
		switch found {
		case resolver.Answered:
			return h.lead(q, r, found, alias(q, name, m, denial))
		case resolver.NoData:
			return h.lead(q, r, found, noData(denial))
		case resolver.NameError:
			continue
		case resolver.Later:
			r.Clear()
			return resolver.Later
		}
		// It can't be told, or is none of the client's business. The client asks for
		// it by itself, and gets to know.
		return o
	}
	return o
}

// lead makes m the reply, whose outcome is o.
func (h *Handler) lead(q *resolver.Query, r *resolver.Reply, o resolver.Outcome, m *dns.Msg) resolver.Outcome {
	r.Clear()
	r.Handler = Name
	if err := r.SetMsg(m); err != nil {
		r.Clear()
		r.Err = fmt.Errorf("autopath: %w", err)
		return resolver.ServFail
	}
	if h.succeeded != nil && q.Depth == 0 {
		h.succeeded.Inc()
	}
	return o
}

// alias makes the reply to a question for name one to q, with a CNAME record from
// there. That holds for as long as denial, and the records at name, do. AA is of the
// first name in the answer, and so denial's (RFC 1035 section 4.1.1); AD, of all
// records, can't be (RFC 4035 section 3.2.3).
func alias(q *resolver.Query, name zone.Name, m, denial *dns.Msg) *dns.Msg {
	owner := zone.Name(q.Name()).String()
	ttl := soaTTL(denial)
	if len(m.Answer) > 0 { // or none of the answer fits into a datagram
		ttl = min(ttl, m.Answer[0].Header().Ttl)
	}
	cname := &dns.CNAME{
		Hdr:    dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl},
		Target: name.String(),
	}
	m.Answer = append([]dns.RR{cname}, m.Answer...)
	m.Question[0].Name = owner
	m.Authoritative, m.AuthenticatedData = denial.Authoritative, false
	return m
}

// noData makes of denial, of a name, that it has no records of the type.
func noData(denial *dns.Msg) *dns.Msg {
	denial.Rcode, denial.Answer = dns.RcodeSuccess, nil
	return denial
}

// soaTTL returns for how long, in seconds, a denial holds: not at all without a
// SOA record (RFC 2308 section 5).
func soaTTL(m *dns.Msg) uint32 {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return 0
}
