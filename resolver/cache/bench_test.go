package cache_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cache"
)

// warm returns a responder whose cache has a name's reply, and the packet that
// asks for it.
func warm(t testing.TB, directive, name string, rcode int, sections ...string) (*resolver.Responder, []byte) {
	t.Helper()
	metrics, err := cache.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	u := new(upstream)
	u.set(t, rcode, sections...)
	responder := &resolver.Responder{Handler: startWith(t, directive, cache.Deps{Next: u, Metrics: metrics})}
	m := dnstest.EDNS(dnstest.Question(name, dns.TypeA), 1232)
	x := dnstest.Exchange()
	x.Query.Context = context.Background()
	responder.Respond(x, dnstest.Pack(t, m), nil)
	return responder, dnstest.Pack(t, m)
}

// TestAllocations: a hit allocates nothing, and does not wait.
func TestAllocations(t *testing.T) {
	const long = "a-name-with-more-labels-than-most.and-long-ones.in-a-namespace.of-another-cluster.example.com."
	tests := []struct {
		name, directive string
		rcode           int
		sections        []string
	}{
		{"answer", "cache 30", 0, []string{long + " 60 IN A 192.0.2.7\n" + long + " 60 IN A 192.0.2.8"}},
		{"denial", "cache 30", dns.RcodeNameError, []string{"", soa60}},
		{"failure", "cache 30 {\nservfail 5m\n}", dns.RcodeServerFailure, nil},
		{"zones and options", "cache 30 example.net com {\nprefetch 1000000\nserve_stale\nkeepttl\n}", 0, []string{long + " 60 IN A 192.0.2.7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			responder, packet := warm(t, tt.directive, long, tt.rcode, tt.sections...)
			x, buf := dnstest.Exchange(), make([]byte, 0, 1232)
			allocs := testing.AllocsPerRun(1000, func() {
				if out := responder.Respond(x, packet, buf); len(out) == 0 || x.Reply.Handler != cache.Name {
					t.Fatal("not from the cache")
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

// BenchmarkHit is a hit, packet in to packet out, by as many goroutines as there
// are cores.
func BenchmarkHit(b *testing.B) {
	for _, names := range []int{1, 1000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			u := new(upstream)
			u.reply = func(m *dns.Msg) *dns.Msg {
				m.Answer = records(b, m.Question[0].Name+" 3600 IN A 192.0.2.7")
				return m
			}
			responder := resolver.Responder{Handler: start(b, "cache", u)}
			packets := make([][]byte, names)
			for i := range packets {
				packets[i] = dnstest.Pack(b, dnstest.EDNS(dnstest.Question(fmt.Sprintf("n%d.example.com.", i), dns.TypeA), 1232))
				x := dnstest.Exchange()
				x.Query.Context = context.Background()
				responder.Respond(x, packets[i], nil)
			}
			var shard atomic.Uint32
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				x, buf := dnstest.Exchange(), make([]byte, 0, 1232)
				x.Query.Shard = shard.Add(1)
				for i := int(x.Query.Shard) * 37; pb.Next(); i++ {
					if len(responder.Respond(x, packets[i%names], buf)) == 0 {
						b.Fatal("not from the cache")
					}
				}
			})
		})
	}
}

// BenchmarkMiss is what the cache adds to a question that the other server is
// asked: it is judged, kept, and pushes another out.
func BenchmarkMiss(b *testing.B) {
	m := dnstest.Question(www, dns.TypeA)
	m.Response = true
	m.Answer = records(b, "www.example.com. 3600 IN CNAME w.example.com.\nw.example.com. 60 IN A 192.0.2.7\nw.example.com. 60 IN A 192.0.2.8")
	whole, err := resolver.Pack(m)
	if err != nil {
		b.Fatal(err)
	}
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.SetMessage(whole, wire.Fresh)
		r.Relayed = whole
		return resolver.Answered
	})
	for _, bench := range []struct {
		name string
		h    resolver.Handler
	}{{"without", next}, {"with", startWith(b, "cache example.com {\nsuccess 0 1\n}", cache.Deps{Next: next, Now: steps()})}} {
		b.Run(bench.name, func(b *testing.B) {
			responder := resolver.Responder{Handler: bench.h}
			packet := dnstest.Pack(b, dnstest.EDNS(dnstest.Question(www, dns.TypeA), 1232))
			x, buf := dnstest.Exchange(), make([]byte, 0, 1232)
			b.ReportAllocs()
			for b.Loop() {
				if len(responder.Respond(x, packet, buf)) == 0 {
					b.Fatal("no reply")
				}
			}
		})
	}
}

// steps is a clock that is a minute on whenever it is asked: everything ends.
func steps() func() time.Time {
	now := time.Now()
	return func() time.Time {
		now = now.Add(time.Minute)
		return now
	}
}
