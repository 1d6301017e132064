package local_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/local"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   local.Config
		err    string
		reason string
	}{
		{"local", local.Config{}, "", "the defaults"},
		{"local {\nlocalhost_prefix on\n}", local.Config{}, "", "the default, said"},
		{"local {\nlocalhost_prefix off\n}", local.Config{NoPrefix: true}, "", "RFC 6761 alone"},
		{"local x", local.Config{}, `Corefile:2: local: takes no arguments, got "x"`, "no arguments"},
		{"local {\nlocalhost_prefix no\n}", local.Config{}, `Corefile:3: localhost_prefix: wants one of on, off, got "no"`, "two values"},
		{"local {\nprefix on\n}", local.Config{}, `Corefile:3: unknown option "prefix" of local (known: localhost_prefix)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := local.Parse(dnstest.Directive(t, tt.text))
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

func TestServe(t *testing.T) {
	const (
		ok, nx, no = dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeRefused
		soa        = " 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800"
		one        = "1.0.0.127.in-addr.arpa."
	)
	one6 := "1." + strings.Repeat("0.", 31) + "ip6.arpa."
	on, off := local.Config{}, local.Config{NoPrefix: true}
	tests := []struct {
		config     local.Config
		name       string
		typ        uint16
		rcode      int
		answer, ns []string
		counted    float64
		reason     string
	}{
		{on, "localhost.", dns.TypeA, ok, []string{"localhost. 604800 IN A 127.0.0.1"}, nil, 0, "the name itself is not counted"},
		{on, "LOCALHOST.", dns.TypeAAAA, ok, []string{"LOCALHOST. 604800 IN AAAA ::1"}, nil, 0, "RFC 4343: case is ignored"},
		{on, "localhost.", dns.TypeSOA, ok, []string{"localhost." + soa}, nil, 0, "the apex"},
		{on, "localhost.", dns.TypeNS, ok, []string{"localhost. 604800 IN NS localhost."}, nil, 0, "the apex"},
		{on, "localhost.", dns.TypeMX, ok, nil, []string{"localhost." + soa}, 0, "NODATA"},
		{on, "a.b.localhost.", dns.TypeA, ok, []string{"a.b.localhost. 604800 IN A 127.0.0.1"}, nil, 1, "RFC 6761 section 6.3"},
		{off, "a.b.localhost.", dns.TypeAAAA, ok, []string{"a.b.localhost. 604800 IN AAAA ::1"}, nil, 1, "whatever the prefix does"},
		{on, "a.localhost.", dns.TypeTXT, ok, nil, []string{"localhost." + soa}, 1, "RFC 2308 section 2.2: the SOA of the zone"},
		{on, "localhost.default.svc.cluster.local.", dns.TypeA, ok, []string{"localhost.default.svc.cluster.local. 604800 IN A 127.0.0.1"}, nil, 1, "what a search list makes of localhost"},
		{on, "localhost.example.", dns.TypeSOA, ok, nil, []string{"localhost.example." + soa}, 1, "NODATA, of a zone by itself"},
		{off, "localhost.example.", dns.TypeA, no, nil, nil, 0, "localhost_prefix off"},
		{on, "localhosts.example.", dns.TypeA, no, nil, nil, 0, "another label"},
		{on, "a.localhost.example.", dns.TypeA, no, nil, nil, 0, "neither its beginning nor its end"},
		{on, "notlocalhost.", dns.TypeA, no, nil, nil, 0, "another name"},

		{on, one, dns.TypePTR, ok, []string{one + " 604800 IN PTR localhost."}, nil, 0, "127.0.0.1"},
		{on, one, dns.TypeA, ok, nil, []string{"127.in-addr.arpa." + soa}, 0, "NODATA"},
		{on, "0.0.127.in-addr.arpa.", dns.TypePTR, ok, nil, []string{"127.in-addr.arpa." + soa}, 0, "RFC 8020: an empty non-terminal"},
		{on, "2.0.0.127.in-addr.arpa.", dns.TypePTR, nx, nil, []string{"127.in-addr.arpa." + soa}, 0, "no other address has a name"},
		{on, "x." + one, dns.TypePTR, nx, nil, []string{"127.in-addr.arpa." + soa}, 0, "nothing below"},
		{on, "127.in-addr.arpa.", dns.TypeSOA, ok, []string{"127.in-addr.arpa." + soa}, nil, 0, "an apex"},
		{on, "255.in-addr.arpa.", dns.TypeNS, ok, []string{"255.in-addr.arpa. 604800 IN NS localhost."}, nil, 0, "an apex"},
		{on, "0.in-addr.arpa.", dns.TypePTR, ok, nil, []string{"0.in-addr.arpa." + soa}, 0, "NODATA at an apex"},
		{on, "1.0.0.0.in-addr.arpa.", dns.TypePTR, nx, nil, []string{"0.in-addr.arpa." + soa}, 0, "RFC 6303 section 4.2"},
		{on, "1.0.0.10.in-addr.arpa.", dns.TypePTR, no, nil, nil, 0, "not local"},
		{on, one6, dns.TypePTR, ok, []string{one6 + " 604800 IN PTR localhost."}, nil, 0, "RFC 6303 section 4.5: ::1"},
		{on, one6, dns.TypeA, ok, nil, []string{one6 + soa}, 0, "which is an apex"},
		{on, strings.Replace(one6, "1.", "2.", 1), dns.TypePTR, no, nil, nil, 0, "another address"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.TypeToString[tt.typ], func(t *testing.T) {
			reg := prometheus.NewRegistry()
			var err error
			if tt.config.Metrics, err = local.NewMetrics(reg); err != nil {
				t.Fatal(err)
			}
			r := dnstest.Serve(t, local.New(tt.config, resolver.Refuse{}), dnstest.Question(tt.name, tt.typ))
			if diff := cmp.Diff(tt.answer, dnstest.Text(r.Answer)); diff != "" || r.Rcode != tt.rcode {
				t.Errorf("%s: rcode %s (-want +got):\n%s", tt.reason, dns.RcodeToString[r.Rcode], diff)
			}
			if diff := cmp.Diff(tt.ns, dnstest.Text(r.Ns)); diff != "" {
				t.Errorf("%s: authority (-want +got):\n%s", tt.reason, diff)
			}
			if r.Authoritative != (tt.rcode != no) {
				t.Errorf("AA is %v", r.Authoritative)
			}
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			if f := families[0]; f.GetName() != "coredns_local_localhost_requests_total" || f.GetMetric()[0].GetCounter().GetValue() != tt.counted {
				t.Errorf("counted: %v, want %v", f, tt.counted)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	responder := resolver.Responder{Handler: local.New(local.Config{}, resolver.Refuse{})}
	x, buf := dnstest.Exchange(), make([]byte, 0, 4096)
	tests := []struct{ name, reason string }{
		{"localhost.", "local"},
		{"localhost.example.", "a prefix"},
		{"web.default.svc.cluster.local.", "not local: what most queries cost"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			packet := dnstest.Pack(t, dnstest.Question(tt.name, dns.TypeA))
			if n := testing.AllocsPerRun(100, func() { responder.Respond(x, packet, buf) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
