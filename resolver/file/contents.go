package file

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/zone"
)

// contents are what a zone file says of a zone. They do not change once read.
type contents struct {
	apex  zone.Name
	soa   *dns.SOA
	nodes map[zone.Name]*node // each name at and below the apex that exists
	// chain are the names with an NSEC record, in canonical order (RFC 4034
	// section 6.1); empty for a zone that is not signed.
	chain []zone.Name
}

// node is a name. One without sets is an empty non-terminal.
type node struct {
	sets []set // in the order of the file
}

// set is an RRset, and its signatures.
type set struct {
	typ  uint16
	rrs  []dns.RR
	sigs []dns.RR
}

// find returns the set of a type; it has no records if there is none.
func (n *node) find(typ uint16) set {
	if n != nil {
		for _, s := range n.sets {
			if s.typ == typ {
				return s
			}
		}
	}
	return set{}
}

// has reports whether there are records of a type.
func (n *node) has(typ uint16) bool { return len(n.find(typ).rrs) > 0 }

// empty reports whether there are no records at all.
func (n *node) empty() bool {
	return !slices.ContainsFunc(n.sets, func(s set) bool { return len(s.rrs) > 0 })
}

// isCut reports whether the zone ends at a node below its apex: another has
// authority there (RFC 1034 section 4.2.1). One with a SOA record is no cut but
// the apex as the file has it.
func (n *node) isCut() bool { return n.has(dns.TypeNS) && !n.has(dns.TypeSOA) }

// fault is something in a file that is not served as it is written.
type fault struct {
	owner string
	what  string
}

func (f fault) String() string { return f.owner + ": " + f.what }

// builder makes contents of records, in any order.
type builder struct {
	contents
	faults []fault
}

func newBuilder(apex zone.Name) *builder {
	return &builder{contents: contents{apex: apex, nodes: map[zone.Name]*node{apex: {}}}}
}

// add takes in a record, which it keeps and may change. What does not belong in
// the zone is left out.
func (b *builder) add(rr dns.RR) error {
	h := rr.Header()
	name, err := zone.ParseName(h.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	h.Name = name.String() // one spelling, for names to be compressed
	switch {
	case h.Class != dns.ClassINET:
		b.faulty(name, "a record that is not of class IN is left out")
		return nil
	case !name.IsBelow(b.apex):
		b.faulty(name, "a record outside of the zone is left out")
		return nil
	case h.Rrtype == dns.TypeNSEC3 || h.Rrtype == dns.TypeNSEC3PARAM:
		return fmt.Errorf("%s: %w", h.Name, errNSEC3)
	}
	if soa, ok := rr.(*dns.SOA); ok {
		if b.soa != nil {
			b.faulty(name, "a second SOA record is left out")
			return nil
		}
		b.soa = soa
		if name != b.apex {
			b.faulty(name, "the SOA record is not at "+b.apex.String()+", but is taken for the zone's")
		}
	}
	b.insert(name, rr)
	return nil
}

// insert puts a record into the set that it belongs to.
func (b *builder) insert(name zone.Name, rr dns.RR) {
	n := b.node(name)
	typ := rr.Header().Rrtype
	sig, isSig := rr.(*dns.RRSIG)
	if isSig {
		typ = sig.TypeCovered
	}
	i := slices.IndexFunc(n.sets, func(s set) bool { return s.typ == typ })
	if i < 0 {
		i = len(n.sets)
		n.sets = append(n.sets, set{typ: typ})
	}
	s := &n.sets[i]
	into := &s.rrs
	if isSig {
		into = &s.sigs
	}
	if slices.ContainsFunc(*into, func(have dns.RR) bool { return dns.IsDuplicate(have, rr) }) {
		return // RFC 2181 section 5: a set has each record once
	}
	if len(s.rrs) == 1 && !isSig && (typ == dns.TypeCNAME || typ == dns.TypeDNAME) {
		b.faulty(name, "a second "+dns.TypeToString[typ]+" record is left out")
		return
	}
	*into = append(*into, rr)
}

// node returns a name's node, and makes it and those above that are not there.
func (b *builder) node(name zone.Name) *node {
	n := b.nodes[name]
	if n == nil {
		n = new(node)
		b.nodes[name] = n
		b.node(name.Parent()) // ends at the apex, which is there
	}
	return n
}

func (b *builder) faulty(name zone.Name, what string) {
	b.faults = append(b.faults, fault{name.String(), what})
}

// finish returns what was added. A set has one TTL, its least (RFC 2181 section
// 5.2).
func (b *builder) finish() (*contents, error) {
	if b.soa == nil {
		return nil, fmt.Errorf("zone %s: %w", b.apex, errNoSOA)
	}
	for name, n := range b.nodes {
		if len(n.sets) > 1 && n.has(dns.TypeCNAME) && slices.ContainsFunc(n.sets, isBesideCNAME) {
			b.faulty(name, "records beside a CNAME record are not answered with")
		}
		if n.has(dns.TypeNSEC) {
			b.chain = append(b.chain, name)
		}
		for _, s := range n.sets {
			leastTTL(s.rrs)
		}
	}
	slices.SortFunc(b.chain, zone.Name.Compare)
	slices.SortFunc(b.faults, func(a, c fault) int { return slices.Compare([]string{a.owner, a.what}, []string{c.owner, c.what}) })
	return &b.contents, nil
}

// isBesideCNAME reports whether a set may not stand beside a CNAME record (RFC
// 2181 section 10.1, RFC 4034 section 3).
func isBesideCNAME(s set) bool {
	return s.typ != dns.TypeCNAME && s.typ != dns.TypeNSEC && len(s.rrs) > 0
}

func leastTTL(rrs []dns.RR) {
	if len(rrs) == 0 {
		return
	}
	least := rrs[0].Header().Ttl
	for _, rr := range rrs {
		least = min(least, rr.Header().Ttl)
	}
	for _, rr := range rrs {
		rr.Header().Ttl = least
	}
}
