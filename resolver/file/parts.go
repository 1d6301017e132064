package file

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// dname adds a node's DNAME record, and the CNAME record that follows from it, and
// returns where that leads. A name that gets too long is YXDOMAIN (RFC 6672
// section 2.2).
func (a *answer) dname(name zone.Name, n *node) (zone.Name, resolver.Outcome) {
	s := n.find(dns.TypeDNAME)
	rr := s.rrs[0].(*dns.DNAME)
	if !slices.Contains(a.msg.Answer, dns.RR(rr)) { // it may be on the way twice
		a.msg.Answer = append(a.msg.Answer, a.signed(s)...)
	}
	owner, err := zone.ParseName(rr.Hdr.Name)
	if err != nil {
		return "", resolver.ServFail
	}
	base, err := zone.ParseName(rr.Target)
	if err != nil {
		return "", resolver.ServFail
	}
	target := name[:len(name)-len(owner)] + base
	if len(target) > wire.MaxName {
		a.msg.Rcode = dns.RcodeYXDomain
		return "", resolver.Coded
	}
	a.msg.Answer = append(a.msg.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: rr.Hdr.Ttl},
		Target: target.String(),
	})
	if a.q.Type == dns.TypeCNAME || a.q.Type == dns.TypeANY {
		return "", resolver.Answered
	}
	return target, resolver.Answered
}

// outside asks the server itself for a name outside of the zone that the answer
// has led to. What it has no business with is left to the client: the answer ends
// with the CNAME record. The rcode is that of the last name (RFC 6604 section 3).
func (a *answer) outside(target zone.Name) (*answer, resolver.Outcome, error) {
	if a.q.Head == nil {
		return a, resolver.Answered, nil
	}
	m, outcome, err := resolver.Ask(a.q.Head, a.q, resolver.Question{Name: target.String(), Type: a.q.Type})
	switch {
	case outcome == resolver.Later, outcome == resolver.Dropped:
		return nil, outcome, nil
	case outcome == resolver.ServFail && err == nil, outcome == resolver.Coded:
		err = fmt.Errorf("file: %s, which a CNAME record leads to, has no answer", target)
		return a, resolver.ServFail, err
	case err != nil:
		return a, resolver.ServFail, fmt.Errorf("file: following a CNAME record: %w", err)
	case outcome == resolver.Refused:
		return a, resolver.Answered, nil
	}
	a.msg.Answer = append(a.msg.Answer, m.Answer...)
	a.msg.Truncated = m.Truncated
	if outcome != resolver.Answered {
		a.msg.Ns = append(a.msg.Ns, m.Ns...)
	}
	return a, outcome, nil
}

// referral leads to the servers of a delegation (RFC 1034 section 4.3.2 step 3b).
// Without an answer before it has no authority (RFC 2181 section 5.4.1).
func (a *answer) referral(n *node) {
	a.msg.Authoritative = len(a.msg.Answer) > 0
	servers := n.find(dns.TypeNS)
	a.msg.Ns = append(a.msg.Ns, servers.rrs...) // unsigned (RFC 4035 section 3.1.4.1)
	if a.q.DO {
		proof := n.find(dns.TypeDS)
		if len(proof.rrs) == 0 {
			proof = n.find(dns.TypeNSEC)
		}
		a.authority(proof)
	}
	a.additional(servers.rrs)
}

// additional adds the addresses, known to the zone, of names that records lead to
// (RFC 1035 sections 3.3.9 and 3.3.11, RFC 2782, RFC 9460 section 4.1). Those
// below a delegation are its glue.
func (a *answer) additional(rrs []dns.RR) {
	var done []*node
	for _, rr := range rrs {
		n := a.nodes[leadsTo(rr)]
		if n == nil || slices.Contains(done, n) {
			continue
		}
		done = append(done, n)
		a.msg.Extra = append(a.msg.Extra, a.signed(n.find(dns.TypeA))...)
		a.msg.Extra = append(a.msg.Extra, a.signed(n.find(dns.TypeAAAA))...)
	}
}

// leadsTo returns the name whose addresses one needs next, "" for none.
func leadsTo(rr dns.RR) zone.Name {
	text := ""
	switch rr := rr.(type) {
	case *dns.NS:
		text = rr.Ns
	case *dns.MX:
		text = rr.Mx
	case *dns.SRV:
		text = rr.Target
	case *dns.SVCB:
		text = rr.Target
	case *dns.HTTPS:
		text = rr.Target
	}
	if text == "" || text == "." {
		return ""
	}
	name, err := zone.ParseName(text)
	if err != nil {
		return ""
	}
	return name
}
