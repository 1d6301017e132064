package cache

import (
	"hash/maphash"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// question returns a view of a question for a name's addresses.
func question(t testing.TB, name string) *wire.Query {
	t.Helper()
	packet, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	q := new(wire.Query)
	if q.Parse(packet) != wire.Accept {
		t.Fatalf("no question: %s", name)
	}
	return q
}

// entryFor returns an entry with a TXT record of a number of octets.
func entryFor(t testing.TB, q *wire.Query, octets int) *entry {
	t.Helper()
	name := wire.Name(q.Name())
	m := new(dns.Msg).SetQuestion(name.String(), q.Type)
	txt := &dns.TXT{Hdr: dns.RR_Header{Name: name.String(), Rrtype: dns.TypeTXT, Class: dns.ClassINET}}
	for ; octets > 0; octets -= 200 {
		txt.Txt = append(txt.Txt, strings.Repeat("x", 199))
	}
	if len(txt.Txt) > 0 {
		m.Answer = []dns.RR{txt}
	}
	whole, err := resolver.Pack(m)
	if err != nil {
		t.Fatal(err)
	}
	return &entry{message: whole, name: string(name), typ: q.Type, class: q.Class, life: 60}
}

// TestCollision: two questions of one key are told apart.
func TestCollision(t *testing.T) {
	s, err := newStore(MinCapacity)
	if err != nil {
		t.Fatal(err)
	}
	a, b := question(t, "a.example."), question(t, "b.example.")
	const same = key(7)
	s.add(same, entryFor(t, a, 0))
	if s.get(same, b) != nil {
		t.Error("b got the reply to a")
	}
	s.add(same, entryFor(t, b, 0))
	if s.get(same, a) != nil || s.get(same, b) == nil {
		t.Error("b did not take the place of a")
	}
	for name, change := range map[string]func(*wire.Query){
		"type": func(q *wire.Query) { q.Type++ }, "class": func(q *wire.Query) { q.Class++ },
		"DO": func(q *wire.Query) { q.DO = true }, "CD": func(q *wire.Query) { q.Flags |= wire.FlagCD },
	} {
		other := question(t, "b.example.")
		change(other)
		if s.get(same, other) != nil {
			t.Errorf("got the reply to a question with another %s", name)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	seed := maphash.MakeSeed()
	seen := map[key]string{}
	for _, name := range []string{"a.example.", "b.example.", "A.example."} {
		for flags := range 4 {
			q := question(t, name)
			q.DO = flags&1 != 0
			if flags&2 != 0 {
				q.Flags |= wire.FlagCD
			}
			seen[keyOf(seed, q)] += name
		}
	}
	if len(seen) != 8 {
		t.Errorf("keys: %v, want 8: the case of letters is no difference", seen)
	}
}

// TestBounds fills a store with far more than it may hold.
func TestBounds(t *testing.T) {
	tests := []struct {
		name        string
		octets      int
		least, most int // entries
		reason      string
	}{
		{"small", 0, MinCapacity, MinCapacity, "as many as it has room for"},
		{"large", 60000, shards, shards, "one for each shard is as much as its octets allow"},
		{"middling", 16000, 3 * shards, 4 * shards, "four of them are less than 64 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := newStore(MinCapacity)
			if err != nil {
				t.Fatal(err)
			}
			q := question(t, "a.example.")
			e := entryFor(t, q, tt.octets)
			const n = 16 * shards
			evicted := 0
			for k := range key(n) {
				evicted += s.add(k, e)
			}
			if got := s.len(); got < tt.least || got > tt.most || got+evicted != n {
				t.Errorf("%d entries, %d evicted, want %d to %d of %d: %s", got, evicted, tt.least, tt.most, n, tt.reason)
			}
			for i := range s.shards {
				sh := &s.shards[i]
				if want := sh.lru.Len() * e.message.Size(); sh.bytes != want || want > s.size {
					t.Fatalf("shard %d counts %d octets of %d, %d are allowed", i, sh.bytes, want, s.size)
				}
			}
			for k := range key(n) {
				s.add(k, e) // again, in the place of itself
				s.remove(k)
			}
			for i := range s.shards {
				if sh := &s.shards[i]; sh.bytes != 0 || sh.lru.Len() != 0 {
					t.Fatalf("shard %d still counts %d octets, %d entries", i, sh.bytes, sh.lru.Len())
				}
			}
		})
	}
}

// TestLeastRecentlyUsed: what is asked for stays.
func TestLeastRecentlyUsed(t *testing.T) {
	s, err := newStore(MinCapacity)
	if err != nil {
		t.Fatal(err)
	}
	q := question(t, "a.example.")
	e := entryFor(t, q, 0)
	for k := range key(100) {
		s.add(k*shards, e)
		if s.get(0, q) == nil {
			t.Fatalf("gone after %d others", k)
		}
	}
}
