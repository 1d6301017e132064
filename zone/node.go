package zone

import (
	"bytes"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// node is what one name has. It is immutable once it is in a published trie.
type node struct {
	name Name
	// below is how many names stand directly beneath. A node without sets is
	// an empty non-terminal (RFC 8020 section 2) as long as it is not 0.
	below int
	sets  []rrset // by type and rank; none is empty
}

// setKey tells the sets of a node apart. Rank splits the records of one type
// into those that are answered first and those that follow.
type setKey struct {
	typ  uint16
	rank uint8
}

// typeExists marks a name that exists though it may have no record (a
// Namespace without Services). Its one record is never answered: 0 is reserved
// (RFC 6895 section 3.1), and no question may ask for it.
const typeExists uint16 = 0

// rrset is an RRset, or one rank of it: its records in wire form, as
// wire.AppendRR makes them, in order and without duplicates. They are cut into
// chunks, so that a change copies one chunk and not a set of thousands.
type rrset struct {
	setKey
	count  int
	chunks [][]byte // each at most chunkSize, none empty
}

// chunkSize is the most that a chunk holds, in octets: 128 A records. A change
// copies one chunk and the list of them, and a set of 5,000 balances the two.
const chunkSize = 2048

// find returns the node's first set of typ, nil if it has none. Further ranks
// follow it in n.sets.
func (n *node) find(typ uint16) *rrset {
	for i := range n.sets {
		if n.sets[i].typ == typ {
			return &n.sets[i]
		}
	}
	return nil
}

// compareRdata orders the records of a set. SRV records go by target first, so
// that those of one target stand together and its glue is added once.
func compareRdata(typ uint16, a, b []byte) int {
	const fixed = 6
	if typ == wire.TypeSRV && len(a) > fixed && len(b) > fixed {
		if c := bytes.Compare(a[fixed:], b[fixed:]); c != 0 {
			return c
		}
	}
	return bytes.Compare(a, b)
}

// setEdit makes the next version of a set. Chunks of the old version are shared
// until they change.
type setEdit struct {
	rrset
	owned []bool // of each chunk: this edit made it
}

func editSet(s rrset) *setEdit {
	s.chunks = slices.Clone(s.chunks)
	return &setEdit{rrset: s, owned: make([]bool, len(s.chunks))}
}

// search returns the chunk and the offset in it where the record with rdata
// stands, or where it belongs.
func (e *setEdit) search(rdata []byte) (chunk, offset int, found bool) {
	// The last chunk whose first record is not after rdata.
	chunk, found = slices.BinarySearchFunc(e.chunks, rdata, func(c, target []byte) int {
		_, first, _ := wire.NextRR(c)
		return compareRdata(e.typ, first, target)
	})
	if found || len(e.chunks) == 0 {
		return chunk, 0, found
	}
	chunk = max(chunk-1, 0)
	for rest := e.chunks[chunk]; len(rest) > 0; {
		rr, data, next := wire.NextRR(rest)
		if c := compareRdata(e.typ, data, rdata); c >= 0 {
			return chunk, offset, c == 0
		}
		offset += len(rr)
		rest = next
	}
	return chunk, offset, false
}

// own makes chunk i ours to change.
func (e *setEdit) own(i int) {
	if !e.owned[i] {
		e.chunks[i] = slices.Clone(e.chunks[i])
		e.owned[i] = true
	}
}

// insert puts rr in at a place that search found for it.
func (e *setEdit) insert(chunk, offset int, rr []byte) {
	e.count++
	if len(e.chunks) == 0 {
		e.chunks, e.owned = append(e.chunks, slices.Clone(rr)), append(e.owned, true)
		return
	}
	e.own(chunk)
	e.chunks[chunk] = slices.Insert(e.chunks[chunk], offset, rr...)
	if len(e.chunks[chunk]) > chunkSize {
		e.split(chunk)
	}
}

// split cuts a chunk in two near its middle.
func (e *setEdit) split(i int) {
	whole := e.chunks[i]
	at := 0
	for at < len(whole)/2 {
		rr, _, _ := wire.NextRR(whole[at:])
		at += len(rr)
	}
	if at == len(whole) { // one record larger than a chunk
		return
	}
	e.chunks[i] = slices.Clone(whole[:at])
	e.chunks = slices.Insert(e.chunks, i+1, slices.Clone(whole[at:]))
	e.owned = slices.Insert(e.owned, i+1, true)
}

// remove takes out the record that search found.
func (e *setEdit) remove(chunk, offset int) {
	e.count--
	e.own(chunk)
	rr, _, _ := wire.NextRR(e.chunks[chunk][offset:])
	e.chunks[chunk] = slices.Delete(e.chunks[chunk], offset, offset+len(rr))
	switch n := len(e.chunks[chunk]); {
	case n == 0:
		e.drop(chunk)
	case n < chunkSize/4 && chunk+1 < len(e.chunks) && n+len(e.chunks[chunk+1]) <= chunkSize/2:
		e.chunks[chunk] = append(e.chunks[chunk], e.chunks[chunk+1]...)
		e.drop(chunk + 1)
	}
}

func (e *setEdit) drop(chunk int) {
	e.chunks = slices.Delete(e.chunks, chunk, chunk+1)
	e.owned = slices.Delete(e.owned, chunk, chunk+1)
}

// done returns the set, its memory no larger than it must be.
func (e *setEdit) done() rrset {
	for i, c := range e.chunks {
		if e.owned[i] {
			e.chunks[i] = slices.Clip(c)
			if cap(c) > len(c)+len(c)/8 {
				e.chunks[i] = slices.Clone(c)
			}
		}
	}
	return e.rrset
}

// each calls f for each record of typ, in the order they are answered, until f
// reports false. A record in two ranks is given in the first alone. hostnamePTR
// is Config.HostnamePTR.
func (n *node) each(typ uint16, hostnamePTR bool, f func(rr, rdata []byte) bool) {
	for i := range n.sets {
		if n.sets[i].typ != typ {
			continue
		}
		if hostnamePTR && typ == wire.TypePTR && n.sets[i].rank > n.find(typ).rank {
			return
		}
		for _, rest := range n.sets[i].chunks {
			for len(rest) > 0 {
				rr, rdata, next := wire.NextRR(rest)
				rest = next
				if n.sets[i].rank > 0 && n.hasBefore(i, rdata) {
					continue
				}
				if !f(rr, rdata) {
					return
				}
			}
		}
	}
}

// hasBefore reports whether a set of the same type before n.sets[i] holds rdata.
func (n *node) hasBefore(i int, rdata []byte) bool {
	for j := range i {
		if n.sets[j].typ != n.sets[i].typ {
			continue
		}
		for _, rest := range n.sets[j].chunks {
			for len(rest) > 0 {
				_, data, next := wire.NextRR(rest)
				if bytes.Equal(data, rdata) {
					return true
				}
				rest = next
			}
		}
	}
	return false
}
