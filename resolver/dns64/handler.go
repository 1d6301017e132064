package dns64

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "dns64"

// mostTTL is the TTL, in seconds, of records made where no SOA record says for how
// long there are no others (RFC 6147 section 5.1.7).
const mostTTL = 600

// excluded are the addresses that are no answer to a client that has IPv6 alone:
// those of IPv4 in the form of IPv6 (RFC 6147 section 5.1.4).
var excluded = netip.MustParsePrefix("::ffff:0:0/96")

// Handler makes AAAA records of A records. Make it with New.
type Handler struct {
	config     Config
	translated prometheus.Counter // nil counts nothing
	next       resolver.Handler
}

// New returns a handler before next, which it asks for both types.
func New(c Config, next resolver.Handler) *Handler {
	if !c.Prefix.IsValid() {
		c.Prefix = WellKnownPrefix
	}
	return &Handler{c, c.Metrics.of(c.Server), next}
}

// Serve passes q on, and makes records if it is for AAAA records and there are
// none.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	// Fast path: not ours.
	if q.Type != wire.TypeAAAA || q.Class != wire.ClassIN || !h.config.AllowIPv4 && q.Client.Addr().Unmap().Is4() {
		return h.next.Serve(q, r)
	}
	o := h.next.Serve(q, r)
	if !empty(q, r, o) {
		return o
	}
	first, err := r.Msg()
	if err != nil {
		r.Clear()
		r.Err = err
		return resolver.ServFail
	}
	kept, left := within(first.Answer)
	if kept > 0 && !h.config.TranslateAll {
		if len(left) == len(first.Answer) {
			return o
		}
		first.Answer = left
		return set(r, first, o)
	}
	return h.synthesise(q, r, o, first)
}

// empty reports whether a reply to a question for AAAA records may have none, so
// that it is worth a look. An error of another server is as good as none (RFC 6147
// section 5.1.2), one of our own is not. What was cut will be asked for again.
func empty(q *resolver.Query, r *resolver.Reply, o resolver.Outcome) bool {
	switch {
	case q.DO && q.Flags&wire.FlagCD != 0, r.Truncated():
		return false
	case o == resolver.Answered, o == resolver.NoData:
		return true
	case o == resolver.ServFail, o == resolver.Refused, o == resolver.Coded:
		return r.Relayed != nil
	}
	return false
}

// within returns how many AAAA records there are that are not excluded, and the
// records without those that are.
func within(rrs []dns.RR) (kept int, left []dns.RR) {
	for _, rr := range rrs {
		if aaaa, ok := rr.(*dns.AAAA); ok {
			if addr, ok := netip.AddrFromSlice(aaaa.AAAA.To16()); ok && excluded.Contains(addr) {
				continue
			}
			kept++
		}
		left = append(left, rr)
	}
	return kept, left
}

// synthesise asks for A records and makes the reply of them. Without any the
// first reply stays, unless the failure to find out is news.
func (h *Handler) synthesise(q *resolver.Query, r *resolver.Reply, o resolver.Outcome, first *dns.Msg) resolver.Outcome {
	question := resolver.Question{Name: zone.Name(q.Name()).String(), Type: dns.TypeA}
	m, second, err := resolver.Ask(h.next, q, question)
	switch second {
	case resolver.Answered:
	case resolver.Later, resolver.Dropped:
		r.Clear()
		return second
	case resolver.ServFail:
		if m != nil {
			return set(r, m, second)
		}
		r.Clear()
		r.Err = err
		return resolver.ServFail
	default:
		return o
	}
	ttl := uint32(mostTTL)
	for _, rr := range first.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			ttl = soa.Hdr.Ttl
		}
	}
	if !h.translate(m, ttl) {
		return o
	}
	o = set(r, m, resolver.Answered)
	if o == resolver.Answered {
		r.Handler = Name
		if h.translated != nil && q.Depth == 0 {
			h.translated.Inc()
		}
	}
	return o
}

// translate makes each A record in the answer an AAAA record whose TTL is at most
// ttl, and reports whether there was one. The signatures of A records go; all else
// stays (RFC 6147 section 5.1.7).
func (h *Handler) translate(m *dns.Msg, ttl uint32) (any bool) {
	m.Answer = slices.DeleteFunc(m.Answer, func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && sig.TypeCovered == dns.TypeA
	})
	for i, rr := range m.Answer {
		a, ok := rr.(*dns.A)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(a.A.To4())
		if !ok {
			continue
		}
		any = true
		hdr := a.Hdr
		hdr.Rrtype, hdr.Ttl = dns.TypeAAAA, min(hdr.Ttl, ttl)
		m.Answer[i] = &dns.AAAA{Hdr: hdr, AAAA: embed(h.config.Prefix, addr).AsSlice()}
	}
	m.AuthenticatedData = false // nobody signed these
	return any
}

// embed puts an IPv4 address into a prefix. It goes right after it, but around
// the octet of bits 64 to 71, which stays 0 (RFC 6052 section 2.2).
func embed(prefix netip.Prefix, addr netip.Addr) netip.Addr {
	const reserved = 8
	out, in := prefix.Addr().As16(), addr.As4()
	at := prefix.Bits() / 8
	for _, octet := range in {
		if at == reserved {
			at++
		}
		out[at] = octet
		at++
	}
	return netip.AddrFrom16(out)
}

// set makes m the reply, whose outcome is o.
func set(r *resolver.Reply, m *dns.Msg, o resolver.Outcome) resolver.Outcome {
	if err := r.SetMsg(m); err != nil {
		r.Clear()
		r.Err = err
		return resolver.ServFail
	}
	return o
}
