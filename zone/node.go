package zone

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"slices"
	"unsafe"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// node is what one name has. It is immutable once it is in a published trie.
//
// A zone has a node for each name, and nearly all have few records, so that a
// lookup costs what it takes to get a node from memory. The name in wire form and,
// unless the node is large, the records therefore follow it in the same piece of
// memory: those of all sets, one set after the other.
type node struct {
	// below is how many names stand directly beneath. A node without sets is
	// an empty non-terminal (RFC 8020 section 2) as long as it is not 0.
	below int32
	// octets is how many follow the node: those of the name and the records.
	octets  uint16
	nameLen uint8
	// hostnames is how many of a small node's PTR records have rankHostname.
	// They come first.
	hostnames uint8
	// alias is set if a small node has a CNAME record, repeats if a record is in
	// two ranks, and large if the node is a largeNode's.
	alias, repeats, large bool
}

// largeNode is a node whose records do not follow it.
type largeNode struct {
	node
	text [wire.MaxName]byte // begins with the name
	sets []rrset            // by type and rank; none is empty
}

// largeFrom is from how many octets of records on a node is large: reading past
// records of other types costs more then than finding a set.
const largeFrom = 1024

// nodeHead is the size of a node without what follows it.
const nodeHead = unsafe.Sizeof(node{})

// allocate returns a copy of a small node, with room for the octets that follow.
func (n node) allocate() *node {
	const word = unsafe.Sizeof(uint32(0)) // as a node is aligned
	memory := make([]uint32, (nodeHead+uintptr(n.octets)+word-1)/word)
	to := (*node)(unsafe.Pointer(&memory[0]))
	*to = n
	return to
}

// newNode returns a node of a name, the names below it and its sets, in order
// of their keys. It keeps the sets.
func newNode(name Name, below int32, sets []rrset) *node {
	n := node{below: below, nameLen: uint8(len(name)), repeats: repeats(sets)}
	size, alias := 0, false
	for _, s := range sets {
		alias = alias || s.typ == wire.TypeCNAME
		for _, c := range s.chunks {
			size += len(c)
		}
	}
	hosts := setOf(sets, setKey{wire.TypePTR, rankHostname}).count
	if size >= largeFrom || hosts > math.MaxUint8 { // or more than can be counted
		n.large, n.octets = true, uint16(len(name))
		l := &largeNode{node: n, sets: sets}
		copy(l.text[:], name)
		return &l.node
	}
	n.alias, n.hostnames, n.octets = alias, uint8(hosts), uint16(len(name)+size)
	small := n.allocate()
	to := append(small.follows()[:0], name...)
	for _, s := range sets {
		for _, c := range s.chunks {
			to = append(to, c...)
		}
	}
	return small
}

// withBelow returns a copy of the node with another number of names below it.
func (n *node) withBelow(below int32) *node {
	if n.large {
		l := *(*largeNode)(unsafe.Pointer(n))
		l.below = below
		return &l.node
	}
	to := n.allocate()
	to.below = below
	copy(to.follows(), n.follows())
	return to
}

// follows returns the octets that follow the node.
func (n *node) follows() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(n), nodeHead)), n.octets)
}

// repeats reports whether a record is in two ranks of its type.
func repeats(sets []rrset) bool {
	for i := 1; i < len(sets); i++ {
		if sets[i].typ == sets[i-1].typ && sets[i].meets(&sets[i-1]) {
			return true
		}
	}
	return false
}

// meets reports whether two sets, both in order, share a record.
func (s *rrset) meets(o *rrset) bool {
	next, stop := iter.Pull2(o.all())
	defer stop()
	theirs, _, more := next()
	for ours := range s.all() {
		for more && compareRdata(s.typ, theirs, ours) < 0 {
			theirs, _, more = next()
		}
		if more && bytes.Equal(theirs, ours) {
			return true
		}
	}
	return false
}

// owner returns the node's name in wire form, which must not be changed.
func (n *node) owner() []byte { return n.follows()[:n.nameLen] }

// name returns the node's name. It shares the node's memory, which never changes.
func (n *node) name() Name {
	return Name(unsafe.String(unsafe.SliceData(n.follows()), n.nameLen))
}

// is reports whether the node's name is name, in wire form.
func (n *node) is(name []byte) bool { return string(n.owner()) == string(name) }

// records returns the records of a small node, none of a large one.
func (n *node) records() []byte { return n.follows()[n.nameLen:] }

// largeSets returns the sets of a large node, which must not be changed.
func (n *node) largeSets() []rrset { return (*largeNode)(unsafe.Pointer(n)).sets }

// run returns the records of one type that a small node has, in all ranks.
func (n *node) run(typ uint16) []byte {
	rest := n.records()
	for len(rest) > 0 {
		t := recordType(rest)
		if t >= typ {
			if t > typ {
				return nil
			}
			break
		}
		_, _, rest = wire.NextRR(rest)
	}
	end := 0
	for end < len(rest) && recordType(rest[end:]) == typ {
		rr, _, _ := wire.NextRR(rest[end:])
		end += len(rr)
	}
	return rest[:end]
}

// next returns the lowest of the node's types that is above typ, typeExists if
// there is none.
func (n *node) next(typ uint16) uint16 {
	if n.large {
		for _, s := range n.largeSets() {
			if s.typ > typ {
				return s.typ
			}
		}
		return typeExists
	}
	for rest := n.records(); len(rest) > 0; _, _, rest = wire.NextRR(rest) {
		if t := recordType(rest); t > typ {
			return t
		}
	}
	return typeExists
}

// first returns the first count of records.
func first(records []byte, count uint8) []byte {
	at := 0
	for range count {
		rr, _, _ := wire.NextRR(records[at:])
		at += len(rr)
	}
	return records[:at]
}

// recordType returns the type of the first of records made by wire.AppendRR.
func recordType(records []byte) uint16 { return uint16(records[2])<<8 | uint16(records[3]) }

// isBare reports whether a name exists without records.
func (n *node) isBare() bool {
	if n.large {
		return false
	}
	rest := n.records()
	if len(rest) > 0 && recordType(rest) == typeExists {
		_, _, rest = wire.NextRR(rest)
	}
	return len(rest) == 0
}

// exists reports whether there is anything at or below the name.
func (n *node) exists() bool { return n.below > 0 || n.large || len(n.records()) > 0 }

// sets returns the node's sets by type and rank, in a slice of the caller's own.
// Their records are not.
func (n *node) sets() []rrset {
	if n.large {
		return slices.Clone(n.largeSets())
	}
	var sets []rrset
	rest := n.records()
	for len(rest) > 0 {
		key := setKey{typ: recordType(rest)}
		run := n.run(key.typ)
		rest = rest[len(run):]
		if key.typ != wire.TypePTR {
			sets = append(sets, newSet(key, run))
			continue
		}
		at := len(first(run, n.hostnames))
		for rank, part := range [][]byte{rankHostname: run[:at], rankOther: run[at:]} {
			if len(part) > 0 {
				sets = append(sets, newSet(setKey{key.typ, uint8(rank)}, part))
			}
		}
	}
	return sets
}

// setOf returns the set of key, a new one if there is none.
func setOf(sets []rrset, key setKey) rrset {
	for _, s := range sets {
		if s.setKey == key {
			return s
		}
	}
	return rrset{setKey: key}
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

// newSet returns a set of records that are in order.
func newSet(key setKey, records []byte) rrset {
	s := rrset{setKey: key, chunks: [][]byte{records[:len(records):len(records)]}}
	for range s.all() {
		s.count++
	}
	return s
}

// all gives the RDATA and the whole of each record.
func (s *rrset) all() iter.Seq2[[]byte, []byte] {
	return func(yield func(rdata, rr []byte) bool) {
		for _, rest := range s.chunks {
			for len(rest) > 0 {
				rr, rdata, next := wire.NextRR(rest)
				if !yield(rdata, rr) {
					return
				}
				rest = next
			}
		}
	}
}

// has reports whether a record of the set has rdata.
func (s *rrset) has(rdata []byte) bool {
	for data := range s.all() {
		if bytes.Equal(data, rdata) {
			return true
		}
	}
	return false
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
	var before *rrset
	sets := n.sets()
	for i := range sets {
		s := &sets[i]
		if s.typ != typ {
			continue
		}
		if before != nil && hostnamePTR && typ == wire.TypePTR {
			return
		}
		for rdata, rr := range s.all() {
			if (before == nil || !before.has(rdata)) && !f(rr, rdata) {
				return
			}
		}
		before = cmp.Or(before, s)
	}
}
