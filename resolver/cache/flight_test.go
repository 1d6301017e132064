package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cache"
)

func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		registry := prometheus.NewRegistry()
		metrics, err := cache.NewMetrics(registry)
		if err != nil {
			t.Fatal(err)
		}
		h := startWith(t, "cache {\nprefetch 3 30s 20%\n}", cache.Deps{Next: u, Metrics: metrics})
		sleepUntil := func(began time.Time, s int) { time.Sleep(time.Until(began.Add(time.Duration(s) * time.Second))) }
		hit := func(want int, reason string) {
			t.Helper()
			get(t, h)
			synctest.Wait()
			if n := u.count(); n != want {
				t.Errorf("asked %d times, want %d: %s", n, want, reason)
			}
		}
		began := time.Now()
		hit(1, "a miss")
		hit(1, "one hit")
		hit(1, "two")
		sleepUntil(began, 40)
		hit(1, "a gap: one")
		hit(1, "two")
		sleepUntil(began, 47)
		hit(1, "three, but 13 of 60 s are left")
		sleepUntil(began, 48)
		hit(2, "12 of 60 s are left, which is 20%")
		expect(t, h, "192.0.2.7 60", "anew")
		began = time.Now()
		sleepUntil(began, 25)
		hit(2, "young")
		sleepUntil(began, 50)
		hit(3, "popular still")
		if n := metric(t, registry, "coredns_cache_prefetch_total"); n != 2 {
			t.Errorf("coredns_cache_prefetch_total is %v", n)
		}
		began = time.Now()
		u.set(t, dns.RcodeServerFailure)
		sleepUntil(began, 25)
		hit(3, "young")
		sleepUntil(began, 50)
		hit(4, "asked in advance")
		expect(t, h, "192.0.2.7 10", "a failure does not displace what is fresh")
	})
}

func TestPrefetchGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nprefetch 3 30s\n}", u)
		for range 4 {
			get(t, h)
		}
		time.Sleep(59 * time.Second)
		for want := 1; want <= 2; want++ {
			get(t, h)
			get(t, h)
			synctest.Wait()
			if n := u.count(); n != want {
				t.Errorf("asked %d times, want %d: popularity begins anew after a gap", n, want)
			}
		}
	})
}

// TestRefreshIsNobodys: the question of a flight is no client's. It carries RD, DO
// and CD, but no options, and lives on when the packet is another.
func TestRefreshIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type seen struct {
			Name, Options string
			Type, Flags   uint16
			DO            bool
			Depth         uint8
			Bounded       bool
		}
		var got []seen
		u := new(upstream)
		u.set(t, 0, `a\.b\200.example.com. 60 IN A 192.0.2.7`)
		next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			if q.MayWait() {
				time.Sleep(time.Millisecond) // so that the packet below is another
				_, bounded := q.Context.Deadline()
				got = append(got, seen{wire.Name(q.Name()).String(), string(q.Options), q.Type, q.Flags, q.DO, q.Depth, bounded})
			}
			return u.Serve(q, r)
		})
		h := startWith(t, "cache {\nserve_stale\n}", cache.Deps{Next: next})
		m := dnstest.Question(`a\.B\200.example.com.`, dns.TypeA).SetEdns0(1232, true)
		m.CheckingDisabled = true
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
		exchange(t, h, m)
		time.Sleep(2 * time.Minute)
		responder := resolver.Responder{Handler: h}
		packet := dnstest.Pack(t, m)
		responder.Respond(dnstest.Exchange(), packet, nil)
		clear(packet)
		time.Sleep(time.Second)
		synctest.Wait()
		want := seen{Name: `a\.b\200.example.com.`, Type: dns.TypeA, Flags: wire.FlagRD | wire.FlagAD | wire.FlagCD, DO: true, Depth: 1, Bounded: true}
		if len(got) != 2 {
			t.Fatalf("asked %d times", len(got))
		}
		if diff := cmp.Diff(want, got[1]); diff != "" {
			t.Errorf("the refresh (-want +got):\n%s", diff)
		}
		if again, _ := exchange(t, h, m); again.Answer[0].Header().Ttl != 60 {
			t.Errorf("it was not kept for the client's question: %s", text(again))
		}
	})
}

// TestFlightsAreBounded has more entries end at once than may be asked for anew.
func TestFlightsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names, most = 300, 256
		u := new(upstream)
		u.reply = func(m *dns.Msg) *dns.Msg {
			m.Response = true
			m.Answer = records(t, m.Question[0].Name+" 60 IN A 192.0.2.7")
			return m
		}
		h := start(t, "cache {\nserve_stale\n}", u)
		round := func() {
			for i := range names {
				if m := ask(t, h, fmt.Sprintf("n%d.example.com.", i), dns.TypeA); len(m.Answer) != 1 {
					t.Fatal(text(m))
				}
			}
		}
		round()
		time.Sleep(2 * time.Minute)
		u.change(func() { u.delay = time.Second })
		before := u.count()
		for range 3 {
			round()
		}
		synctest.Wait()
		if n := u.count() - before; n != most {
			t.Errorf("%d questions at once, want %d", n, most)
		}
		time.Sleep(2 * time.Second)
		round()
		synctest.Wait()
		if n := u.count() - before; n != names {
			t.Errorf("%d questions in all, want %d", n, names)
		}
	})
}

func TestClose(t *testing.T) {
	dnstest.NoLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		c, err := parse(t, "cache {\nserve_stale\n}")
		if err != nil {
			t.Fatal(err)
		}
		h, err := cache.New(c, cache.Deps{Next: u})
		if err != nil {
			t.Fatal(err)
		}
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.change(func() { u.delay = time.Hour })
		get(t, h)
		synctest.Wait()
		began := time.Now()
		h.Close()
		if time.Since(began) > 0 {
			t.Errorf("took %s", time.Since(began))
		}
		before := u.count()
		expect(t, h, "192.0.2.7 0 EDE 3", "it goes on serving what it has")
		synctest.Wait()
		if u.count() != before {
			t.Error("asked after Close")
		}
		h.Close()
	})
}

// TestPanic: a panic in a flight ends neither the process nor the cache.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		var log strings.Builder
		h := startWith(t, "cache {\nserve_stale 1h verify\n}", cache.Deps{Next: u, Logger: quiet(&log)})
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.change(func() { u.reply = func(*dns.Msg) *dns.Msg { panic("ouch") } })
		expect(t, h, "192.0.2.7 0 EDE 3", "stale")
		if !strings.Contains(log.String(), "ouch") || !strings.Contains(log.String(), "name="+www) {
			t.Errorf("logged %s", log.String())
		}
		u.set(t, 0, a8)
		expect(t, h, "192.0.2.8 60", "again")
	})
}

// TestGone: a client that waits no more is answered at once.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 1h verify\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.change(func() { u.delay = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		x := dnstest.Exchange()
		x.Query.Context = ctx
		responder := resolver.Responder{Handler: h}
		began := time.Now()
		responder.Respond(x, dnstest.Pack(t, dnstest.Question(www, dns.TypeA)), nil)
		if d := time.Since(began); d != 10*time.Millisecond {
			t.Errorf("took %s", d)
		}
	})
}
