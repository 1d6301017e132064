package zone

import (
	"hash/maphash"
	"math/bits"
	"slices"
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
	root *branch
	size int // how many nodes
}

const (
	levelBits  = 6
	levelMask  = 1<<levelBits - 1
	hashLevels = 64 / levelBits
)

// branch is an inner node: for each set bit of used, a slot.
type branch struct {
	used  uint64
	slots []slot
	edit  uint64 // the edit that made it, and may change it
}

// slot leads to a deeper branch or holds a node.
type slot struct {
	branch *branch
	node   *node
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

// bits returns the 6 bits for level. hash is the name's first hash; a level
// below all its bits, which two names that share them reach, takes a second.
func (h *hasher) bits(hash uint64, name Name, level int) uint64 {
	if level < hashLevels {
		return hash >> (level * levelBits) & levelMask
	}
	hash = maphash.String(h.seeds[1], string(name))
	return bits.RotateLeft64(hash, -(level-hashLevels)*levelBits) & levelMask
}

// find returns the node of name, nil if there is none. It does not allocate.
func (t trie) find(h *hasher, name []byte) *node {
	hash := h.narrow(maphash.Bytes(h.seeds[0], name))
	b := t.root
	for level := 0; b != nil; level++ {
		var six uint64
		if level < hashLevels { // Fast path
			six = hash >> (level * levelBits) & levelMask
		} else { // Slow path: two names with one hash
			six = h.bits(hash, Name(name), level)
		}
		bit := uint64(1) << six
		if b.used&bit == 0 {
			return nil
		}
		s := &b.slots[bits.OnesCount64(b.used&(bit-1))]
		if s.node != nil {
			if s.node.is(name) {
				return s.node
			}
			return nil
		}
		b = s.branch
	}
	return nil
}

// put returns the trie with n in the place of any node of its name.
func (t trie) put(h *hasher, edit uint64, n *node) trie {
	hash := h.narrow(maphash.Bytes(h.seeds[0], n.blob[:n.nameLen]))
	root, added := t.root.put(h, edit, n, hash, 0)
	t.root = root
	if added {
		t.size++
	}
	return t
}

func (b *branch) put(h *hasher, edit uint64, n *node, hash uint64, level int) (_ *branch, added bool) {
	if b == nil {
		b = &branch{edit: edit}
	}
	b = b.own(edit)
	bit := uint64(1) << h.bits(hash, n.name(), level)
	i := bits.OnesCount64(b.used & (bit - 1))
	if b.used&bit == 0 {
		b.used |= bit
		b.slots = slices.Insert(b.slots, i, slot{node: n})
		return b, true
	}
	s := &b.slots[i]
	switch {
	case s.branch != nil:
		s.branch, added = s.branch.put(h, edit, n, hash, level+1)
		return b, added
	case s.node.name() == n.name():
		s.node = n
		return b, false
	default: // two names in one slot: both move a level down
		other := s.node
		otherHash := h.narrow(maphash.Bytes(h.seeds[0], other.blob[:other.nameLen]))
		deeper, _ := (*branch)(nil).put(h, edit, other, otherHash, level+1)
		deeper, _ = deeper.put(h, edit, n, hash, level+1)
		*s = slot{branch: deeper}
		return b, true
	}
}

// remove returns the trie without the node of name.
func (t trie) remove(h *hasher, edit uint64, name Name) trie {
	hash := h.narrow(maphash.String(h.seeds[0], string(name)))
	root, removed := t.root.remove(h, edit, name, hash, 0)
	t.root = root
	if removed {
		t.size--
	}
	return t
}

func (b *branch) remove(h *hasher, edit uint64, name Name, hash uint64, level int) (_ *branch, removed bool) {
	if b == nil {
		return nil, false
	}
	bit := uint64(1) << h.bits(hash, name, level)
	i := bits.OnesCount64(b.used & (bit - 1))
	if b.used&bit == 0 {
		return b, false
	}
	s := b.slots[i]
	if s.node != nil {
		if s.node.name() != name {
			return b, false
		}
		s = slot{}
	} else {
		s.branch, removed = s.branch.remove(h, edit, name, hash, level+1)
		if !removed {
			return b, false
		}
		if s.branch != nil && len(s.branch.slots) == 1 && s.branch.slots[0].node != nil {
			s = s.branch.slots[0] // a branch with one node is that node
		}
	}
	b = b.own(edit)
	if s != (slot{}) {
		b.slots[i] = s
		return b, true
	}
	b.used &^= bit
	b.slots = slices.Delete(b.slots, i, i+1)
	if len(b.slots) == 0 {
		return nil, true
	}
	return b, true
}

// own returns b if edit made it, and else a copy that edit may change.
func (b *branch) own(edit uint64) *branch {
	if b.edit == edit {
		return b
	}
	return &branch{used: b.used, slots: slices.Clone(b.slots), edit: edit}
}

// each calls f for each node, in no particular order, until f reports false.
func (t trie) each(f func(*node) bool) { t.root.each(f) }

func (b *branch) each(f func(*node) bool) bool {
	if b == nil {
		return true
	}
	for _, s := range b.slots {
		if s.node != nil && !f(s.node) || s.branch != nil && !s.branch.each(f) {
			return false
		}
	}
	return true
}
