package wire

import "encoding/binary"

// checker reads the names and records of a message one after the other, and
// remembers the names, as pointers may lead to those alone.
type checker struct {
	msg  []byte
	seen [(maxPointer + 1) / 64]uint64 // a bit for each place where a name or the rest of one begins
}

// mostPointers is how many pointers a name may be spread by: more than it can
// need, as each should come after a label.
const mostPointers = MaxName / 2

// name returns the offset after the name at msg[at:]. Its pointer leads to a name
// that was read before, and with what that adds it is within its limit.
func (c *checker) name(at int) (end int, ok bool) {
	start, size := at, 0
	for at < len(c.msg) {
		l := int(c.msg[at])
		if l >= 0xc0 {
			if at+2 > len(c.msg) {
				return 0, false
			}
			to := int(binary.BigEndian.Uint16(c.msg[at:])) & maxPointer
			if to >= start || c.seen[to/64]&(1<<(to%64)) == 0 {
				return 0, false
			}
			c.remember(at)
			return at + 2, size+c.length(to) <= MaxName
		}
		if l > MaxLabel {
			return 0, false
		}
		c.remember(at)
		at += 1 + l
		if size += 1 + l; l == 0 {
			return at, size <= MaxName
		}
	}
	return 0, false
}

func (c *checker) remember(at int) {
	if at <= maxPointer {
		c.seen[at/64] |= 1 << (at % 64)
	}
}

// length returns how long the name is that begins at a place that was seen; more
// than MaxName for one of too many pointers. It ends, as pointers lead to names
// that begin before the one that they are in.
func (c *checker) length(at int) (n int) {
	for pointers := 1; pointers <= mostPointers && n <= MaxName; {
		l := int(c.msg[at])
		if l >= 0xc0 {
			at = int(binary.BigEndian.Uint16(c.msg[at:])) & maxPointer
			pointers++
			continue
		}
		at += 1 + l
		if n += 1 + l; l == 0 {
			return n
		}
	}
	return MaxName + 1
}

// record returns the offsets of the fixed part of the record at msg[at:] and
// after it.
func (c *checker) record(at int) (fixed, next int, ok bool) {
	fixed, ok = c.name(at)
	rdata := fixed + rrFixed - 2
	if !ok || rdata > len(c.msg) {
		return 0, 0, false
	}
	next = rdata + int(binary.BigEndian.Uint16(c.msg[rdata-2:]))
	return fixed, next, next <= len(c.msg) && c.rdata(binary.BigEndian.Uint16(c.msg[fixed:]), rdata, next)
}

// layout is how RDATA is made up: octets, names that may be compressed, octets.
type layout struct{ head, names, tail int }

// anything is a tail of any length.
const anything = -1

// layoutOf returns the layout of a type. Names in other types than these are not
// compressed (RFC 3597 section 4), and so their RDATA is octets.
func layoutOf(typ uint16) layout {
	switch typ {
	case TypeA:
		return layout{head: 4}
	case TypeAAAA:
		return layout{head: 16}
	case TypeNS, TypeCNAME, TypePTR, 3, 4, 7, 8, 9, 23, 39: // MD, MF, MB, MG, MR, NSAP-PTR, DNAME
		return layout{names: 1}
	case 14, 17, 58: // MINFO, RP, TALINK
		return layout{names: 2}
	case TypeSOA:
		return layout{names: 2, tail: 20}
	case 15, 18, 21, 36, 107: // MX, AFSDB, RT, KX, LP
		return layout{head: 2, names: 1}
	case 26: // PX
		return layout{head: 2, names: 2}
	case TypeSRV:
		return layout{head: srvFixed, names: 1}
	case typeNAPTR:
		return layout{head: 4, names: 1} // and three strings between
	case 24, 46: // SIG, RRSIG
		return layout{head: 18, names: 1, tail: anything}
	case 30, 47: // NXT, NSEC
		return layout{names: 1, tail: anything}
	case 64, 65: // SVCB, HTTPS
		return layout{head: 2, names: 1, tail: anything}
	}
	return layout{tail: anything}
}

const typeNAPTR = 35

// rdata reports whether the RDATA at msg[at:end] is as its type has it.
func (c *checker) rdata(typ uint16, at, end int) bool {
	l := layoutOf(typ)
	at += l.head
	if typ == typeNAPTR {
		for range 3 {
			if at < end {
				at += 1 + int(c.msg[at])
			}
		}
	}
	for range l.names {
		if at >= end {
			return false
		}
		var ok bool
		if at, ok = c.name(at); !ok {
			return false
		}
	}
	if l.tail == anything {
		return at <= end
	}
	return at+l.tail == end
}
