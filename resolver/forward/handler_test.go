package forward_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// TestLater is of a query whose goroutine others wait for.
func TestLater(t *testing.T) {
	s := serve(t, answers("192.0.2.1"))
	h := start(t, config(t, s.target), forward.Deps{})
	responder, x := resolver.Responder{Handler: h}, dnstest.Exchange()
	if out := responder.Respond(x, dnstest.Pack(t, question()), nil); len(out) > 0 || !x.Later() || s.queries() > 0 {
		t.Errorf("%d octets, later %v, %d queries", len(out), x.Later(), s.queries())
	}
}

// TestTransfer is of questions whose answer is more than one message.
func TestTransfer(t *testing.T) {
	s := serve(t, answers("192.0.2.1"))
	h := start(t, config(t, s.target), forward.Deps{})
	for _, typ := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		if got := ask(t, h, resolver.TCP, dnstest.Question("example.org", typ)); got.Rcode != dns.RcodeRefused || s.queries() > 0 {
			t.Errorf("%s: %s, %d queries", dns.Type(typ), dns.RcodeToString[got.Rcode], s.queries())
		}
	}
}

// TestOneFlight fails where identical questions are asked at the same time, so
// that forged replies have a better chance (CVE-2023-30464).
func TestOneFlight(t *testing.T) {
	const clients = 50
	release := make(chan struct{})
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		<-release
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	c := config(t, s.target)
	h := start(t, c, forward.Deps{})
	results := make(chan result, clients)
	for i := range clients {
		go func() {
			m := question()
			if i%2 == 1 {
				m.Question[0].Name = "WWW.Example.ORG."
			}
			m.Id = uint16(i)
			results <- ask(t, h, resolver.UDP, m)
		}()
	}
	dnstest.Eventually(t, "all wait", func() bool { return waiters() == clients })
	close(release)
	for range clients {
		got := dnstest.Receive(t, "a reply", results)
		if got.addr() != "192.0.2.1" || got.Answer[0].Header().Name != got.Question[0].Name {
			t.Errorf("got\n%v", got.Msg)
		}
	}
	if n := s.queries(); n != 1 {
		t.Errorf("%d queries for %d identical questions", n, clients)
	}
	ask(t, h, resolver.UDP, question())
	if n := s.queries(); n != 2 {
		t.Errorf("%d queries in all: answers are not kept", n)
	}
}

// TestFlightPanics has a flight panic, on a goroutine that no query has for its own:
// the query that waits for it ends as by a panic of its own, and no other does.
func TestFlightPanics(t *testing.T) {
	s := serve(t, answers("192.0.2.1"))
	var broken atomic.Bool
	now := func() time.Time {
		if broken.Load() {
			panic("the clock is broken")
		}
		return time.Now()
	}
	var mu sync.Mutex
	var log strings.Builder
	h := start(t, config(t, s.target), forward.Deps{Now: now, Logger: textLogger(&mu, &log)})
	broken.Store(true)
	caught := make(chan any, 1)
	responder, x := resolver.Responder{Handler: h, Panicked: func(_ *resolver.Query, reason any) { caught <- reason }}, dnstest.Exchange()
	x.Query.Context = t.Context()
	got := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, question()), nil))
	if reason := fmt.Sprint(dnstest.Receive(t, "the panic", caught)); got.Rcode != dns.RcodeServerFailure || reason != "the clock is broken" {
		t.Errorf("got %s, with the panic %q", dns.RcodeToString[got.Rcode], reason)
	}
	mu.Lock()
	if !strings.Contains(log.String(), "(*upstream).ask") {
		t.Errorf("the log does not say where:\n%s", &log)
	}
	mu.Unlock()
	broken.Store(false)
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.1" {
		t.Errorf("the next query got %s: %v", got.addr(), got.err)
	}
}

// waiters returns how many goroutines wait for the end of a flight.
func waiters() (n int) {
	b := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		if strings.Contains(head, "[select") && strings.Contains(stack, "forward.(*Handler).ask(") {
			n++
		}
	}
	return n
}

// TestSeparateFlights is of questions that are alike but for something that an
// answer can depend on.
func TestSeparateFlights(t *testing.T) {
	variants := []func(*dns.Msg){
		func(m *dns.Msg) {},
		func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		func(m *dns.Msg) { m.Question[0].Name = "www2.example.org." },
		func(m *dns.Msg) { m.CheckingDisabled = true },
		func(m *dns.Msg) { m.RecursionDesired = false },
		func(m *dns.Msg) { m.SetEdns0(1232, true) },
		func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}}}
		},
	}
	release := make(chan struct{})
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		<-release
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	c := config(t, s.target)
	h := start(t, c, forward.Deps{})
	var done sync.WaitGroup
	for _, change := range variants {
		done.Go(func() {
			m := question()
			change(m)
			ask(t, h, resolver.UDP, m)
		})
	}
	dnstest.Eventually(t, "as many queries", func() bool { return s.queries() == len(variants) })
	close(release)
	done.Wait()
}

// TestContext is of a client that waits no longer.
func TestContext(t *testing.T) {
	s := serve(t, silent)
	c := config(t, s.target)
	c.ReadTimeout = soon
	h := start(t, c, forward.Deps{})
	ctx, cancel := context.WithCancel(t.Context())
	over := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		defer q.WithContext(ctx)()
		return h.Serve(q, r)
	})
	replied := make(chan result, 1)
	go func() { replied <- ask(t, over, resolver.UDP, question()) }()
	dnstest.Eventually(t, "a query", func() bool { return s.queries() > 0 })
	cancel()
	if got := dnstest.Receive(t, "the end", replied); !errors.Is(got.err, context.Canceled) {
		t.Errorf("error %v", got.err)
	}
}

func TestMaxConcurrent(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := forward.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		<-release
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	c := config(t, s.target)
	c.MaxConcurrent = 1
	h := start(t, c, forward.Deps{Metrics: metrics})
	replied := make(chan result, 1)
	go func() { replied <- ask(t, h, resolver.UDP, question()) }()
	dnstest.Eventually(t, "a query", func() bool { return s.queries() > 0 })
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "REFUSED" {
		t.Errorf("the second got %s", got.addr())
	}
	if v := value(t, registry, "coredns_forward_max_concurrent_rejects_total", ""); v != 1 {
		t.Errorf("%v counted", v)
	}
	close(release)
	if got := dnstest.Receive(t, "a reply", replied); got.addr() != "192.0.2.1" {
		t.Errorf("the first got %s", got.addr())
	}
	if v := value(t, registry, "coredns_proxy_request_duration_seconds", s.addr()); v != 1 {
		t.Errorf("%v exchanges counted", v)
	}
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.1" {
		t.Errorf("the next got %s", got.addr())
	}
}

// TestPool is of connections that are used again.
func TestPool(t *testing.T) {
	tests := []struct {
		name   string
		change func(*forward.Config)
		wait   time.Duration // between two queries, by the handler's clock
		want   int           // connections for two queries
		reason string
	}{
		{"reused", func(*forward.Config) {}, 0, 1, "an open one is used"},
		{"expired", func(*forward.Config) {}, 11 * time.Second, 2, "not after expire"},
		{"not yet", func(c *forward.Config) { c.Expire = time.Minute }, 11 * time.Second, 1, "expire is longer"},
		{"old", func(c *forward.Config) { c.Expire, c.MaxAge = time.Minute, time.Minute }, 61 * time.Second, 2, "max_age"},
		{"none", func(c *forward.Config) { c.Expire = 0 }, 0, 2, "expire 0s keeps none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			clock := time.Now()
			now := func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return clock
			}
			s := serve(t, answers("192.0.2.1"))
			c := config(t, s.target)
			tt.change(&c)
			h := start(t, c, forward.Deps{Now: now})
			ask(t, h, resolver.TCP, question())
			mu.Lock()
			clock = clock.Add(tt.wait)
			mu.Unlock()
			if got := ask(t, h, resolver.TCP, question()); got.addr() != "192.0.2.1" || s.sockets() != tt.want {
				t.Errorf("%s: got %s over %d connections, want %d", tt.reason, got.addr(), s.sockets(), tt.want)
			}
		})
	}
}

// TestIdleConnectionClosed is of a server that closes what is idle: that is no
// failure of its.
func TestIdleConnectionClosed(t *testing.T) {
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
		_ = w.Close()
	})
	c := config(t, s.target)
	c.MaxConnectAttempts = 1
	h := start(t, c, forward.Deps{})
	for i := range 5 {
		if got := ask(t, h, resolver.TCP, question()); got.addr() != "192.0.2.1" {
			t.Fatalf("query %d: %v", i, got.err)
		}
	}
}

// TestFile is of upstreams that a file lists, and of its changes.
func TestFile(t *testing.T) {
	dnstest.NoLeaks(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "resolv.conf")
	write := func(text string) {
		t.Helper()
		next := path + ".new"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var log strings.Builder
	logged := func(text string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(log.String(), text)
		}
	}
	write("# a comment\nsearch example.org\nnameserver 192.0.2.1\n  nameserver\t192.0.2.2 # b\nnameserver 192.0.2.1\nnameserver nonsense\nnameserver fe80::1%lo\n")
	c := config(t, forward.Target{File: "resolv.conf"})
	h, err := forward.New(c, forward.Deps{Next: refuse, Root: dir, Poll: time.Millisecond, Logger: textLogger(&mu, &log)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"192.0.2.1:53", "192.0.2.2:53", "[fe80::1%lo]:53"}
	if diff := cmp.Diff(want, forward.Upstreams(h)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	write("nameserver 192.0.2.3\n")
	dnstest.Eventually(t, "the change is seen", func() bool { return cmp.Equal([]string{"192.0.2.3:53"}, forward.Upstreams(h)) })
	write("# nothing\n")
	dnstest.Eventually(t, "it is told of", logged("the files list no nameserver"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	dnstest.Eventually(t, "it is told of", logged("no such file"))
	if diff := cmp.Diff([]string{"192.0.2.3:53"}, forward.Upstreams(h)); diff != "" {
		t.Errorf("they stay (-want +got):\n%s", diff)
	}
	write("nameserver 192.0.2.4\n")
	dnstest.Eventually(t, "the change is seen", func() bool { return cmp.Equal([]string{"192.0.2.4:53"}, forward.Upstreams(h)) })
	h.Close()

	for text, reason := range map[string]string{
		"search example.org\n":                                 "no upstream is left",
		strings.Repeat("nameserver 192.0.2.1\n", 4000):         "not a regular file of at most 65536 bytes",
		"nameserver 10.0.0." + sixteen("\nnameserver 10.0.0."): "16 upstreams, 15 are allowed",
	} {
		write(text)
		if _, err := forward.New(c, forward.Deps{Root: dir}); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
}

// sixteen returns the numbers 1 to 16 with a separator.
func sixteen(separator string) string {
	var list []string
	for i := range 16 {
		list = append(list, fmt.Sprint(i+1))
	}
	return strings.Join(list, separator)
}

// TestClose is of a handler closed while all is going on.
func TestClose(t *testing.T) {
	dnstest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good, quiet := serve(t, answers("192.0.2.1")), serve(t, silent)
	c := config(t, quiet.target, closedAddr(t), good.target, forward.Target{File: path})
	c.ReadTimeout = soon
	h, err := forward.New(c, forward.Deps{Next: refuse, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, resolver.TCP, question()) // a connection is idle now, and two upstreams are in doubt
	replied := make(chan result, 1)
	asked := quiet.queries()
	go func() { replied <- ask(t, h, resolver.UDP, dnstest.Question("www2.example.org", dns.TypeA)) }()
	dnstest.Eventually(t, "a query", func() bool { return quiet.queries() > asked || good.udp.Load() > 0 })
	h.Close()
	if n := forward.Checking(h); n != 0 {
		t.Errorf("%d upstreams are being checked after Close", n)
	}
	if got := dnstest.Receive(t, "what was under way", replied); got.addr() != "192.0.2.1" {
		t.Errorf("what was under way got %s: %v", got.addr(), got.err)
	}
	if got := ask(t, h, resolver.UDP, question()); got.outcome != resolver.ServFail || got.err == nil {
		t.Errorf("after Close: %v", got.outcome)
	}
}
