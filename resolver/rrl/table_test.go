package rrl

import (
	"testing"
	"time"
)

// accounts returns how many accounts a table has room for, and has.
func (t *table) accounts() (room, used int) {
	for i := range t.shards {
		for _, a := range t.shards[i].accounts {
			if room++; a.key != 0 {
				used++
			}
		}
	}
	return room, used
}

func TestTableSize(t *testing.T) {
	for _, size := range []int{1, 2, 7, 8, 9, 100, 511, 512, 1000, 100_000} {
		tab := newTable(size)
		room, _ := tab.accounts()
		if room > size || room < size/2 {
			t.Errorf("a table of %d has room for %d accounts", size, room)
		}
		for key := range uint64(3 * size) {
			tab.charge(key*0x9e3779b97f4a7c15+1, payment{price: newPrice(1, time.Second)})
		}
		if after, used := tab.accounts(); after != room || used > room || used < room/2 {
			t.Errorf("a table of %d has %d accounts and room for %d after many, for %d at first", size, used, after, room)
		}
	}
}

// TestTableKeepsOverdrawn has many new accounts in a table that is too small for
// them: they take one another's places, and not that of one that is overdrawn.
func TestTableKeepsOverdrawn(t *testing.T) {
	tab := newTable(ways)
	p := payment{price: newPrice(2, 15*time.Second)}
	const flood = 42
	for range 10 {
		tab.charge(flood, p)
	}
	evictions := 0
	for key := range uint64(1000) {
		if v, evicted := tab.charge(key+100, p); v != allowed {
			t.Fatalf("account %d is overdrawn at once", key)
		} else if evicted {
			evictions++
		}
	}
	if v, _ := tab.charge(flood, p); v != over {
		t.Error("an overdrawn account was given up for new ones")
	}
	if want := 1000 - (ways - 1); evictions != want {
		t.Errorf("%d evictions told of, want %d", evictions, want)
	}
}

// TestTableForgets sees that an account that rested for a second is given up
// without a word: nothing is lost.
func TestTableForgets(t *testing.T) {
	tab := newTable(1)
	p := payment{price: newPrice(2, 15*time.Second)}
	tab.charge(1, p)
	p.at = 500 * time.Millisecond
	if _, evicted := tab.charge(2, p); evicted {
		t.Error("an account that has earned what it paid counts as evicted")
	}
	if _, evicted := tab.charge(1, p); !evicted {
		t.Error("an account that has just paid is gone without count")
	}
}

func TestRefund(t *testing.T) {
	tab := newTable(8)
	p := payment{price: newPrice(2, 15*time.Second)}
	tab.refund(7, p.price) // of no account
	for range 10 {
		if v, _ := tab.charge(7, p); v != allowed {
			t.Fatal("what was taken back was not")
		}
		tab.refund(7, p.price)
	}
}
