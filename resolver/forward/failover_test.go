package forward_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/zone"
)

func TestFailover(t *testing.T) {
	good := answers("192.0.2.1")
	tests := []struct {
		name     string
		handlers []dns.HandlerFunc // nil: nothing listens there
		change   func(*forward.Config)
		want     string
		asked    []int // queries of each
		reason   string
	}{
		{"first", []dns.HandlerFunc{good, silent}, nil, "192.0.2.1", []int{1, 0}, "nobody else is asked"},
		{"silent", []dns.HandlerFunc{silent, good}, nil, "192.0.2.1", []int{1, 1}, "a timeout has the next one asked"},
		{"nobody", []dns.HandlerFunc{nil, good}, nil, "192.0.2.1", []int{0, 1}, "so has an error"},
		{"all", []dns.HandlerFunc{silent, silent}, nil, "SERVFAIL", []int{2, 2}, "two attempts for each"},
		{"few", []dns.HandlerFunc{silent, good}, func(c *forward.Config) { c.MaxConnectAttempts = 1 }, "SERVFAIL", []int{1, 0}, "max_connect_attempts"},
		{"rcode", []dns.HandlerFunc{codes(dns.RcodeRefused), good}, nil, "REFUSED", []int{1, 0}, "an rcode is an answer"},
		{
			"failover", []dns.HandlerFunc{codes(dns.RcodeRefused), good},
			func(c *forward.Config) { c.Failover = []wire.Rcode{wire.Refused} }, "192.0.2.1", []int{1, 1}, "failover has the next one asked",
		},
		{
			"failover to the end", []dns.HandlerFunc{codes(dns.RcodeRefused), codes(dns.RcodeServerFailure)},
			func(c *forward.Config) { c.Failover = []wire.Rcode{wire.Refused, wire.ServFail} }, "SERVFAIL", []int{1, 1}, "the last answer counts",
		},
		{
			"failover to silence", []dns.HandlerFunc{codes(dns.RcodeRefused), silent},
			func(c *forward.Config) {
				c.Failover, c.MaxConnectAttempts = []wire.Rcode{wire.Refused}, 1
			}, "REFUSED", []int{1, 1}, "an answer counts more than none",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config(t)
			c.MaxFails = 0 // no checks among the queries that are counted
			c.ReadTimeout = soon
			var servers []*server
			for _, h := range tt.handlers {
				s := &server{target: closedAddr(t)}
				if h != nil {
					s = serve(t, h)
				}
				servers = append(servers, s)
				c.To = append(c.To, s.target)
			}
			if tt.change != nil {
				tt.change(&c)
			}
			got := ask(t, start(t, c, forward.Deps{}), resolver.UDP, question())
			var asked []int
			for _, s := range servers {
				asked = append(asked, s.queries())
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" || got.addr() != tt.want {
				t.Errorf("%s: got %s, want %s; queries (-want +got):\n%s", tt.reason, got.addr(), tt.want, diff)
			}
		})
	}
}

// TestErrors is of what is told where nobody answers.
func TestErrors(t *testing.T) {
	quiet, nobody := serve(t, silent), closedAddr(t)
	tests := []struct {
		targets []forward.Target
		ede     uint16
		parts   []string
		reason  string
	}{
		{[]forward.Target{nobody, quiet.target}, dns.ExtendedErrorCodeNetworkError, []string{"connection refused; ", ": i/o timeout"}, "all that was asked"},
		{[]forward.Target{quiet.target}, dns.ExtendedErrorCodeNoReachableAuthority, []string{": i/o timeout"}, "RFC 8914 section 4.23"},
		{[]forward.Target{nobody}, dns.ExtendedErrorCodeNetworkError, []string{": connection refused"}, "RFC 8914 section 4.24"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			c := config(t, tt.targets...)
			c.ReadTimeout = soon
			got := ask(t, start(t, c, forward.Deps{}), resolver.UDP, dnstest.EDNS(question(), 1232))
			ede, ok := got.IsEdns0().Option[0].(*dns.EDNS0_EDE)
			if got.outcome != resolver.ServFail || !ok || ede.InfoCode != tt.ede || !got.RecursionAvailable {
				t.Errorf("%s:\n%v", tt.reason, got.Msg)
			}
			parts := append([]string{"forward: www.example.org. A: "}, tt.parts...)
			for _, x := range tt.targets {
				parts = append(parts, x.Addr.String()+": ")
			}
			for _, p := range parts {
				if !strings.Contains(got.err.Error(), p) {
					t.Errorf("%s: %q is not in %q", tt.reason, p, got.err)
				}
			}
			if last := tt.parts[len(tt.parts)-1]; !strings.HasSuffix(got.err.Error(), last) {
				t.Errorf("%s: %q does not end in %q, which patterns of errors rely on", tt.reason, got.err, last)
			}
		})
	}
}

// TestRecovery is of an upstream that goes away and comes back.
func TestRecovery(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := forward.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	away, other := closedAddr(t), serve(t, answers("192.0.2.2"))
	h := start(t, config(t, away, other.target), forward.Deps{Metrics: metrics})
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.2" {
		t.Fatalf("got %s", got.addr())
	}
	failures := func() float64 {
		return value(t, registry, "coredns_proxy_healthcheck_failures_total", away.Addr.String())
	}
	dnstest.Eventually(t, "the upstream is down", func() bool { return failures() >= 2 })
	if n := forward.Checking(h); n != 1 {
		t.Errorf("%d upstreams are being checked, want the one in doubt", n)
	}
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.2" || other.queries() != 2 {
		t.Errorf("got %s after %d queries", got.addr(), other.queries())
	}

	back := serveAt(t, away.Addr.String(), answers("192.0.2.1"))
	dnstest.Eventually(t, "a check finds it", func() bool { return back.queries() > 0 })
	dnstest.Eventually(t, "it is asked again", func() bool { return ask(t, h, resolver.UDP, question()).addr() == "192.0.2.1" })
	dnstest.Eventually(t, "checks end", func() bool { return forward.Checking(h) == 0 })
}

// TestAllDown is of what is done where no upstream is well.
func TestAllDown(t *testing.T) {
	for _, failfast := range []bool{false, true} {
		registry := prometheus.NewRegistry()
		metrics, err := forward.NewMetrics(registry)
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
			if m.Question[0].Qtype == dns.TypeA { // checks get nothing
				_ = w.WriteMsg(reply(m, "192.0.2.1"))
			}
		})
		c := config(t, s.target)
		c.FailFast, c.MaxConnectAttempts = failfast, 1
		c.MaxFails, c.ReadTimeout = 1, soon
		h := start(t, c, forward.Deps{Metrics: metrics})
		// A question that is not answered puts it in doubt; its check fails after 1 s.
		ask(t, h, resolver.UDP, dnstest.Question("www.example.org", dns.TypeMX))
		dnstest.Eventually(t, "it is down", func() bool {
			return value(t, registry, "coredns_proxy_healthcheck_failures_total", s.addr()) >= 1
		})
		sent := s.queries()
		got := ask(t, h, resolver.UDP, question())
		if want := map[bool]string{false: "192.0.2.1", true: "SERVFAIL"}[failfast]; got.addr() != want {
			t.Errorf("failfast %v: got %s, want %s", failfast, got.addr(), want)
		}
		if failfast && (!strings.Contains(got.err.Error(), "no upstream is healthy") || s.queries() > sent+1) {
			t.Errorf("error %v; %d queries", got.err, s.queries()-sent)
		}
		if v := value(t, registry, "coredns_forward_healthcheck_broken_total", ""); v != 1 {
			t.Errorf("failfast %v: broken counts %v", failfast, v)
		}
	}
}

// TestPolicy is of the upstream that is asked first.
func TestPolicy(t *testing.T) {
	one, two, three := serve(t, answers("192.0.2.1")), serve(t, answers("192.0.2.2")), serve(t, answers("192.0.2.3"))
	asked := func(p forward.Policy) map[string]int {
		c := config(t, one.target, two.target, three.target)
		c.Policy = p
		h := start(t, c, forward.Deps{})
		count := map[string]int{}
		for range 60 {
			count[ask(t, h, resolver.UDP, question()).addr()]++
		}
		return count
	}
	if diff := cmp.Diff(map[string]int{"192.0.2.1": 60}, asked(forward.Sequential)); diff != "" {
		t.Errorf("sequential (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"192.0.2.1": 20, "192.0.2.2": 20, "192.0.2.3": 20}, asked(forward.RoundRobin)); diff != "" {
		t.Errorf("round_robin (-want +got):\n%s", diff)
	}
	if random := asked(forward.Random); len(random) != 3 {
		t.Errorf("random: %v", random)
	}
}

// TestNext is of what goes to the next handler.
func TestNext(t *testing.T) {
	nodata := codes(dns.RcodeSuccess)
	second := serve(t, answers("192.0.2.2"))
	after := start(t, config(t, second.target), forward.Deps{})
	end := resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.Dropped })
	tests := []struct {
		name    string
		handler dns.HandlerFunc
		change  func(*forward.Config)
		next    resolver.Handler
		want    string
		reason  string
	}{
		{"next", codes(dns.RcodeNameError), func(c *forward.Config) { c.Next = []wire.Rcode{wire.NXDomain} }, after, "192.0.2.2", "the rcode has the next forward asked"},
		{"another rcode", codes(dns.RcodeRefused), func(c *forward.Config) { c.Next = []wire.Rcode{wire.NXDomain} }, after, "REFUSED", "that rcode alone"},
		{"no forward", codes(dns.RcodeNameError), func(c *forward.Config) { c.Next = []wire.Rcode{wire.NXDomain} }, end, "NXDOMAIN", "another handler is not asked"},
		{"no data", nodata, func(c *forward.Config) { c.NextOnNoData = true }, after, "192.0.2.2", "next_on_nodata"},
		{"no data, not next", nodata, func(*forward.Config) {}, after, "NOERROR", "an empty answer is one"},
		{"cut, not no data", func(w dns.ResponseWriter, m *dns.Msg) {
			if w.RemoteAddr().Network() == "tcp" {
				_ = w.Close()
				return
			}
			r := reply(m, "192.0.2.1")
			r.Truncated, r.Answer = true, nil
			_ = w.WriteMsg(r)
		}, func(c *forward.Config) { c.NextOnNoData = true }, after, "NOERROR", "there is an answer, which did not fit"},
		{"except", nodata, func(c *forward.Config) { c.Except = []zone.Name{dnstest.Name(t, "example.org")} }, after, "192.0.2.2", "names below are none of ours"},
		{"except itself", nodata, func(c *forward.Config) {
			c.From = []zone.Name{dnstest.Name(t, "www.example.org")}
			c.Except = []zone.Name{dnstest.Name(t, "example.org")}
		}, after, "NOERROR", "FROM itself is always forwarded"},
		{"outside", nodata, func(c *forward.Config) { c.From = []zone.Name{dnstest.Name(t, "example.com")} }, after, "192.0.2.2", "outside FROM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config(t, serve(t, tt.handler).target)
			tt.change(&c)
			if got := ask(t, start(t, c, forward.Deps{Next: tt.next}), resolver.UDP, question()); got.addr() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.reason, got.addr(), tt.want)
			}
		})
	}
}

// value returns what a counter has for an upstream, or at all where to is empty.
func value(t testing.TB, r *prometheus.Registry, name, to string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := to == ""
			for _, l := range m.GetLabel() {
				match = match || l.GetName() == "to" && l.GetValue() == to
			}
			if match {
				sum += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
