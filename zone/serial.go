package zone

import (
	"bytes"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// A serial tells a secondary whether to transfer a zone anew. So it moves if and
// only if a transfer would differ: not for a record that one more object
// contributes, nor for a name that comes to exist without records.

// compare returns which zones' content the change moves, by index of
// Zone.apexes. That a record came or went is a hint, and no more: a Replace that
// takes several flushes may bring it back, and a PTR record may not show.
func (c *change) compare() []bool {
	moved := make([]bool, len(c.z.apexes))
	for name := range c.moved {
		i := c.z.apexOf([]byte(name))
		if moved[i] {
			continue
		}
		was := c.z.names.find(&c.z.hash, []byte(name))
		is := c.names.find(&c.z.hash, []byte(name))
		moved[i] = !sameContent(was, is, c.z.config.HostnamePTR)
	}
	return moved
}

// sameContent reports whether two nodes, nil for none, show the same records.
func sameContent(a, b *node, hostnamePTR bool) bool {
	sets := func(n *node) (plain []rrset, pointers []byte) {
		if n == nil {
			return nil, nil
		}
		n.each(wire.TypePTR, hostnamePTR, func(rr, _ []byte) bool {
			pointers = append(pointers, rr...)
			return true
		})
		return slices.DeleteFunc(n.sets(), func(s rrset) bool {
			return s.typ == typeExists || s.typ == wire.TypePTR
		}), pointers
	}
	before, pointersBefore := sets(a)
	after, pointersAfter := sets(b)
	return bytes.Equal(pointersBefore, pointersAfter) && slices.EqualFunc(before, after, sameSet)
}

// sameSet reports whether two sets hold the same records, however they are cut
// into chunks. A chunk that both share costs nothing.
func sameSet(a, b rrset) bool {
	if a.setKey != b.setKey || a.count != b.count {
		return false
	}
	var x, y []byte // what is left of two chunks
	for {
		if len(x) == 0 && len(a.chunks) > 0 {
			x, a.chunks = a.chunks[0], a.chunks[1:]
		}
		if len(y) == 0 && len(b.chunks) > 0 {
			y, b.chunks = b.chunks[0], b.chunks[1:]
		}
		n := min(len(x), len(y))
		if n == 0 {
			return len(x) == len(y)
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false
		}
		x, y = x[n:], y[n:]
	}
}

// nextSerial returns the SOA serial after a change of content by an object of
// the given resourceVersion. Serials are the versions' low 32 bits, so that
// replicas which took in the same events have the same; where that would not
// go forward (RFC 1982 section 3.2: no version, a deletion, an older object),
// it is the next number.
func nextSerial(serial uint32, version uint64) uint32 {
	next := uint32(version)
	if version != 0 && int32(next-serial) > 0 {
		return next
	}
	if serial++; serial == 0 {
		serial = 1
	}
	return serial
}
