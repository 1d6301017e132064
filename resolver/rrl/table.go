package rrl

import (
	"sync"
	"time"
)

// account is the balance of replies that are alike, in time: what is between zero
// and now is what they may still cost.
type account struct {
	key  uint64        // a keyed hash of what they share; 0 for none
	zero time.Duration // when the balance was 0, or will be
	over uint8         // replies over the limit since one slipped through
}

// ways is how many accounts share a place in the table.
const ways = 8

// shards is how many locks a table has at most.
const shards = 64

// table holds accounts, at most as many as it was made for. It is a cache with a
// few places for each key, so that nothing is allocated and finding one takes
// constant time.
type table struct {
	shards []shard
}

type shard struct {
	mu       sync.Mutex
	accounts []account // a multiple of ways, or fewer than ways; guarded by mu
	_        [32]byte  // shards that are used at the same time share no cache line
}

// newTable returns a table for at most size accounts, one or more.
func newTable(size int) *table {
	n := max(min(shards, size/ways), 1)
	t := &table{shards: make([]shard, n)}
	for i := range t.shards {
		each := size / n
		if each > ways {
			each -= each % ways
		}
		t.shards[i].accounts = make([]account, each)
	}
	return t
}

// price is what a kind of reply costs.
type price struct {
	cost time.Duration // of one reply: a second over how many are allowed in one
	most time.Duration // that an account can have: a second, or one reply
	debt time.Duration // that it can be overdrawn by
}

// payment is a price that is to be paid.
type payment struct {
	price
	at   time.Duration // since any fixed time
	slip int           // each so many-th reply over the limit slips through; 0 none
}

// verdict is what becomes of a reply.
type verdict uint8

const (
	allowed verdict = iota
	over            // the limit
	slips           // it is over the limit too
)

// charge makes the account of key pay for one reply, and says whether it could.
// Evicted reports that another account was given up for it before its time.
func (t *table) charge(key uint64, p payment) (v verdict, evicted bool) {
	s, at := t.place(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	a, evicted := s.find(key, at, p)
	balance := max(min(p.at-a.zero, p.most)-p.cost, -p.debt)
	a.zero = p.at - balance
	switch {
	case balance >= 0:
		a.over = 0
		return allowed, evicted
	case p.slip == 0:
		return over, evicted
	}
	if a.over++; int(a.over) < p.slip {
		return over, evicted
	}
	a.over = 0
	return slips, evicted
}

// refund takes one payment back.
func (t *table) refund(key uint64, p price) {
	s, at := t.place(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.set(at)
	for i := range set {
		if a := &set[i]; a.key == key {
			a.zero -= p.cost
			return
		}
	}
}

// place returns the shard of a key, and a number that chooses its set there.
func (t *table) place(key uint64) (*shard, uint64) {
	n := uint64(len(t.shards))
	return &t.shards[key%n], key / n
}

// set returns the accounts that may be those of keys with a number.
func (s *shard) set(at uint64) []account {
	if len(s.accounts) <= ways {
		return s.accounts
	}
	first := at % uint64(len(s.accounts)/ways) * ways
	return s.accounts[first : first+ways]
}

// find returns the account of key, or a new one: in a free place, or in that of
// the account with the most left, which is missed the least: one with a second's
// worth says little more than a new one does. Evicted reports that it had less.
func (s *shard) find(key, at uint64, p payment) (a *account, evicted bool) {
	set := s.set(at)
	richest := &set[0]
	for i := range set {
		switch a := &set[i]; {
		case a.key == key:
			return a, false
		case richest.key == 0:
		case a.key == 0, a.zero < richest.zero:
			richest = a
		}
	}
	evicted = richest.key != 0 && p.at-richest.zero < time.Second
	*richest = account{key: key, zero: p.at - p.most}
	return richest, evicted
}
