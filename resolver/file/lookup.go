package file

import (
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// maxChain is how many CNAME and DNAME records are followed for a question.
const maxChain = 10

// errChain is why a question is SERVFAIL whose chain of CNAME records is too long.
var errChain = errors.New("file: CNAME or DNAME records form a loop, or a chain of more than 10")

// found is where the way down to a name ended.
type found struct {
	name zone.Name // that the node has
	node *node     // nil: the name does not exist, nor a wildcard for it
	how  how
	// encloser is the longest name above that exists, where the name does not.
	encloser zone.Name
}

// how says what a name was found to be.
type how uint8

const (
	exact    how = iota // the name exists
	wildcard            // it does not, but a wildcard stands for it
	missing             // it does not
	cut                 // node, at or above it, is a delegation
	redirect            // node, above it, has a DNAME record
)

// find walks from the apex, which name is at or below, down to name (RFC 1034
// section 4.3.2 step 3). The DS records of a delegation are this side's (RFC 4035
// section 3.1.4.1).
func (c *contents) find(name zone.Name, typ uint16) found {
	var starts [wire.MaxName / 2]uint8 // of each label that name has more than the apex
	depth := 0
	for at := 0; at < len(name)-len(c.apex); at += 1 + int(name[at]) {
		starts[depth] = uint8(at)
		depth++
	}
	at, n := c.apex, c.nodes[c.apex]
	for {
		switch {
		case at != c.apex && n.isCut() && (typ != dns.TypeDS || at != name):
			return found{name: at, node: n, how: cut}
		case depth == 0:
			return found{name: at, node: n, how: exact}
		case n.has(dns.TypeDNAME):
			return found{name: at, node: n, how: redirect}
		}
		depth--
		below := name[starts[depth]:]
		next := c.nodes[below]
		if next == nil {
			// An existing name, an empty non-terminal too, ends what a wildcard
			// further up stands for (RFC 4592 section 3.3.1): there is only the one
			// below the closest encloser.
			source := "\x01*" + at
			if w := c.nodes[source]; w != nil {
				return found{name: source, node: w, how: wildcard, encloser: at}
			}
			return found{name: below, how: missing, encloser: at}
		}
		at, n = below, next
	}
}

// answer is a reply being made. It takes nothing from the query's Reply, which
// is not touched before the answer is whole.
type answer struct {
	*contents
	q   *resolver.Query
	msg dns.Msg
	// bare: the name asked for has no record, so that it may fall through.
	bare bool
}

// lookup answers q, whose name is at or below the apex.
func (c *contents) lookup(q *resolver.Query) (*answer, resolver.Outcome, error) {
	a := &answer{contents: c, q: q}
	name := zone.Name(q.Name())
	a.msg.SetQuestion(name.String(), q.Type)
	a.msg.Authoritative = true
	for range maxChain + 1 {
		f := c.find(name, q.Type)
		switch f.how {
		case cut:
			a.referral(f.node)
			return a, resolver.NoData, nil
		case missing:
			a.bare = len(a.msg.Answer) == 0
			a.denyName(name, f.encloser)
			return a, resolver.NameError, nil
		}
		target, outcome := a.at(name, f)
		if target == "" {
			return a, outcome, nil
		}
		if !target.IsBelow(c.apex) {
			return a.outside(target)
		}
		name = target
	}
	return nil, resolver.ServFail, errChain
}

// at adds what a node says of name, and returns where a CNAME or DNAME record
// leads, if anywhere.
func (a *answer) at(name zone.Name, f found) (zone.Name, resolver.Outcome) {
	if f.how == redirect {
		return a.dname(name, f.node)
	}
	if s := f.node.find(dns.TypeCNAME); len(s.rrs) > 0 && follows(a.q.Type) {
		a.answer(name, f, s)
		target, err := zone.ParseName(s.rrs[0].(*dns.CNAME).Target)
		if err != nil { // the parser let it in
			return "", resolver.ServFail
		}
		return target, resolver.Answered
	}
	before := len(a.msg.Answer)
	for _, s := range a.asked(f.node) {
		a.answer(name, f, s)
	}
	if len(a.msg.Answer) == before {
		a.bare = before == 0 && f.node.empty()
		a.denyType(name, f)
		return "", resolver.NoData
	}
	a.additional(a.msg.Answer[before:])
	return "", resolver.Answered
}

// follows reports whether a question of a type is led on by a CNAME record (RFC
// 1034 section 4.3.2 step 3a, RFC 4034 sections 3 and 4).
func follows(typ uint16) bool {
	switch typ {
	case dns.TypeCNAME, dns.TypeANY, dns.TypeNSEC, dns.TypeRRSIG:
		return false
	}
	return true
}

// asked returns the sets that answer the question. Of ANY over UDP that is one of
// them (RFC 8482 section 4.1).
func (a *answer) asked(n *node) []set {
	switch a.q.Type {
	case dns.TypeANY:
		sets := slices.DeleteFunc(slices.Clone(n.sets), func(s set) bool { return len(s.rrs) == 0 })
		if a.q.Transport == resolver.UDP && len(sets) > 1 {
			sets = sets[:1]
		}
		return sets
	case dns.TypeRRSIG:
		var sigs []set
		for _, s := range n.sets {
			if len(s.sigs) > 0 {
				sigs = append(sigs, set{typ: dns.TypeRRSIG, rrs: s.sigs})
			}
		}
		return sigs
	}
	if s := n.find(a.q.Type); len(s.rrs) > 0 {
		return []set{s}
	}
	return nil
}

// answer adds a set to the answer. That of a wildcard becomes the name's own (RFC
// 4592 section 3.3.1).
func (a *answer) answer(name zone.Name, f found, s set) {
	rrs := a.signed(s)
	if f.how == wildcard {
		owner := name.String()
		for i, rr := range rrs {
			rr = dns.Copy(rr)
			rr.Header().Name = owner
			rrs[i] = rr
		}
		if a.q.DO {
			a.authority(a.covering(name))
		}
	}
	a.msg.Answer = append(a.msg.Answer, rrs...)
}

// signed returns a copy of a set's records, with their signatures if the client
// asked for those (RFC 4035 section 3.1).
func (a *answer) signed(s set) []dns.RR {
	if a.q.DO && len(s.rrs) > 0 {
		return slices.Concat(s.rrs, s.sigs)
	}
	return slices.Clone(s.rrs)
}
