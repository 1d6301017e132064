package zone

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
		hashes [WarmSize]uint64
		slots  [WarmSize]slot
	)
	for i, name := range names {
		hashes[i], slots[i] = s.hash.hash(name), s.names.root
	}
	for level, left := 0, len(names); left > 0; level++ {
		left = 0
		for i := range names {
			at := &slots[i]
			if at.used == 0 {
				continue
			}
			bit := s.hash.bit(hashes[i], names[i], level)
			if at.used&bit == 0 {
				*at = slot{}
				continue
			}
			*at = *at.at(bit)
			left++
		}
	}
	// The name comes first, and the records follow.
	const line = 64
	sum := byte(0)
	for i := range names {
		if n := slots[i].node(); n != nil {
			b := n.follows()
			sum += b[min(line, len(b)-1)]
		}
	}
	warmed(sum)
}

// warmed keeps the compiler from leaving out reads whose values nobody needs.
//
//go:noinline
func warmed(byte) {}
