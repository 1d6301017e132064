package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/zone"
)

// scrape returns the lines that a registry is scraped as and that begin with
// one of the prefixes.
func scrape(t testing.TB, r *promclient.Registry, prefixes ...string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scraping: status %d: %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
			lines = append(lines, line)
		}
	}
	return lines
}

func newMetrics(t testing.TB) (*promclient.Registry, *prometheus.Metrics) {
	t.Helper()
	registry := promclient.NewRegistry()
	m, err := prometheus.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	return registry, m
}

// counted returns the chain of a server block with two zones, and a block-less rest.
func counted(t testing.TB, m *prometheus.Metrics, z *zone.Zone) *resolver.Mux {
	t.Helper()
	zones := []zone.Name{dnstest.Name(t, "local"), dnstest.Name(t, "cluster.local")}
	h := m.Handler("dns://:53", "", zones, &kubernetes.Handler{Zone: z, Next: resolver.Refuse{}})
	mux := &resolver.Mux{Otherwise: m.Handler("dns://:53", "", nil, resolver.Refuse{})}
	for _, z := range zones {
		mux.Handle(z, h)
	}
	return mux
}

func TestNames(t *testing.T) {
	const in = `{server="dns://:53",view="",zone="cluster.local."`
	tests := []struct {
		name   string
		msg    *dns.Msg
		tcp    bool
		client string // "" is IPv4
		prefix string
		want   []string
		reason string
	}{
		{
			"request", dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), false, "",
			"coredns_dns_requests_total",
			[]string{`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="cluster.local."} 1`},
			"the longest zone of the block",
		},
		{
			"IPv6 by TCP", dnstest.Question("other.local.", dns.TypeAAAA), true, "[fd00::1]:5353",
			"coredns_dns_requests_total",
			[]string{`coredns_dns_requests_total{family="2",proto="tcp",server="dns://:53",type="AAAA",view="",zone="local."} 1`},
			"family is the client's address'",
		},
		{
			"rare type", dnstest.Question("cluster.local.", 666), false, "",
			"coredns_dns_requests_total",
			[]string{`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="other",view="",zone="cluster.local."} 1`},
			"types that clients make up are no labels",
		},
		{
			"no block", dnstest.Question("example.com.", dns.TypeMX), false, "",
			"coredns_dns_requests_total",
			[]string{`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="MX",view="",zone="dropped"} 1`},
			"no block is for the name",
		},
		{
			"answer", dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), false, "",
			"coredns_dns_responses_total",
			[]string{`coredns_dns_responses_total{plugin="kubernetes",rcode="NOERROR",server="dns://:53",view="",zone="cluster.local."} 1`},
			"the handler that answered",
		},
		{
			"no name", dnstest.Question("nothing.cluster.local.", dns.TypeA), false, "",
			"coredns_dns_responses_total",
			[]string{`coredns_dns_responses_total{plugin="kubernetes",rcode="NXDOMAIN",server="dns://:53",view="",zone="cluster.local."} 1`},
			"rcodes by name",
		},
		{
			"failure", dnstest.Question("a.default.svc.cluster.local.", dns.TypeA), false, "",
			"coredns_dns_responses_total",
			[]string{`coredns_dns_responses_total{plugin="kubernetes",rcode="SERVFAIL",server="dns://:53",view="",zone="cluster.local."} 1`},
			"what alerts of errors divide by all",
		},
		{
			"refused", dnstest.Question("example.com.", dns.TypeA), false, "",
			"coredns_dns_responses_total",
			[]string{`coredns_dns_responses_total{plugin="",rcode="REFUSED",server="dns://:53",view="",zone="dropped"} 1`},
			"no handler answered",
		},
		{
			"DO", dnstest.Question("cluster.local.", dns.TypeSOA).SetEdns0(1232, true), false, "",
			"coredns_dns_do_requests_total" + in,
			[]string{"coredns_dns_do_requests_total" + in + "} 1"},
			"RFC 3225",
		},
		{
			"no DO", dnstest.Question("cluster.local.", dns.TypeSOA).SetEdns0(1232, false), false, "",
			"coredns_dns_do_requests_total" + in,
			[]string{"coredns_dns_do_requests_total" + in + "} 0"},
			"EDNS alone is not DO",
		},
		{
			"request size", dnstest.Question("cluster.local.", dns.TypeSOA), false, "",
			`coredns_dns_request_size_bytes_sum{proto="udp",server="dns://:53",view="",zone="cluster.local."}`,
			[]string{`coredns_dns_request_size_bytes_sum{proto="udp",server="dns://:53",view="",zone="cluster.local."} 31`},
			"octets of the query",
		},
		{
			"response size", dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), true, "",
			`coredns_dns_response_size_bytes_sum{proto="tcp",server="dns://:53",view="",zone="cluster.local."}`,
			[]string{`coredns_dns_response_size_bytes_sum{proto="tcp",server="dns://:53",view="",zone="cluster.local."} 63`},
			"octets of the reply",
		},
		{
			"duration", dnstest.Question("cluster.local.", dns.TypeSOA), false, "",
			"coredns_dns_request_duration_seconds_count" + in,
			[]string{"coredns_dns_request_duration_seconds_count" + in + "} 1"},
			"one observation a query",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			registry, m := newMetrics(t)
			responder := resolver.Responder{Handler: counted(t, m, dnstest.Zone(t))}
			x := dnstest.Exchange()
			if tt.tcp {
				x.Query.Transport = resolver.TCP
			}
			if tt.client != "" {
				x.Query.Client = netip.MustParseAddrPort(tt.client)
			}
			reply := responder.Respond(x, dnstest.Pack(t, tt.msg), nil)
			if tt.name == "response size" && len(reply) != 63 {
				t.Fatalf("the reply has %d octets", len(reply))
			}
			if diff := cmp.Diff(tt.want, scrape(t, registry, tt.prefix)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestBuckets(t *testing.T) {
	registry, m := newMetrics(t)
	dnstest.Serve(t, counted(t, m, dnstest.Zone(t)), dnstest.Question("cluster.local.", dns.TypeSOA))
	tests := []struct{ metric, labels, want string }{
		{
			"coredns_dns_request_duration_seconds", `server="dns://:53",view="",zone="cluster.local.",`,
			"0.00025 0.0005 0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 +Inf",
		},
		{
			"coredns_dns_request_size_bytes", `proto="udp",server="dns://:53",view="",zone="cluster.local.",`,
			"0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000 +Inf",
		},
		{
			"coredns_dns_response_size_bytes", `proto="udp",server="dns://:53",view="",zone="cluster.local.",`,
			"0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000 +Inf",
		},
	}
	for _, tt := range tests {
		t.Run(tt.metric, func(t *testing.T) {
			prefix := tt.metric + "_bucket{" + tt.labels + `le="`
			var bounds []string
			for _, line := range scrape(t, registry, prefix) {
				bound, _, _ := strings.Cut(strings.TrimPrefix(line, prefix), `"`)
				bounds = append(bounds, bound)
			}
			if diff := cmp.Diff(tt.want, strings.Join(bounds, " ")); diff != "" {
				t.Errorf("buckets of dashboards' quantiles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProcessMetrics(t *testing.T) {
	registry, m := newMetrics(t)
	if err := prometheus.BuildInfo(registry, "1.2.3", "abc"); err != nil {
		t.Fatal(err)
	}
	m.Panicked("dns://:53")
	m.Enabled([]prometheus.Enabled{{Server: "dns://:53", Zone: "cluster.local.", Handler: "kubernetes"}})
	responder := resolver.Responder{
		Handler:  resolver.Refuse{},
		Rejected: func(q *resolver.Query, _ *resolver.Reply, o resolver.Outcome, _ int) { m.Rejected(q, o) },
	}
	opcode := dnstest.Question("a.", dns.TypeA)
	opcode.Opcode = dns.OpcodeStatus
	for _, packet := range [][]byte{nil, dnstest.Pack(t, opcode), dnstest.Pack(t, opcode)[:12], {1, 2, 3}} {
		responder.Respond(dnstest.Exchange(), packet, nil)
	}
	got := scrape(t, registry, "coredns_panics", "coredns_plugin", "coredns_build", "rollcall_packets")
	want := []string{
		fmt.Sprintf(`coredns_build_info{goversion="%s",revision="abc",version="1.2.3"} 1`, runtime.Version()),
		`coredns_panics_total 1`,
		`coredns_plugin_enabled{name="kubernetes",server="dns://:53",view="",zone="cluster.local."} 1`,
		`rollcall_packets_rejected_total{proto="udp",rcode="NOTIMP"} 2`,
		`rollcall_packets_rejected_total{proto="udp",rcode="none"} 2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := prometheus.NewMetrics(registry); err == nil {
		t.Error("metrics were registered twice, without an error")
	}
}

// TestDropped sees that a query without reply is no reply.
func TestDropped(t *testing.T) {
	registry, m := newMetrics(t)
	h := m.Handler("dns://:53", "", nil, resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.Dropped }))
	if r := dnstest.Serve(t, h, dnstest.Question("a.", dns.TypeA)); r != nil {
		t.Fatal(r)
	}
	got := scrape(t, registry, "coredns_dns_requests_total", "coredns_dns_responses_total", "coredns_dns_response_size_bytes_count")
	want := []string{
		`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="dropped"} 1`,
		`coredns_dns_response_size_bytes_count{proto="tcp",server="dns://:53",view="",zone="dropped"} 0`,
		`coredns_dns_response_size_bytes_count{proto="udp",server="dns://:53",view="",zone="dropped"} 0`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestViews has two server blocks of one zone, which count apart.
func TestViews(t *testing.T) {
	registry, m := newMetrics(t)
	zones := []zone.Name{dnstest.Name(t, "example")}
	for i, view := range []string{"", "inside", "inside"} { // the last two after a reload
		for range i + 1 {
			dnstest.Serve(t, m.Handler("dns://:53", view, zones, resolver.Refuse{}), dnstest.Question("a.example.", dns.TypeA))
		}
	}
	m.Enabled([]prometheus.Enabled{{Server: "dns://:53", View: "inside", Zone: "example.", Handler: "hosts"}})
	got := scrape(t, registry, "coredns_dns_requests_total", "coredns_dns_do", "coredns_dns_response_size_bytes_count", "coredns_plugin", "rollcall_replies_truncated_total")
	want := []string{
		`coredns_dns_do_requests_total{server="dns://:53",view="",zone="example."} 0`,
		`coredns_dns_do_requests_total{server="dns://:53",view="inside",zone="example."} 0`,
		`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="example."} 1`,
		`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="inside",zone="example."} 5`,
		`coredns_dns_response_size_bytes_count{proto="tcp",server="dns://:53",view="",zone="example."} 0`,
		`coredns_dns_response_size_bytes_count{proto="tcp",server="dns://:53",view="inside",zone="example."} 0`,
		`coredns_dns_response_size_bytes_count{proto="udp",server="dns://:53",view="",zone="example."} 1`,
		`coredns_dns_response_size_bytes_count{proto="udp",server="dns://:53",view="inside",zone="example."} 5`,
		`coredns_plugin_enabled{name="hosts",server="dns://:53",view="inside",zone="example."} 1`,
		`rollcall_replies_truncated_total{proto="tcp",server="dns://:53",view="",zone="example."} 0`,
		`rollcall_replies_truncated_total{proto="tcp",server="dns://:53",view="inside",zone="example."} 0`,
		`rollcall_replies_truncated_total{proto="udp",server="dns://:53",view="",zone="example."} 0`,
		`rollcall_replies_truncated_total{proto="udp",server="dns://:53",view="inside",zone="example."} 0`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConcurrently(t *testing.T) {
	const each = 100
	registry, m := newMetrics(t)
	mux := counted(t, m, dnstest.Zone(t))
	names := []string{"web.default.svc.cluster.local.", "nothing.cluster.local.", "a.default.svc.cluster.local."}
	var all sync.WaitGroup
	for range 4 {
		for _, name := range names {
			all.Go(func() {
				for range each {
					dnstest.Serve(t, mux, dnstest.Question(name, dns.TypeA))
				}
			})
		}
	}
	all.Wait()
	const rest = `server="dns://:53",view="",zone="cluster.local."} 400`
	want := []string{
		`coredns_dns_responses_total{plugin="kubernetes",rcode="NOERROR",` + rest,
		`coredns_dns_responses_total{plugin="kubernetes",rcode="NXDOMAIN",` + rest,
		`coredns_dns_responses_total{plugin="kubernetes",rcode="SERVFAIL",` + rest,
	}
	if diff := cmp.Diff(want, scrape(t, registry, "coredns_dns_responses_total")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNoLookups sees that counting looks no label up, as that would allocate.
func TestNoLookups(t *testing.T) {
	_, m := newMetrics(t)
	mux := counted(t, m, dnstest.Zone(t))
	responder := resolver.Responder{Handler: mux}
	for _, name := range []string{"web.default.svc.cluster.local.", "nothing.cluster.local.", "example.com."} {
		x, packet, dst := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question(name, dns.TypeA)), make([]byte, 0, 1232)
		responder.Respond(x, packet, dst)
		if n := testing.AllocsPerRun(500, func() {
			x.Reply.Clear()
			mux.Serve(&x.Query, &x.Reply)
		}); n != 0 {
			t.Errorf("%s: %v allocations after the first query, want none", name, n)
		}
	}
}

func Example() {
	registry := promclient.NewRegistry()
	metrics, err := prometheus.NewMetrics(registry)
	if err != nil {
		fmt.Println(err)
		return
	}
	responder := resolver.Responder{Handler: metrics.Handler("dns://:53", "", nil, resolver.Refuse{})}
	packet, err := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	responder.Respond(new(resolver.Exchange), packet, nil)

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() == "coredns_dns_responses_total" {
			fmt.Println(f.GetMetric()[0].GetCounter().GetValue(), f.GetHelp())
		}
	}
	// Output:
	// 1 Replies sent, by rcode and the handler that made them.
}
