package zone

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// record is one record that an object contributes, or takes back.
type record struct {
	name  Name
	rdata []byte
	setKey
	ttl  uint32
	sign int8 // +1 or -1
}

// compare orders records by name, set and RDATA: those that cancel out, or add
// to one set, stand together.
func (r record) compare(o record) int {
	if c := cmp.Compare(r.name, o.name); c != 0 {
		return c
	}
	if c := r.setKey.compare(o.setKey); c != 0 {
		return c
	}
	return compareRdata(r.typ, r.rdata, o.rdata)
}

func (k setKey) compare(o setKey) int {
	return cmp.Or(cmp.Compare(k.typ, o.typ), cmp.Compare(k.rank, o.rank))
}

// flushAt bounds how many records a change holds before they go into the trie,
// and so its memory while a whole cluster is taken in.
const flushAt = 1 << 14

// change gathers the records that an event takes back and adds. What cancels
// out does not touch the zone; the rest goes into a next trie, which readers do
// not see until it is published.
type change struct {
	z         *Zone
	records   []record
	sign      int8 // of the records that are noted now: +1 added, -1 taken back
	names     trie
	moved     map[Name]struct{} // names that records came to or went from, see compare
	version   uint64            // the newest resourceVersion of the objects taken in
	kind      Kind              // of the object that is being taken in
	key       Key               // likewise
	endpoints bool              // the records that are noted now are those of endpoints
	published bool              // or a panic is under way
	skipped   int               // names that can't be, less those taken back
}

func (z *Zone) begin() *change {
	z.edit++
	return &change{z: z, sign: +1, names: z.names, moved: map[Name]struct{}{}}
}

// add notes a record. rdata is kept.
func (c *change) add(name Name, typ uint16, rdata []byte) {
	c.addRanked(name, setKey{typ: typ}, rdata)
}

func (c *change) addRanked(name Name, key setKey, rdata []byte) {
	ttl := c.z.config.TTL
	if c.endpoints || key.typ == wire.TypePTR {
		ttl = c.z.config.HeadlessTTL
	}
	c.records = append(c.records, record{name: name, setKey: key, rdata: rdata, sign: c.sign, ttl: ttl})
}

// flush puts the records gathered so far into the trie.
func (c *change) flush() {
	slices.SortFunc(c.records, record.compare)
	for rest := c.records; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].name == rest[0].name {
			n++
		}
		c.apply(rest[:n])
		rest = rest[n:]
	}
	clear(c.records) // drop what they point to
	c.records = c.records[:0]
}

// apply takes the records of one name into the trie.
func (c *change) apply(records []record) {
	name := records[0].name
	old := c.names.find(&c.z.hash, []byte(name))
	var sets []rrset
	if old != nil {
		sets = old.sets()
	}
	var edit *setEdit
	done := func() {
		if edit != nil {
			sets = store(sets, edit.done())
		}
	}
	for len(records) > 0 {
		first, net, n, kept := records[0], 0, 0, true
		for n < len(records) && records[n].setKey == first.setKey && bytes.Equal(records[n].rdata, first.rdata) {
			net += int(records[n].sign)
			kept = kept && records[n].ttl == first.ttl
			n++
		}
		same := records[:n]
		records = records[n:]
		if net == 0 && kept {
			continue
		}
		if edit == nil || edit.setKey != first.setKey {
			done()
			edit = editSet(setOf(sets, first.setKey))
		}
		if kept && c.count(edit, first, net) || !kept && c.retime(edit, same) {
			c.moved[name] = struct{}{}
		}
	}
	if edit == nil {
		return // it all cancelled out
	}
	done()
	below := int32(0)
	if old != nil {
		below = old.below
	}
	c.replace(name, old, newNode(name, below, sets))
}

// retime takes one record's changes where its TTL is another now, as a Service
// turned headless: what is taken back goes before what is added comes. It
// reports whether the record came or went.
func (c *change) retime(edit *setEdit, same []record) bool {
	moved := false
	for _, sign := range []int8{-1, +1} {
		for _, r := range same {
			if r.sign == sign && c.count(edit, r, int(sign)) {
				moved = true
			}
		}
	}
	return moved
}

// count adds net to how often a record is contributed. It is answered as long
// as that is not 0. Counts above 1 are kept aside, as few records have them. It
// reports whether the record came or went.
func (c *change) count(edit *setEdit, r record, net int) bool {
	more := c.z.more
	chunk, offset, found := edit.search(r.rdata)
	have := 0
	if found {
		have = 1 + more[r.key()]
	}
	want := have + net
	if want < 0 {
		panic("zone: a record is taken back that was not contributed")
	}
	switch {
	case want > 1:
		more[r.key()] = want - 1
	case have > 1:
		delete(more, r.key())
	}
	switch {
	case have == 0 && want > 0:
		edit.insert(chunk, offset, wire.AppendRR(nil, r.typ, r.ttl, r.rdata))
	case have > 0 && want == 0:
		edit.remove(chunk, offset)
	default:
		return false
	}
	return true
}

// key tells records apart in Zone.more.
func (r *record) key() string {
	return string(r.name) + string([]byte{byte(r.typ >> 8), byte(r.typ), r.rank}) + string(r.rdata)
}

// store puts s in the place of the set of its key, and removes that if s is
// empty.
func store(sets []rrset, s rrset) []rrset {
	i, found := slices.BinarySearchFunc(sets, s.setKey, func(a rrset, k setKey) int { return a.setKey.compare(k) })
	switch {
	case s.count == 0 && found:
		return slices.Delete(sets, i, i+1)
	case s.count == 0:
		return sets
	case found:
		sets[i] = s
		return sets
	}
	return slices.Insert(sets, i, s)
}

// replace puts next in the place of old, which may be nil, and keeps each
// ancestor's count of the names below it, up to the apex: of the outermost zone,
// if one is within another, as no name above one that exists is NXDOMAIN.
func (c *change) replace(name Name, old, next *node) {
	exists := next.exists()
	switch {
	case exists:
		c.names = c.names.put(&c.z.hash, c.z.edit, next)
	case old != nil:
		c.names = c.names.remove(&c.z.hash, c.z.edit, name)
	}
	step := int32(0)
	if exists && old == nil {
		step = 1
	} else if !exists && old != nil {
		step = -1
	}
	if step == 0 || name == wire.Root {
		return
	}
	parent := name.Parent()
	if c.z.apexOf([]byte(parent)) < 0 {
		return // name is the apex of a zone that is within no other
	}
	was := c.names.find(&c.z.hash, []byte(parent))
	if was == nil {
		c.replace(parent, nil, newNode(parent, step, nil))
		return
	}
	c.replace(parent, was, was.withBelow(was.below+step))
}
