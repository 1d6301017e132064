package cache_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cache"
)

// metricsOf returns all values of the metrics, by name and the labels that differ.
func metricsOf(t testing.TB, r *prometheus.Registry, server string) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	for _, name := range []string{"entries", "hits_total", "evictions_total"} {
		for _, typ := range []string{"success", "denial"} {
			got[name+" "+typ] = metric(t, r, "coredns_cache_"+name, "server", server, "type", typ, "zones", ".", "view", "")
		}
	}
	for _, name := range []string{"requests_total", "misses_total", "prefetch_total", "drops_total", "served_stale_total"} {
		got[name] = metric(t, r, "coredns_cache_"+name, "server", server, "zones", ".", "view", "")
	}
	for k, v := range got {
		if v == 0 {
			delete(got, k)
		}
	}
	return got
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		metrics, err := cache.NewMetrics(registry)
		if err != nil {
			t.Fatal(err)
		}
		u := new(upstream)
		u.set(t, 0, a60)
		block := func(server string) *cache.Handler {
			return startWith(t, "cache {\nserve_stale 1h\nservfail 0\n}", cache.Deps{Next: u, Metrics: metrics, Labels: cache.Labels{Server: server, Zones: "."}})
		}
		h, other := block("dns://:53"), block("dns://:54")
		get(t, h)
		get(t, h)
		get(t, other)
		u.set(t, 0, "", soa60)
		for range 3 {
			ask(t, h, "no.example.com.", dns.TypeA)
		}
		want := map[string]float64{
			"requests_total": 5, "misses_total": 2, "hits_total success": 1, "hits_total denial": 2, "entries success": 1, "entries denial": 1,
		}
		if diff := cmp.Diff(want, metricsOf(t, registry, "dns://:53")); diff != "" {
			t.Errorf("a query counts once, though Later served it twice (-want +got):\n%s", diff)
		}
		want = map[string]float64{"requests_total": 1, "misses_total": 1, "entries success": 1}
		if diff := cmp.Diff(want, metricsOf(t, registry, "dns://:54")); diff != "" {
			t.Errorf("another block (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Minute)
		u.set(t, dns.RcodeServerFailure)
		get(t, h)
		synctest.Wait()
		again := block("dns://:53")
		h.Close()
		get(t, again)
		want = map[string]float64{
			"requests_total": 7, "misses_total": 3, "hits_total success": 2, "hits_total denial": 2, "served_stale_total": 1, "prefetch_total": 1,
		}
		if diff := cmp.Diff(want, metricsOf(t, registry, "dns://:53")); diff != "" {
			t.Errorf("a block in the place of another goes on counting (-want +got):\n%s", diff)
		}
	})
}

// TestDrops has a handler relay what is about another name, as none should: it is not
// kept (CoreDNS 1.1.1).
func TestDrops(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := cache.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := resolver.Pack(&dns.Msg{Question: dnstest.Question("mail.example.com.", dns.TypeA).Question, Answer: records(t, "mail.example.com. 60 IN A 192.0.2.9")})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	h := startWith(t, "cache", cache.Deps{Metrics: metrics, Next: resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		asked++
		r.Relayed = foreign
		return resolver.ServFail
	})})
	for range 2 {
		ask(t, h, www, dns.TypeA)
	}
	if n := metric(t, registry, "coredns_cache_drops_total"); n != 2 || asked != 2 {
		t.Errorf("coredns_cache_drops_total is %v, asked %d times", n, asked)
	}
}

func TestMetricsTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := cache.NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.NewMetrics(registry); err == nil {
		t.Error("registered twice")
	}
}

// TestCapacity asks for more names than there is room for.
func TestCapacity(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := cache.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	u := new(upstream)
	u.reply = func(m *dns.Msg) *dns.Msg {
		m.Answer = records(t, m.Question[0].Name+" 60 IN A 192.0.2.7")
		return m
	}
	h := startWith(t, "cache {\nsuccess 0\n}", cache.Deps{Next: u, Metrics: metrics})
	const names = 3000
	for i := range names {
		ask(t, h, fmt.Sprintf("n%d.example.com.", i), dns.TypeA)
	}
	entries, evicted := metric(t, registry, "coredns_cache_entries"), metric(t, registry, "coredns_cache_evictions_total", "type", "success")
	if entries > cache.MinCapacity || entries < cache.MinCapacity/2 || entries+evicted != names {
		t.Errorf("%v entries, %v evicted, at most %d may be", entries, evicted, cache.MinCapacity)
	}
}

// TestSaysSo: the log says what is not cached.
func TestSaysSo(t *testing.T) {
	var log strings.Builder
	startWith(t, "cache 30", cache.Deps{Next: new(upstream), Logger: quiet(&log)})
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=INFO") || !strings.Contains(got, "our own zones never are") {
		t.Errorf("logged %q", got)
	}
}

// TestConcurrent asks from many goroutines while entries end, are refreshed and
// evicted. What comes must be one of the replies, whole.
func TestConcurrent(t *testing.T) {
	u := new(upstream)
	u.reply = func(m *dns.Msg) *dns.Msg {
		m.Answer = records(t, m.Question[0].Name+" 1 IN A 192.0.2.7\n"+m.Question[0].Name+" 1 IN A 192.0.2.8")
		return m
	}
	var mu sync.Mutex
	now := time.Now()
	h := startWith(t, "cache {\nsuccess 0 1 1\nprefetch 2 1m 90%\nserve_stale 2s immediate 1s\n}", cache.Deps{Next: u, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			responder := resolver.Responder{Handler: h}
			x := dnstest.Exchange()
			x.Query.Shard = uint32(g)
			x.Query.Context = context.Background()
			for i := range 500 {
				name := fmt.Sprintf("n%d.example.com.", i*(g+1)%50)
				r := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, dnstest.Question(name, dns.TypeA)), nil))
				if len(r.Answer) != 2 || r.Answer[0].Header().Name != name {
					t.Errorf("%s: %s", name, text(r))
				}
			}
		})
	}
	all.Wait()
}

func ExampleNew() {
	upstream := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		fmt.Println("the other server is asked")
		m := new(dns.Msg)
		m.Question = []dns.Question{{Name: "example.com.", Qtype: q.Type, Qclass: q.Class}}
		rr, _ := dns.NewRR("example.com. 60 IN A 192.0.2.7")
		m.Answer = []dns.RR{rr}
		r.Relayed, _ = resolver.Pack(m)
		r.SetMsg(m)
		return resolver.Answered
	})
	h, err := cache.New(cache.Config{}, cache.Deps{Next: upstream})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	packet, _ := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).Pack()
	responder := resolver.Responder{Handler: h}
	for range 2 {
		x := new(resolver.Exchange)
		responder.Respond(x, packet, nil)
		fmt.Println(x.Reply.Handler)
	}
	// Output:
	// the other server is asked
	//
	// cache
}
