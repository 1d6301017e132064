package zone

import (
	"hash/maphash"
	"math/bits"
	"unsafe"
)

// A trie maps names to nodes: a persistent hash array mapped trie. Readers hold
// a root and need no lock, as a change copies the branches on the way from the
// root to what it changes, and shares the rest. One writer at a time makes a
// next trie of it; branches that the same edit made are changed in place, so
// that a large edit does not copy them again and again.
//
// Each level of branches uses 6 bits of a name's hash. The hash is seeded, so
// that nobody can choose names that collide.
type trie struct {
	root slot
	size int // how many nodes
}

const (
	levelBits  = 6
	levelMask  = 1<<levelBits - 1
	hashLevels = 64 / levelBits
)

// slot holds a node, or leads to a branch: to further slots. The zero value is
// empty.
//
// In a large zone a lookup takes as long as it waits for memory, each time that it
// follows a pointer. So a slot itself says which slots its branch has, a branch is
// nothing but slots, and a node's records are in one piece with it.
type slot struct {
	// used has a bit set for each slot of the branch. It is 0 for a node.
	used uint64
	// to is the *node, or the first *slot of the branch. That one stands before
	// those that used tells of; its own used is the edit that made the branch, and
	// may change it.
	to unsafe.Pointer
}

func slotOf(n *node) slot { return slot{to: unsafe.Pointer(n)} }

// newBranch returns a slot whose branch, made by edit, has empty slots for the
// bits of used.
func newBranch(edit, used uint64) slot {
	memory := make([]slot, 1+bits.OnesCount64(used))
	memory[0].used = edit
	return slot{used, unsafe.Pointer(&memory[0])}
}

// node returns the node, nil if the slot is empty or leads to a branch.
func (s slot) node() *node {
	if s.used != 0 {
		return nil
	}
	return (*node)(s.to)
}

// slots returns those of the branch, nil if there is none.
func (s slot) slots() []slot {
	if s.used == 0 {
		return nil
	}
	return unsafe.Slice((*slot)(s.to), 1+bits.OnesCount64(s.used))[1:]
}

// index returns which of the branch's slots is that of a bit, set or not.
func (s slot) index(bit uint64) int { return bits.OnesCount64(s.used & (bit - 1)) }

// at returns the branch's slot for a bit that is set in used.
func (s slot) at(bit uint64) *slot {
	return (*slot)(unsafe.Add(s.to, uintptr(1+s.index(bit))*unsafe.Sizeof(slot{})))
}

// own returns s if edit made its branch, and else a copy that edit may change.
func (s slot) own(edit uint64) slot {
	if (*slot)(s.to).used == edit {
		return s
	}
	next := newBranch(edit, s.used)
	copy(next.slots(), s.slots())
	return next
}

// with returns s with one more slot in a copy of its branch, for a bit that is not
// set in used.
func (s slot) with(edit, bit uint64, added slot) slot {
	next, i := newBranch(edit, s.used|bit), s.index(bit)
	from, to := s.slots(), next.slots()
	copy(to, from[:i])
	to[i] = added
	copy(to[i+1:], from[i:])
	return next
}

// without returns s without the slot for a bit that is set in used, in a copy of
// its branch, which has others.
func (s slot) without(edit, bit uint64) slot {
	next, i := newBranch(edit, s.used&^bit), s.index(bit)
	from, to := s.slots(), next.slots()
	copy(to, from[:i])
	copy(to[i:], from[i+1:])
	return next
}

// hasher gives the bits of a name's hash, level by level.
type hasher struct {
	seeds [2]maphash.Seed
	// limit narrows the hash to so many bits, for tests of collisions; 0 for all.
	limit uint
}

func newHasher() hasher {
	return hasher{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (h *hasher) narrow(v uint64) uint64 {
	if h.limit > 0 {
		return v & (1<<h.limit - 1)
	}
	return v
}

// bit returns the bit that stands for the 6 bits of level. hash is the name's first
// hash.
func (h *hasher) bit(hash uint64, name []byte, level int) uint64 {
	if level >= hashLevels { // Slow path
		hash, level = h.again(name, level), 0
	}
	return 1 << (hash >> (level * levelBits) & levelMask)
}

// again returns bits for a level below all those of the first hash, which two names
// that share them reach.
//
//go:noinline
func (h *hasher) again(name []byte, level int) uint64 {
	return bits.RotateLeft64(maphash.Bytes(h.seeds[1], name), -(level-hashLevels)*levelBits)
}

// hash returns a name's first hash.
func (h *hasher) hash(name []byte) uint64 { return h.narrow(maphash.Bytes(h.seeds[0], name)) }

// find returns the node of name, nil if there is none. It does not allocate.
func (t trie) find(h *hasher, name []byte) *node {
	hash, s := h.hash(name), t.root
	for level := 0; s.used != 0; level++ {
		bit := h.bit(hash, name, level)
		if s.used&bit == 0 {
			return nil
		}
		s = *s.at(bit)
	}
	if n := s.node(); n != nil && n.is(name) {
		return n
	}
	return nil
}

// put returns the trie with n in the place of any node of its name.
func (t trie) put(h *hasher, edit uint64, n *node) trie {
	root, added := t.root.put(h, edit, n, h.hash(n.owner()), 0)
	t.root = root
	if added {
		t.size++
	}
	return t
}

func (s slot) put(h *hasher, edit uint64, n *node, hash uint64, level int) (_ slot, added bool) {
	if s.to == nil {
		return slotOf(n), true
	}
	if other := s.node(); other != nil {
		if other.is(n.owner()) {
			return slotOf(n), false
		}
		// Two names in one slot: both move a level down.
		s = newBranch(edit, h.bit(h.hash(other.owner()), other.owner(), level))
		s.slots()[0] = slotOf(other)
	}
	bit := h.bit(hash, n.owner(), level)
	if s.used&bit == 0 {
		return s.with(edit, bit, slotOf(n)), true
	}
	s = s.own(edit)
	at := s.at(bit)
	*at, added = at.put(h, edit, n, hash, level+1)
	return s, added
}

// remove returns the trie without the node of name.
func (t trie) remove(h *hasher, edit uint64, name Name) trie {
	text := []byte(name)
	root, removed := t.root.remove(h, edit, text, h.hash(text), 0)
	t.root = root
	if removed {
		t.size--
	}
	return t
}

func (s slot) remove(h *hasher, edit uint64, name []byte, hash uint64, level int) (_ slot, removed bool) {
	if s.used == 0 {
		if n := s.node(); n == nil || !n.is(name) {
			return s, false
		}
		return slot{}, true
	}
	bit := h.bit(hash, name, level)
	if s.used&bit == 0 {
		return s, false
	}
	below, removed := s.at(bit).remove(h, edit, name, hash, level+1)
	slots := s.slots()
	switch {
	case !removed:
		return s, false
	case below == slot{} && len(slots) > 2:
		return s.without(edit, bit), true
	case below == slot{}: // one of two
		if other := slots[1-s.index(bit)]; other.node() != nil {
			return other, true // a branch with one node is that node
		}
		return s.without(edit, bit), true
	case len(slots) == 1 && below.node() != nil:
		return below, true // likewise
	}
	s = s.own(edit)
	*s.at(bit) = below
	return s, true
}

// each calls f for each node, in no particular order, until f reports false.
func (t trie) each(f func(*node) bool) { t.root.each(f) }

func (s slot) each(f func(*node) bool) bool {
	if n := s.node(); n != nil {
		return f(n)
	}
	for _, deeper := range s.slots() {
		if !deeper.each(f) {
			return false
		}
	}
	return true
}
