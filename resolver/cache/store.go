package cache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// An entry is a reply that is kept. All but what is atomic never changes.
type entry struct {
	message *wire.Message
	outcome resolver.Outcome
	// The question.
	name        string // lower-case, in wire form
	typ, class  uint16
	dnssec, raw bool // DO and CD

	stored time.Duration // since the Handler was made
	life   uint32        // seconds

	flight  atomic.Pointer[flight] // that is under way to replace it
	recheck atomic.Int64           // a time.Duration since the Handler was made: no flight before
	hits    atomic.Int64           // without a long gap between two, for prefetch
	hit     atomic.Int64           // when the last of them was, as stored
}

// left returns for how many seconds an entry is fresh; at 0 or less it is stale,
// for that many. It is never more than the life: now may have been read before
// another goroutine stored e.
func (e *entry) left(now time.Duration) int64 {
	return int64(e.life) - int64(max(now-e.stored, 0)/time.Second)
}

// answers reports whether e is the reply to q.
func (e *entry) answers(q *wire.Query) bool {
	return e.typ == q.Type && e.class == q.Class && e.dnssec == q.DO && e.raw == isRaw(q) && e.name == string(q.Name())
}

// isRaw reports whether q has CD: what was not validated for one client must not
// be told another (CVE-2024-0874).
func isRaw(q *wire.Query) bool { return q.Flags&wire.FlagCD != 0 }

// A key is the hash of a question. Two questions may have one key: an entry says
// which it answers, and is as good as none for the other (see store.get), so that
// they only push one another out. The seed is random: nobody can choose questions
// of one key.
type key uint64

func keyOf(seed maphash.Seed, q *wire.Query) key {
	var b [wire.MaxName + 5]byte
	n := copy(b[:], q.Name())
	flags := byte(0)
	if q.DO {
		flags |= 1
	}
	if isRaw(q) {
		flags |= 2
	}
	n += copy(b[n:], []byte{byte(q.Type >> 8), byte(q.Type), byte(q.Class >> 8), byte(q.Class), flags})
	return key(maphash.Bytes(seed, b[:n]))
}

const (
	shards = 256
	// entrySize is how many octets of messages there is room for, by entry: many
	// times what most replies have. It bounds what large ones take in all.
	entrySize = 2 << 10
)

// store is a bounded number of entries, by key. What was not used for longest
// makes room, within its shard.
type store struct {
	shards [shards]shard
	size   int // of a shard's messages, in octets, at most
}

type shard struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[key, *entry] // guarded by mu
	bytes int                         // of its messages; guarded by mu
	_     [40]byte                    // shards share no cache line
}

func newStore(capacity int) (*store, error) {
	n := max(capacity/shards, 1)
	s := &store{size: max(n*entrySize, wire.MaxTCP)}
	for i := range s.shards {
		sh := &s.shards[i]
		var err error
		sh.lru, err = simplelru.NewLRU(n, func(_ key, e *entry) { sh.bytes -= e.message.Size() })
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *store) shard(k key) *shard { return &s.shards[k%shards] }

// get returns the reply to q, whose key is k, fresh or stale; nil if there is none.
func (s *store) get(k key, q *wire.Query) *entry {
	sh := s.shard(k)
	sh.mu.Lock()
	e, ok := sh.lru.Get(k)
	sh.mu.Unlock()
	if !ok || !e.answers(q) {
		return nil
	}
	return e
}

// add keeps e, and returns how many others had to go for it.
func (s *store) add(k key, e *entry) (evicted int) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.lru.Remove(k) // a value that is only replaced is not told of as evicted
	sh.bytes += e.message.Size()
	if sh.lru.Add(k, e) {
		evicted++
	}
	for sh.bytes > s.size && sh.lru.Len() > 1 {
		sh.lru.RemoveOldest()
		evicted++
	}
	return evicted
}

func (s *store) remove(k key) {
	sh := s.shard(k)
	sh.mu.Lock()
	sh.lru.Remove(k)
	sh.mu.Unlock()
}

// len returns how many entries there are.
func (s *store) len() (n int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += sh.lru.Len()
		sh.mu.Unlock()
	}
	return n
}
