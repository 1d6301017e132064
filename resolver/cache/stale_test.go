package cache_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
)

const www = "www.example.com."

// get asks for www with EDNS, and says what came: address or rcode, TTL,
// Extended DNS Error, and how long it took.
func get(t testing.TB, h resolver.Handler) string {
	t.Helper()
	began := time.Now()
	m, _ := exchange(t, h, dnstest.EDNS(dnstest.Question(www, dns.TypeA), 1232))
	s := dns.RcodeToString[m.Rcode]
	for _, rr := range m.Answer {
		s = fmt.Sprint(rr.(*dns.A).A, " ", rr.Header().Ttl)
	}
	if code := ede(m); code >= 0 {
		s += fmt.Sprint(" EDE ", code)
	}
	if d := time.Since(began); d > 0 {
		s += fmt.Sprint(" ", d)
	}
	return s
}

// expect gets, and says what is wrong if it is not what was wanted.
func expect(t testing.TB, h resolver.Handler, want, reason string) {
	t.Helper()
	if got := get(t, h); got != want {
		t.Errorf("got %q, want %q: %s", got, want, reason)
	}
}

const a8 = "www.example.com. 60 IN A 192.0.2.8"

func TestStaleImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 1h\n}", u)
		expect(t, h, "192.0.2.7 60", "fresh")
		time.Sleep(2 * time.Minute)
		u.set(t, 0, a8)
		expect(t, h, "192.0.2.7 0 EDE 3", "stale, at once")
		synctest.Wait()
		expect(t, h, "192.0.2.8 60", "refreshed meanwhile")
		time.Sleep(2 * time.Minute)
		u.set(t, dns.RcodeNameError, "", soa60)
		expect(t, h, "192.0.2.8 0 EDE 3", "stale, at once")
		synctest.Wait()
		expect(t, h, "NXDOMAIN", "the name is gone: RFC 8767 section 4")
		time.Sleep(2 * time.Minute)
		u.set(t, dns.RcodeServerFailure)
		for range 3 {
			expect(t, h, "NXDOMAIN EDE 19", "stale, as nothing better is known")
			synctest.Wait()
		}
		if n := u.count(); n != 6 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(time.Hour)
		expect(t, h, "SERVFAIL", "too old")
		expect(t, h, "SERVFAIL EDE 13", "RFC 8914 section 4.14: cached")
		time.Sleep(10 * time.Second)
		u.set(t, 0, a60)
		expect(t, h, "192.0.2.7 60", "a failure is never stale")
	})
}

func TestStaleWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 10s immediate 30s\nservfail 0\n}", u)
		expect(t, h, "192.0.2.7 60", "fresh")
		u.set(t, dns.RcodeServerFailure)
		time.Sleep(60*time.Second + 9*time.Second)
		expect(t, h, "192.0.2.7 30 EDE 3", "stale, with the configured TTL")
		synctest.Wait()
		time.Sleep(time.Second)
		expect(t, h, "SERVFAIL", "10 s after the end")
	})
}

// TestLastWord: what the other server says ends what it said before, even if it
// may not be kept itself.
func TestLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.set(t, dns.RcodeNameError)
		expect(t, h, "192.0.2.7 0 EDE 3", "stale, at once")
		synctest.Wait()
		expect(t, h, "NXDOMAIN", "without SOA, and so asked again")

		u.set(t, dns.RcodeNameError, "", soa60)
		h = start(t, "cache {\nserve_stale\ndisable success\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.set(t, 0, a60)
		expect(t, h, "NXDOMAIN EDE 19", "stale, at once")
		synctest.Wait()
		expect(t, h, "192.0.2.7 60", "an answer, which is not kept here")
	})
}

// TestFailureDisplacesNothing: with serve_stale, an answer or denial that can be
// served yet is not pushed out by SERVFAIL.
func TestFailureDisplacesNothing(t *testing.T) {
	for _, good := range []struct {
		rcode    int
		sections []string
		want     string
	}{{0, []string{a60}, "192.0.2.7 0 EDE 3"}, {dns.RcodeNameError, []string{"", soa60}, "NXDOMAIN EDE 19"}} {
		synctest.Test(t, func(t *testing.T) {
			u := new(upstream)
			u.set(t, good.rcode, good.sections...)
			h := start(t, "cache {\nserve_stale 1h verify\n}", u)
			get(t, h)
			time.Sleep(2 * time.Minute)
			u.set(t, dns.RcodeServerFailure)
			expect(t, h, good.want, "asked, failed, stale")
			expect(t, h, good.want, "the failure is in nobody's way")
			if u.count() != 3 {
				t.Errorf("asked %d times", u.count())
			}
		})
	}
}

func TestStaleVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 1h verify 100ms 30s 10s\n}", u)
		expect(t, h, "192.0.2.7 60", "fresh")
		time.Sleep(2 * time.Minute)
		u.set(t, 0, a8)
		u.change(func() { u.delay = 50 * time.Millisecond })
		expect(t, h, "192.0.2.8 60 50ms", "in time")
		time.Sleep(2 * time.Minute)
		u.set(t, 0, a60)
		u.change(func() { u.delay = time.Second })
		expect(t, h, "192.0.2.8 30 EDE 3 100ms", "too late")
		expect(t, h, "192.0.2.8 30 EDE 3", "it is being asked for: not waited for again")
		time.Sleep(time.Second)
		expect(t, h, "192.0.2.7 60", "it came after all")
		time.Sleep(2 * time.Minute)
		u.change(func() { u.delay = 0 })
		u.set(t, dns.RcodeServerFailure)
		before := u.count()
		expect(t, h, "192.0.2.7 30 EDE 3", "failed")
		expect(t, h, "192.0.2.7 30 EDE 3", "failed lately")
		x, responder := dnstest.Exchange(), resolver.Responder{Handler: h}
		responder.Respond(x, dnstest.Pack(t, dnstest.Question(www, dns.TypeA)), nil)
		if x.Later() {
			t.Error("nothing is asked, and so nothing is waited for")
		}
		time.Sleep(9 * time.Second)
		expect(t, h, "192.0.2.7 30 EDE 3", "failed lately")
		if n := u.count() - before; n != 1 {
			t.Errorf("asked %d times within the recheck period", n)
		}
		time.Sleep(time.Second)
		u.set(t, dns.RcodeNameError)
		expect(t, h, "NXDOMAIN", "the other server knows, though it may not be kept")
		u.set(t, 0, a8)
		expect(t, h, "192.0.2.8 60", "and what was before it is no more")
	})
}

// TestStaleVerifyUnbounded: without a timeout of its own, a client waits for as
// long as the flight takes, and that has an end.
func TestStaleVerifyUnbounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 1h verify\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.change(func() { u.delay = time.Hour })
		expect(t, h, "192.0.2.7 0 EDE 3 5s", "the other servers say nothing")
	})
}

// TestVerifyIsShared: those who wait at once wait for one question.
func TestVerifyIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 1h verify\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		u.set(t, 0, a8)
		u.change(func() { u.delay = time.Second })
		results := make(chan string)
		for range 20 {
			go func() { results <- get(t, h) }()
		}
		for range 20 {
			if got := <-results; got != "192.0.2.8 60 1s" {
				t.Errorf("got %q", got)
			}
		}
		if u.count() != 2 {
			t.Errorf("asked %d times", u.count())
		}
	})
}

func TestPreferPositive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := new(upstream)
		u.set(t, 0, a60)
		h := start(t, "cache {\nserve_stale 10m verify\nserve_stale_policy prefer_positive\n}", u)
		get(t, h)
		time.Sleep(2 * time.Minute)
		for _, denied := range []struct {
			rcode    int
			sections []string
		}{{dns.RcodeNameError, []string{"", soa60}}, {0, []string{"", soa60}}, {0, nil}, {dns.RcodeServerFailure, nil}} {
			u.set(t, denied.rcode, denied.sections...)
			expect(t, h, "192.0.2.7 0 EDE 3", "the answer is kept")
		}
		u.set(t, 0, a8)
		expect(t, h, "192.0.2.8 60", "a new answer")
		u.set(t, dns.RcodeNameError, "", soa60)
		time.Sleep(12 * time.Minute)
		expect(t, h, "NXDOMAIN", "after its time")
	})
}
