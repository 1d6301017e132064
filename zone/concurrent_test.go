package zone

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// While a writer applies events, each reader sees one of them whole or not at
// all: the endpoints of one event always answer together.
func TestConcurrentReaders(t *testing.T) {
	const generations = 300
	const endpoints = 200
	world := func(generation int) *EndpointSlice {
		list := make([]string, endpoints)
		for i := range list {
			list[i] = fmt.Sprintf("10.%d.%d.%d host=h-%d", generation>>8, generation&255, i, i)
		}
		return slice("db-1", "db", "p/tcp/1", list...)
	}
	z := newZone(t, testConfig(), headless("db"), world(0))
	packet := ask{text: "db.default.svc.cluster.local A"}.packet(t)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var q wire.Query
			var r wire.Reply
			var serial uint32
			for !stop.Load() {
				s := z.Snapshot()
				q.Parse(packet)
				r.Start(&q, nil, true)
				if result := s.Answer(&q, &r); result.Outcome != Success || r.Count(wire.Answer) != endpoints {
					t.Errorf("%s, %d answers, want %d", outcomeNames[result.Outcome], r.Count(wire.Answer), endpoints)
					return
				}
				// Each address is of the same generation: its two middle octets agree.
				reply := r.Finish()
				const rr = 16
				answers := reply[len(reply)-rr*endpoints:]
				for i := 0; i < len(answers); i += rr {
					if !bytes.Equal(answers[i+13:i+15], answers[13:15]) {
						t.Error("an answer mixes two events")
						return
					}
				}
				if now := s.Serial("\x07cluster\x05local\x00"); int32(now-serial) < 0 {
					t.Errorf("serial went back from %d to %d", serial, now)
					return
				} else {
					serial = now
				}
				z.Count(EndpointSlices)
				z.Object(EndpointSlices, key("db-1"))
			}
		})
	}
	for g := 1; g <= generations; g++ {
		if g%2 == 0 {
			z.Apply(Event{Op: Put, Object: world(g)})
		} else {
			z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: []Object{world(g)}})
		}
	}
	stop.Store(true)
	readers.Wait()
}
