package zone

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// The trie is a map, at every width of its hash: narrow ones make names collide
// on every level.
func TestTrieAgainstMap(t *testing.T) {
	for _, limit := range []uint{1, 2, 5, 7, 13, 30, 0} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(limit), 1))
			h := newHasher()
			h.limit = limit
			type version struct {
				trie  trie
				model map[Name]*node
			}
			var tr trie
			model := map[Name]*node{}
			var old []version
			for edit := uint64(1); edit <= 300; edit++ {
				for range 1 + rng.IntN(20) {
					name := Name(fmt.Sprintf("\x03%03d\x00", rng.IntN(200)))
					if rng.IntN(5) < 3 {
						n := newNode(name, 0, nil)
						tr, model[name] = tr.put(&h, edit, n), n
					} else {
						tr = tr.remove(&h, edit, name)
						delete(model, name)
					}
				}
				if edit%30 == 0 {
					old = append(old, version{tr, maps.Clone(model)})
				}
				checkTrie(t, &h, tr, model)
			}
			for _, v := range old { // persistence: later edits changed no earlier version
				checkTrie(t, &h, v.trie, v.model)
			}
			for name := range maps.Clone(model) {
				tr = tr.remove(&h, 1000, name)
			}
			if tr.root != (slot{}) || tr.size != 0 {
				t.Errorf("emptied, it has a root %v and size %d", tr.root, tr.size)
			}
		})
	}
}

// checkTrie asserts that a trie holds what a map does, and has no branch that it
// could do without.
func checkTrie(t *testing.T, h *hasher, tr trie, model map[Name]*node) {
	t.Helper()
	seen := map[Name]*node{}
	tr.each(func(n *node) bool {
		if seen[n.name()] != nil {
			t.Fatalf("%q is there twice", n.name())
		}
		seen[n.name()] = n
		return true
	})
	if !maps.Equal(seen, model) || tr.size != len(model) {
		t.Fatalf("the trie has %d names, its size is %d, want %d", len(seen), tr.size, len(model))
	}
	for i := range 200 {
		name := Name(fmt.Sprintf("\x03%03d\x00", i))
		if got := tr.find(h, []byte(name)); got != model[name] {
			t.Fatalf("find(%q) = %v, want %v", name, got, model[name])
		}
	}
	var walk func(s slot) int
	walk = func(s slot) int {
		if s.node() != nil {
			return 1
		}
		count := 0
		for _, deeper := range s.slots() {
			count += walk(deeper)
		}
		if count < 2 {
			t.Fatalf("a branch has %d names below it, want at least 2", count)
		}
		return count
	}
	if tr.root != (slot{}) {
		walk(tr.root)
	}
}

func TestTrieEachStops(t *testing.T) {
	h := newHasher()
	var tr trie
	for i := range 500 {
		tr = tr.put(&h, 1, newNode(Name(fmt.Sprintf("\x03%03d\x00", i)), 0, nil))
	}
	calls := 0
	tr.each(func(*node) bool { calls++; return calls < 7 })
	if calls != 7 {
		t.Errorf("each called %d times, want 7", calls)
	}
}
