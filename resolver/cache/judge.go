package cache

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// kind is what a reply is to a question.
type kind uint8

const (
	// other: neither of those below. It is not kept.
	other kind = iota
	// answer: NOERROR with what was asked for.
	answer
	// denial: NXDOMAIN or NOERROR without it, and a SOA record that says for how
	// long that is so.
	denial
	// failure: SERVFAIL.
	failure
)

// verdict is what a reply is worth.
type verdict struct {
	kind    kind
	outcome resolver.Outcome
	ttl     uint32 // the least of its records, and of the SOA's minimum in a denial
	most    uint32 // the greatest TTL of its records
	settled bool   // NOERROR or NXDOMAIN, whole: the other server knows
	foreign bool   // it is about another name, and worth nothing
}

// judge says what a reply of another server is to q. At wall clock time now,
// signatures must be valid where the client asked for them.
//
// Slow path.
func judge(q *wire.Query, m *wire.Message, now time.Time) verdict {
	v := verdict{ttl: math.MaxInt32}
	if m.Truncated || q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR {
		return v
	}
	switch m.Rcode {
	case wire.NoError, wire.NXDomain:
		v.settled = true
	case wire.ServFail:
		v.kind, v.outcome = failure, resolver.ServFail
		return v
	default:
		return v
	}
	records, ok := unpack(q, m)
	if !ok {
		return verdict{foreign: true}
	}
	for _, rr := range records {
		v.ttl, v.most = min(v.ttl, lifetime(rr.ttl)), max(v.most, rr.ttl)
		if q.DO && rr.typ == typeRRSIG && !isCurrent(rr.rdata, now) {
			return v // of no use to those who validate
		}
	}
	name, ok := follow(q, records)
	switch {
	case !ok:
	case !has(records, q, name):
		v.deny(name, records)
		if m.Rcode == wire.NXDomain {
			v.outcome = resolver.NameError
		}
	case m.Rcode == wire.NoError:
		v.kind, v.outcome = answer, resolver.Answered
	}
	return v
}

// deny makes a verdict that of a denial of name, if a SOA record of a zone that
// it is in says for how long: its TTL or its minimum, whichever is less (RFC 2308
// section 5).
func (v *verdict) deny(name string, records []record) {
	for _, rr := range records {
		if rr.section == wire.Authority && rr.typ == wire.TypeSOA && len(rr.rdata) >= soaNumbers && wire.Name(name).IsBelow(wire.Name(rr.owner)) {
			v.kind, v.outcome = denial, resolver.NoData
			v.ttl = min(v.ttl, lifetime(binary.BigEndian.Uint32(rr.rdata[len(rr.rdata)-4:])))
		}
	}
}

// lifetime returns what a TTL means: nothing if it has the highest bit (RFC 2181
// section 8).
func lifetime(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}

const typeRRSIG uint16 = 46

const (
	soaNumbers = 20 // the last octets of a SOA record's RDATA: serial to minimum
	rrsigTimes = 8  // where an RRSIG record's RDATA has expiration and inception
	// maxAliases bounds how many CNAME records are followed.
	maxAliases = 16
)

// isCurrent reports whether now is within the time of an RRSIG record, in serial
// number arithmetic (RFC 4034 section 3.1.5).
func isCurrent(rdata []byte, now time.Time) bool {
	if len(rdata) < rrsigTimes+8 {
		return false
	}
	expiration := binary.BigEndian.Uint32(rdata[rrsigTimes:])
	inception := binary.BigEndian.Uint32(rdata[rrsigTimes+4:])
	t := uint32(now.Unix())
	return int32(expiration-t) >= 0 && int32(t-inception) >= 0
}

// follow returns the name that is at the end of the aliases that begin at q's
// (RFC 2308 section 1): q's own where it is none, or was asked for aliases. It
// reports false if they go round, or one leads to two names (RFC 2181 section
// 10.1).
func follow(q *wire.Query, records []record) (name string, ok bool) {
	name = string(q.Name())
	if q.Type == wire.TypeCNAME || q.Type == wire.TypeANY {
		return name, true
	}
	for range maxAliases {
		target := ""
		for _, rr := range records {
			if rr.section != wire.Answer || rr.typ != wire.TypeCNAME || rr.class != q.Class || rr.owner != name {
				continue
			}
			if target != "" && rr.target != target {
				return "", false
			}
			target = rr.target
		}
		if target == "" {
			return name, true
		}
		name = target
	}
	return "", false
}

// has reports whether the answer section has what q asks for, at name.
func has(records []record, q *wire.Query, name string) bool {
	for _, rr := range records {
		if rr.section == wire.Answer && rr.class == q.Class && rr.owner == name && (rr.typ == q.Type || q.Type == wire.TypeANY) {
			return true
		}
	}
	return false
}
