package cache_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cache"
)

// upstream stands for forward and the servers behind it. It is told what to reply,
// and never replies to a query that may not wait.
type upstream struct {
	mu     sync.Mutex
	reply  func(q *dns.Msg) *dns.Msg // nil for no reply at all
	delay  time.Duration
	ours   bool // what it replies is not another server's
	asked  []string
	flags  []uint16 // the header's, of each
	laters int
}

func (u *upstream) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	u.mu.Lock()
	if !q.MayWait() {
		u.laters++
		u.mu.Unlock()
		return resolver.Later
	}
	u.asked = append(u.asked, wire.Name(q.Name()).String()+" "+dns.TypeToString[q.Type])
	u.flags = append(u.flags, q.Flags)
	reply, delay, ours := u.reply, u.delay, u.ours
	u.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-q.Context.Done():
		r.Err = q.Context.Err()
		return resolver.ServFail
	}
	m := new(dns.Msg)
	m.Question = []dns.Question{{Name: wire.Name(q.RawName()).String(), Qtype: q.Type, Qclass: q.Class}}
	m = reply(m)
	if m == nil {
		return resolver.ServFail
	}
	whole, err := resolver.Pack(m)
	if err != nil {
		panic(err)
	}
	r.SetMessage(whole, wire.Fresh)
	r.Handler, r.Recursive = "forward", true
	if !ours {
		r.Relayed = whole
	}
	return resolver.OutcomeOf(whole, q)
}

// set has u reply with rcode and records, "answer", then "; authority", then "; additional".
func (u *upstream) set(t testing.TB, rcode int, sections ...string) {
	t.Helper()
	var parsed [3][]dns.RR
	for i, s := range sections {
		parsed[i] = records(t, s)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reply = func(m *dns.Msg) *dns.Msg {
		m.Response, m.Rcode = true, rcode
		m.Answer, m.Ns, m.Extra = parsed[0], parsed[1], parsed[2]
		return m
	}
}

func (u *upstream) change(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

// count returns how often u was asked.
func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

// records reads zone-file lines.
func records(t testing.TB, text string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return all
}

const (
	soa60 = "example.com. 60 IN SOA ns.example.com. admin.example.com. 1 2 3 4 60"
	a60   = "www.example.com. 60 IN A 192.0.2.7"
)

// parse parses a cache directive.
func parse(t testing.TB, text string) (cache.Config, error) {
	t.Helper()
	return cache.Parse(dnstest.Directive(t, text))
}

// start returns a cache before u, of a directive.
func start(t testing.TB, directive string, u *upstream) *cache.Handler {
	t.Helper()
	return startWith(t, directive, cache.Deps{Next: u})
}

func startWith(t testing.TB, directive string, deps cache.Deps) *cache.Handler {
	t.Helper()
	c, err := parse(t, directive)
	if err != nil {
		t.Fatal(err)
	}
	h, err := cache.New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// exchange asks h as a server does: without a Context first, and with one if it is
// Later. It returns the reply as a client has it, and as the chain has it.
func exchange(t testing.TB, h resolver.Handler, m *dns.Msg) (*dns.Msg, *resolver.Exchange) {
	t.Helper()
	responder := resolver.Responder{Handler: h, Panicked: func(_ *resolver.Query, reason any) { t.Errorf("panic: %v", reason) }}
	x := dnstest.Exchange()
	packet := dnstest.Pack(t, m)
	out := responder.Respond(x, packet, nil)
	if x.Later() {
		x.Query.Context = context.Background()
		out = responder.Respond(x, packet, nil)
	}
	return dnstest.Unpack(t, out), x
}

func ask(t testing.TB, h resolver.Handler, name string, typ uint16) *dns.Msg {
	t.Helper()
	m, _ := exchange(t, h, dnstest.Question(name, typ))
	return m
}

// text returns a reply's rcode and records, "RCODE; answer; authority; additional".
func text(m *dns.Msg) string {
	all := []string{dns.RcodeToString[m.Rcode]}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, line := range dnstest.Text(section) {
			if !strings.Contains(line, "OPT PSEUDOSECTION") {
				all = append(all, line)
			}
		}
	}
	return strings.Join(all, "; ")
}

// ede returns the INFO-CODE of a reply's Extended DNS Error; -1 for none.
func ede(m *dns.Msg) int {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}

// metric returns the sum of a metric's values whose labels have all of those given.
func metric(t testing.TB, r *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				has := false
				for _, l := range m.GetLabel() {
					has = has || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !has {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// quiet is a logger to a buffer.
func quiet(to *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
