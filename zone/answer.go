package zone

import (
	"net/netip"
	"unsafe"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Outcome says what a question got from the zones. An rcode follows from it and
// from nothing else.
type Outcome uint8

// The outcomes of Snapshot.Answer.
const (
	// NotOurs: no zone here is authoritative for the name.
	NotOurs Outcome = iota
	// NotReady: a zone is, but not synced: nothing can be said (SERVFAIL).
	NotReady
	// Success: the answer section has what was asked.
	Success
	// NoData: the name exists, without records of the type (RFC 2308 section 2.2).
	NoData
	// NameError: the name does not exist (RFC 2308 section 2.1).
	NameError
	// Leaves: the answer section ends in a CNAME to a name outside the zones.
	Leaves
	// Loop: CNAMEs lead to one another without end (SERVFAIL).
	Loop
)

// Result is an Outcome and where it was found.
type Result struct {
	Outcome Outcome
	zone    *state // of the last name looked up; nil for NotOurs
}

// Zone returns the apex of the zone that the outcome is from, "" for NotOurs.
func (r Result) Zone() Name {
	if r.zone == nil {
		return ""
	}
	return r.zone.apex
}

// maxChain is how many CNAMEs are followed.
const maxChain = 8

// Answer appends the answer and additional sections for q, which r is the reply
// to, and reports the outcome. Negative outcomes leave the authority section to
// Negative. It does not allocate, but for pod names that spell an IPv6 address.
func (s *Snapshot) Answer(q *wire.Query, r *wire.Reply) Result {
	name, owner := q.Name(), wire.Question
	zone := s.zoneOf(name)
	if zone == nil {
		return Result{Outcome: NotOurs}
	}
	if !s.Synced {
		return Result{NotReady, zone}
	}
	for range 1 + maxChain {
		n := s.names.find(s.hash, name)
		if s.config.Zonal && (n == nil || n.isBare()) {
			if at := s.scoped(zone, name); at != nil {
				n = at
			}
		}
		if n == nil {
			if a, ok := s.podAddr(zone, name); ok {
				return Result{s.appendAddr(q.Type, r, owner, a), zone}
			}
			return Result{NameError, zone}
		}
		if !n.alias {
			return Result{s.appendNode(q.Type, r, owner, zone, n), zone}
		}
		target := n.target()
		at, ok := s.appendAlias(r, owner, target)
		if !ok || q.Type == wire.TypeCNAME || q.Type == wire.TypeANY {
			return Result{Success, zone} // if it did not fit, TC says that there is more
		}
		next := s.zoneOf(target)
		if next == nil {
			return Result{Leaves, zone}
		}
		name, owner, zone = target, at, next
	}
	return Result{Loop, zone}
}

// Negative appends what a negative answer has in its authority section: the SOA
// record of the zone that it is from, with the lesser of its TTL and its MINIMUM
// (RFC 2308 section 3).
func (s *Snapshot) Negative(result Result, r *wire.Reply) {
	if result.zone != nil {
		r.Record(wire.Authority, s.soa(result.zone, min(s.config.TTL, s.config.NegativeTTL)))
	}
}

// target returns where a name that is an alias leads, in wire form.
func (n *node) target() []byte {
	_, target, _ := wire.NextRR(n.run(wire.TypeCNAME))
	return target
}

// appendAlias appends a CNAME record to target, compressed, so that more of what it
// leads to fits. It returns the target's place. Nothing keeps target, of which a
// Name is made without a copy.
func (s *Snapshot) appendAlias(r *wire.Reply, owner wire.Owner, target []byte) (at wire.Owner, ok bool) {
	return r.Record(wire.Answer, wire.RR{
		Owner: owner, Type: wire.TypeCNAME, TTL: s.config.TTL,
		Names: [2]Name{Name(unsafe.String(unsafe.SliceData(target), len(target)))},
	})
}

// appendNode appends the records of one type that a name has.
func (s *Snapshot) appendNode(typ uint16, r *wire.Reply, owner wire.Owner, z *state, n *node) Outcome {
	before := r.Count(wire.Answer) // CNAMEs that led here
	switch {
	case typ == wire.TypeANY:
		s.appendAny(r, owner, z, n)
	case typ == wire.TypeSOA && n.name() == z.apex:
		r.Record(wire.Answer, s.soa(z, s.config.TTL))
	default:
		place := r.NextRDATA()
		s.appendType(typ, r, owner, n)
		switch typ {
		case wire.TypeSRV:
			if !r.Truncated() { // else the client asks again over TCP
				s.appendGlue(r)
			}
		case wire.TypeNS:
			if set := n.run(typ); len(set) > 0 {
				_, target, _ := wire.NextRR(set)
				s.appendAddrs(r, place, target)
			}
		}
	}
	if r.Count(wire.Answer) == before && !r.Truncated() {
		return NoData
	}
	return Success
}

// appendAny answers a question for every type: all records on a stream, where
// clients that ask so for peers expect them, and else one RRset, as small
// questions shall not get large answers (RFC 8482 section 4.1).
func (s *Snapshot) appendAny(r *wire.Reply, owner wire.Owner, z *state, n *node) {
	if n.name() == z.apex {
		r.Record(wire.Answer, s.soa(z, s.config.TTL))
		if !r.Large {
			return
		}
	}
	for typ := n.next(typeExists); typ != typeExists; typ = n.next(typ) {
		s.appendType(typ, r, owner, n)
		if !r.Large {
			return
		}
	}
}

// appendType appends the records of one type, in the order of their ranks.
func (s *Snapshot) appendType(typ uint16, r *wire.Reply, owner wire.Owner, n *node) {
	hostnames := s.config.HostnamePTR && typ == wire.TypePTR
	switch {
	case typ == typeExists:
	case !n.large && hostnames && n.hostnames > 0:
		appendRun(r, owner, typ, first(n.run(typ), n.hostnames))
	case !n.large && !n.repeats: // Fast path
		appendRun(r, owner, typ, n.run(typ))
	case n.repeats || hostnames: // Slow path
		n.each(typ, hostnames, func(rr, _ []byte) bool { return r.Records(wire.Answer, owner, rr) })
	default:
		for i := range n.largeSets() {
			if set := &n.largeSets()[i]; set.typ == typ && !set.append(r, wire.Answer, owner) {
				return
			}
		}
	}
}

// appendRun appends records of one type to the answer section, addresses turned
// by r.Rotate.
func appendRun(r *wire.Reply, owner wire.Owner, typ uint16, records []byte) {
	if len(records) == 0 {
		return
	}
	if from := turned(r, typ, records, len(records)); from > 0 {
		if !r.Records(wire.Answer, owner, records[from:]) {
			return
		}
		records = records[:from]
	}
	r.Records(wire.Answer, owner, records)
}

// turned returns where in the octets of a set the record begins that is to go
// first: records has its first, and all of an address set are of one length.
func turned(r *wire.Reply, typ uint16, records []byte, octets int) int {
	if r.Rotate == 0 || typ != wire.TypeA && typ != wire.TypeAAAA {
		return 0
	}
	rr, _, _ := wire.NextRR(records)
	return int(r.Rotate%uint32(octets/len(rr))) * len(rr)
}

// append appends a set in chunks, addresses in the answer section turned by
// r.Rotate. It reports whether all of it fit.
func (s *rrset) append(r *wire.Reply, section wire.Section, owner wire.Owner) bool {
	from := 0
	if section == wire.Answer {
		rr, _, _ := wire.NextRR(s.chunks[0])
		from = turned(r, s.typ, s.chunks[0], s.count*len(rr))
	}
	at := 0
	for _, c := range s.chunks { // from there to the end
		if skip := max(from-at, 0); skip < len(c) && !r.Records(section, owner, c[skip:]) {
			return false
		}
		at += len(c)
	}
	at = 0
	for _, c := range s.chunks { // and from the beginning to there
		if at >= from {
			break
		}
		if !r.Records(section, owner, c[:min(len(c), from-at)]) {
			return false
		}
		at += len(c)
	}
	return true
}

// appendGlue adds the addresses of the SRV records' targets, as far as they fit
// (RFC 2782, "Additional data").
func (s *Snapshot) appendGlue(r *wire.Reply) {
	var last []byte
	r.EachTarget(func(owner wire.Owner, target []byte) bool {
		if string(target) == string(last) {
			return true
		}
		last = target
		return s.appendAddrs(r, owner, target)
	})
}

// appendAddrs adds the addresses of target, which stands in the message at
// owner, to the additional section.
func (s *Snapshot) appendAddrs(r *wire.Reply, owner wire.Owner, target []byte) bool {
	n := s.names.find(s.hash, target)
	if n == nil {
		return true
	}
	if !n.large { // Fast path
		return r.Records(wire.Additional, owner, n.run(wire.TypeA)) &&
			r.Records(wire.Additional, owner, n.run(wire.TypeAAAA))
	}
	for i := range n.largeSets() {
		set := &n.largeSets()[i]
		if set.typ != wire.TypeA && set.typ != wire.TypeAAAA {
			continue
		}
		// A set goes in whole or not at all (RFC 2181 section 5): the chunks
		// of a large one may not fit together.
		rr, _, _ := wire.NextRR(set.chunks[0])
		if !r.Fits(set.count*len(rr)) || !set.append(r, wire.Additional, owner) {
			return false
		}
	}
	return true
}

// appendAddr answers a name that spells an address, a.
func (s *Snapshot) appendAddr(typ uint16, r *wire.Reply, owner wire.Owner, a netip.Addr) Outcome {
	rr := wire.RR{Owner: owner, TTL: s.config.TTL}
	var b [16]byte
	if a.Is4() {
		four := a.As4()
		rr.Type, rr.Data = wire.TypeA, append(b[:0], four[:]...)
	} else {
		b = a.As16()
		rr.Type, rr.Data = wire.TypeAAAA, b[:]
	}
	if typ != rr.Type && typ != wire.TypeANY {
		return NoData
	}
	r.Record(wire.Answer, rr)
	return Success
}
