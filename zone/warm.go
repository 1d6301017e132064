package zone

import (
	"hash/maphash"
	"math/bits"
)

// WarmSize is how many names Warm takes at once.
const WarmSize = 32

// Warm reads what answers to questions for the names will need from memory, so
// that it is in the processor's caches when they are answered. In a large zone
// that is most of what an answer takes: each step of a lookup waits for memory,
// and for one name the steps must wait for each other, but those of several names
// need not. So Warm goes down the trie with all names together, a step at a time.
//
// Names are in lower-case wire form; those beyond WarmSize are passed over. It
// changes nothing and does not allocate.
func (s *Snapshot) Warm(names [][]byte) {
	names = names[:min(len(names), WarmSize)]
	var (
		hashes   [WarmSize]uint64
		branches [WarmSize]*branch
		nodes    [WarmSize]*node
	)
	for i, name := range names {
		hashes[i] = s.hash.narrow(maphash.Bytes(s.hash.seeds[0], name))
		branches[i] = s.names.root
	}
	for level, left := 0, len(names); left > 0 && level < hashLevels; level++ {
		left = 0
		for i := range names {
			b := branches[i]
			if b == nil {
				continue
			}
			bit := uint64(1) << (hashes[i] >> (level * levelBits) & levelMask)
			branches[i] = nil
			if b.used&bit != 0 {
				at := b.slots[bits.OnesCount64(b.used&(bit-1))]
				branches[i], nodes[i] = at.branch, at.node
				left++
			}
		}
	}
	// The first octets of a blob are the name, and the records follow.
	const line = 64
	sum := byte(0)
	for i := range names {
		if n := nodes[i]; n != nil {
			sum += n.blob[0] + n.blob[min(line, len(n.blob)-1)]
		}
	}
	warmed(sum)
}

// warmed keeps the compiler from leaving out reads whose values nobody needs.
//
//go:noinline
func warmed(byte) {}
