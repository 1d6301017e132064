package zone

import (
	"fmt"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// TestWarm sees that Warm bears any names, and changes and allocates nothing.
func TestWarm(t *testing.T) {
	z := timingZone(t, 2000, 2)
	var names [][]byte
	for i := range 2 * WarmSize {
		n, err := ParseName(fmt.Sprintf("service-%d.ns-%d.svc.cluster.local", i*61, i%50))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, []byte(n))
	}
	names = append(names, []byte(wire.Root))
	s := z.Snapshot()
	for _, names := range [][][]byte{nil, names[:1], names[:WarmSize], names, names[len(names)-1:]} {
		if allocs := testing.AllocsPerRun(10, func() { s.Warm(names) }); allocs != 0 {
			t.Errorf("%d names: %v allocations", len(names), allocs)
		}
	}
	empty, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	empty.Snapshot().Warm(names)
}

// TestWarmCollisions goes as deep as hashes collide.
func TestWarmCollisions(t *testing.T) {
	h := newHasher()
	h.limit = 3
	s := &Snapshot{hash: &h}
	var names [][]byte
	for i := range 200 {
		name := Name(fmt.Sprintf("\x03%03d\x00", i))
		s.names = s.names.put(&h, 1, newNode(name, 1, nil))
		names = append(names, []byte(name))
	}
	for ; len(names) > 0; names = names[min(len(names), WarmSize):] {
		s.Warm(names)
	}
}

// BenchmarkAnswerBatch is BenchmarkAnswer for questions that came together, as
// under load; each operation is one question.
func BenchmarkAnswerBatch(b *testing.B) {
	for _, services := range []int{1000, 100_000} {
		s := timingZone(b, services, 1).Snapshot()
		const packets = 1 << 14
		list := make([][]byte, packets)
		for i := range list {
			n := i * 7919 % services
			list[i] = ask{text: fmt.Sprintf("service-%d.ns-%d.svc.cluster.local A", n, n%50), size: 1232}.packet(b)
		}
		for _, warm := range []bool{false, true} {
			b.Run(fmt.Sprintf("services=%d/warm=%v", services, warm), func(b *testing.B) {
				buf := make([]byte, 0, 2*wire.MaxUDP)
				var queries [WarmSize]wire.Query
				names := make([][]byte, WarmSize)
				var r wire.Reply
				next := 0
				for done := 0; done < b.N; done += WarmSize {
					for i := range queries {
						queries[i].Parse(list[next%packets])
						names[i] = queries[i].Name()
						next++
					}
					if warm {
						s.Warm(names)
					}
					for i := range queries {
						r.Start(&queries[i], buf, false)
						s.Answer(&queries[i], &r)
						r.Finish()
					}
				}
			})
		}
	}
}
