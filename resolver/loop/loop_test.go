package loop_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
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
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/loop"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   loop.Config
		err    string
		reason string
	}{
		{"loop", loop.Config{Zone: "a.test."}, "", "the first zone of the block"},
		{"loop x", loop.Config{}, `Corefile:2: loop: takes no arguments, got "x"`, "no arguments"},
		{"loop {\nx\n}", loop.Config{Zone: "a.test."}, `Corefile:3: loop takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := corefile.Parse("Corefile", strings.NewReader("a.test b.test {\n"+tt.text+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := loop.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestZoneTooLong(t *testing.T) {
	label := strings.Repeat("x", 62) + "."
	if _, err := loop.New(loop.Config{Zone: label + label + label + strings.Repeat("y", 36) + "."}, resolver.Refuse{}); err != nil {
		t.Errorf("227 octets: %v", err)
	}
	if _, err := loop.New(loop.Config{Zone: label + label + label + strings.Repeat("y", 37) + "."}, resolver.Refuse{}); err == nil {
		t.Error("228 octets: no error")
	}
}

// upstream forwards to a server, or answers NXDOMAIN while there is none. It keeps
// the names of what it was asked.
type upstream struct {
	to     atomic.Pointer[string]
	silent atomic.Bool // nothing is answered
	twice  atomic.Bool // what comes for the second time is not forwarded again

	mu    sync.Mutex
	asked []dns.Question // guarded by mu
}

func (u *upstream) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if !q.MayWait() {
		return resolver.Later
	}
	m, err := r.Msg()
	if err != nil {
		r.Err = err
		return resolver.ServFail
	}
	u.mu.Lock()
	again := slices.Contains(u.asked, m.Question[0])
	u.asked = append(u.asked, m.Question[0])
	u.mu.Unlock()
	if u.silent.Load() {
		return resolver.Dropped
	}
	to := u.to.Load()
	if to == nil || again && u.twice.Load() {
		return resolver.NameError
	}
	ask := dnstest.Question(m.Question[0].Name, m.Question[0].Qtype)
	reply, _, err := new(dns.Client).ExchangeContext(q.Context, ask, *to)
	if err != nil {
		r.Err = err
		return resolver.ServFail
	}
	if reply.Rcode == dns.RcodeServerFailure {
		return resolver.ServFail
	}
	return resolver.NameError
}

// questions returns what was asked so far.
func (u *upstream) questions() []dns.Question {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]dns.Question(nil), u.asked...)
}

// fixture is a server whose only handler forwards to u.
type fixture struct {
	handler *loop.Handler
	u       *upstream
	addr    string
	log     *logged
	metrics *prometheus.Registry
	end     func() // ends Probe, and waits for its end
}

// logged is what was logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), part)
}

func start(t *testing.T, u *upstream) *fixture {
	t.Helper()
	dnstest.NoLeaks(t)
	f := &fixture{u: u, log: new(logged), metrics: prometheus.NewRegistry()}
	m, err := loop.NewMetrics(f.metrics)
	if err != nil {
		t.Fatal(err)
	}
	f.handler, err = loop.New(loop.Config{
		Zone: "example.org.", Interval: time.Millisecond, Retry: time.Millisecond, Linger: time.Millisecond,
		Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Metrics: m,
	}, u)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Listen(server.Config{Addr: "127.0.0.1:0", Responder: &resolver.Responder{Handler: f.handler}})
	if err != nil {
		t.Fatal(err)
	}
	f.addr = s.Addr().String()
	var running sync.WaitGroup
	running.Go(s.Serve)
	t.Cleanup(func() { s.Close(); running.Wait() })
	return f
}

// probe begins to probe; the test's end ends it.
func (f *fixture) probe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var probing sync.WaitGroup
	probing.Go(func() { f.handler.Probe(ctx, f.addr) })
	f.end = func() { cancel(); probing.Wait() }
	t.Cleanup(f.end)
}

// detected returns the metric.
func (f *fixture) detected(t *testing.T) float64 {
	t.Helper()
	families, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() != "rollcall_loop_detected" || m.GetLabel()[0].GetValue() != "example.org." {
				t.Errorf("another metric: %v", family)
			}
			sum += m.GetGauge().GetValue()
		}
	}
	return sum
}

func TestLoop(t *testing.T) {
	u := new(upstream)
	f := start(t, u)
	u.to.Store(&f.addr) // what is forwarded comes back
	f.probe(t)
	dnstest.Eventually(t, "the loop is seen", f.handler.Looping)

	before := len(u.questions())
	m := dnstest.EDNS(dnstest.Question("www.example.org.", dns.TypeA), 1232)
	r := dnstest.Ask(t, "udp", f.addr, m)
	if r.Rcode != dns.RcodeServerFailure {
		t.Errorf("a query in a loop:\n%v", r)
	}
	want := []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNetworkError, ExtraText: "forwarding loop"}}
	if diff := cmp.Diff(want, r.IsEdns0().Option); diff != "" {
		t.Errorf("RFC 8914 (-want +got):\n%s", diff)
	}
	for _, q := range u.questions()[before:] {
		if q.Qtype != dns.TypeHINFO {
			t.Errorf("forwarded in a loop: %v", q)
		}
	}
	if n := f.detected(t); n != 1 {
		t.Errorf("rollcall_loop_detected is %v", n)
	}
	if f.log.count("level=ERROR") != 1 || f.log.count("zone=example.org.") != 1 || f.log.count("let forward name servers") != 1 {
		t.Errorf("not one line that says which zone and what to do:\n%s", &f.log.buf)
	}

	u.to.Store(nil) // the loop is gone
	dnstest.Eventually(t, "the loop's end is seen", func() bool { return !f.handler.Looping() })
	if r := dnstest.Ask(t, "udp", f.addr, m); r.Rcode != dns.RcodeNameError {
		t.Errorf("after the loop:\n%v", r)
	}
	if n := f.detected(t); n != 0 {
		t.Errorf("rollcall_loop_detected is %v after the loop", n)
	}
}

func TestEndOfProbing(t *testing.T) {
	u := new(upstream)
	f := start(t, u)
	u.to.Store(&f.addr)
	f.probe(t)
	dnstest.Eventually(t, "the loop is seen", f.handler.Looping)
	f.end()
	if f.handler.Looping() || f.detected(t) != 0 {
		t.Error("a handler that nobody probes any more knows of a loop")
	}
}

// TestProbes is of the names of probes: each its own, hard to guess, in the zone.
func TestProbes(t *testing.T) {
	u := new(upstream)
	f := start(t, u)
	f.probe(t)
	dnstest.Eventually(t, "there were 20 probes", func() bool { return len(u.questions()) >= 20 })
	seen := map[string]bool{}
	for _, q := range u.questions() {
		labels := dns.SplitDomainName(q.Name)
		if q.Qtype != dns.TypeHINFO || len(labels) != 4 || !dns.IsSubDomain("example.org.", q.Name) ||
			len(labels[0])+len(labels[1]) != 26 { // 130 bits in base 32
			t.Errorf("not a probe: %v", q)
		}
		if seen[q.Name] {
			t.Errorf("asked twice without a loop: %v", q)
		}
		seen[q.Name] = true
	}
	if f.handler.Looping() {
		t.Error("a loop where there is none")
	}
}

// TestClients is CVE-2026-26018: what clients ask is no probe, were it that of
// yesterday.
func TestClients(t *testing.T) {
	u := new(upstream)
	f := start(t, u)
	f.probe(t)
	dnstest.Eventually(t, "there were probes", func() bool { return len(u.questions()) > 2 })
	names := []string{u.questions()[0].Name, "a.b.example.org.", "example.org."}
	for _, name := range names {
		for range 20 {
			if r := dnstest.Ask(t, "udp", f.addr, dnstest.Question(name, dns.TypeHINFO)); r.Rcode != dns.RcodeNameError {
				t.Fatalf("%s:\n%v", name, r)
			}
		}
	}
	if f.handler.Looping() || f.log.count("level=ERROR") != 0 {
		t.Error("a client made a loop of nothing")
	}
}

// TestSilence is of an upstream that does not answer: nothing is known, and that
// is said once.
func TestSilence(t *testing.T) {
	u := new(upstream)
	u.silent.Store(true)
	f := start(t, u)
	c := loop.Config{
		Zone: "example.org.", Retry: time.Millisecond, Timeout: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	h, err := loop.New(c, u)
	if err != nil {
		t.Fatal(err)
	}
	f.handler = h
	f.probe(t)
	dnstest.Eventually(t, "there were several probes", func() bool { return len(u.questions()) >= 5 })
	if f.log.count("was not answered") != 1 {
		t.Errorf("not one line:\n%s", &f.log.buf)
	}
	if h.Looping() {
		t.Error("a loop where nothing is known")
	}
}

// TestTwice is of a probe that comes by twice, as one does that was doubled on its
// way. Each of the two is served twice, first by a goroutine that must not wait.
func TestTwice(t *testing.T) {
	u := new(upstream)
	u.twice.Store(true)
	f := start(t, u)
	u.to.Store(&f.addr)
	f.probe(t)
	dnstest.Eventually(t, "there were probes", func() bool { return len(u.questions()) >= 10 })
	if f.handler.Looping() || f.log.count("level=ERROR") != 0 {
		t.Error("a loop where a probe came by twice")
	}
}
