package acl_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/acl"
)

// next answers NXDOMAIN, which acl never does.
var next = resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NameError })

// handler returns a handler for the directives of a block.
func handler(t *testing.T, text string, c acl.Config, next resolver.Handler) *acl.Handler {
	t.Helper()
	var err error
	if c.Rules, err = parse(t, text); err != nil {
		t.Fatal(err)
	}
	h, err := acl.New(c, next)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask asks for a client, and returns the reply or nil.
func ask(t *testing.T, h resolver.Handler, client netip.AddrPort, m *dns.Msg) *dns.Msg {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Client = client
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(x, dnstest.Pack(t, m), nil)
	if len(out) == 0 {
		return nil
	}
	return dnstest.Unpack(t, out)
}

// from returns an address with a port.
func from(addr string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(addr), 4321) }

func TestServe(t *testing.T) {
	const (
		types  = "acl {\nblock type A AAAA net 192.168.0.0/16\n}"
		except = "acl {\nallow net 192.168.1.0/24\nblock net 192.168.0.0/16\n}"
		only   = "acl {\nallow net 10.0.0.0/8 fd00::/8\nblock\n}"
		two    = "acl a.example.org {\nallow net 10.0.0.1\n}\nacl {\nfilter\n}"
	)
	const passed = "NXDOMAIN" // by next
	tests := []struct {
		text, client, name string
		typ                uint16
		want               string
		reason             string
	}{
		{types, "192.168.1.1", "example.org.", dns.TypeA, "REFUSED 18", "network and type match; RFC 8914 section 4.19"},
		{types, "192.168.1.1", "example.org.", dns.TypeMX, passed, "another type"},
		{types, "192.169.1.1", "example.org.", dns.TypeA, passed, "another network"},
		{types, "::ffff:192.168.1.1", "example.org.", dns.TypeA, "REFUSED 18", "IPv4 on a socket of both families"},
		{types, "192.168.1.1", "example.com.", dns.TypeA, passed, "another zone"},
		{types, "192.168.1.1", "EXAMPLE.org.", dns.TypeA, "REFUSED 18", "RFC 4343: case is ignored"},
		{types, "192.168.1.1", "notexample.org.", dns.TypeA, passed, "a zone ends where a label does"},
		{except, "192.168.1.1", "x.example.org.", dns.TypeA, passed, "the first that matches"},
		{except, "192.168.2.1", "x.example.org.", dns.TypeA, "REFUSED 18", "the second"},
		{except, "10.0.0.1", "x.example.org.", dns.TypeA, passed, "none"},
		{only, "10.9.9.9", "x.example.org.", dns.TypeTXT, passed, "allowed"},
		{only, "fd12::1", "x.example.org.", dns.TypeTXT, passed, "allowed"},
		{only, "192.0.2.1", "x.example.org.", dns.TypeTXT, "REFUSED 18", "all others: it is a matter of who asks"},
		{only, "fe80::1%eth0", "x.example.org.", dns.TypeTXT, "REFUSED 18", "an address with a zone"},
		{"acl {\nallow net fe80::/10\nblock\n}", "fe80::1%eth0", "x.example.org.", dns.TypeTXT, passed, "is in the network as without"},
		{"acl {\nblock type ANY\n}", "192.0.2.1", "x.example.org.", dns.TypeANY, "REFUSED 15", "nobody may ask it; RFC 8914 section 4.16"},
		{"acl {\nfilter\n}", "192.0.2.1", "x.example.org.", dns.TypeA, "NOERROR 17 AA", "an empty answer that stubs take for final; RFC 8914 section 4.18"},
		{"acl {\ndrop\n}", "192.0.2.1", "x.example.org.", dns.TypeA, "no reply", "drop"},
		{two, "10.0.0.1", "x.a.example.org.", dns.TypeA, passed, "allow ends the search, as in CoreDNS"},
		{two, "10.0.0.2", "x.a.example.org.", dns.TypeA, "NOERROR 17 AA", "a rule that nothing of matches does not"},
		{two, "10.0.0.1", "b.example.org.", dns.TypeA, "NOERROR 17 AA", "a rule of other zones does not"},
		{"acl . {\nblock\n}", "10.0.0.1", "example.com.", dns.TypeA, "REFUSED 15", "zones wider than the block's"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			m := dnstest.EDNS(dnstest.Question(tt.name, tt.typ), 1232)
			r := ask(t, handler(t, tt.text, acl.Config{}, next), from(tt.client), m)
			if got := show(r); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// show returns a reply's rcode, Extended DNS Error, and AA.
func show(r *dns.Msg) string {
	if r == nil {
		return "no reply"
	}
	text := dns.RcodeToString[r.Rcode]
	for _, o := range r.IsEdns0().Option {
		text += fmt.Sprint(" ", o.(*dns.EDNS0_EDE).InfoCode)
	}
	if r.Authoritative {
		text += " AA"
	}
	if len(r.Answer)+len(r.Ns) > 0 {
		text += " with records"
	}
	return text
}

// TestNoAddress is of a client that nothing is known of: where there is a rule, it
// is blocked, whatever that says.
func TestNoAddress(t *testing.T) {
	h := handler(t, "acl {\nallow\n}", acl.Config{}, next)
	if r := ask(t, h, netip.AddrPort{}, dnstest.Question("example.org.", dns.TypeA)); r.Rcode != dns.RcodeRefused {
		t.Errorf("in the zone:\n%v", r)
	}
	if r := ask(t, h, netip.AddrPort{}, dnstest.Question("example.com.", dns.TypeA)); r.Rcode != dns.RcodeNameError {
		t.Errorf("elsewhere:\n%v", r)
	}
}

// TestAsked is CVE-2026-26017: a name that an answer leads to is judged as if its
// client had asked for it.
func TestAsked(t *testing.T) {
	alias := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if q.Depth > 0 {
			return resolver.NameError
		}
		_, o, err := resolver.Ask(q.Head, q, resolver.Question{Name: "secret.example.org.", Type: q.Type})
		r.Err = err
		return o
	})
	reg := prometheus.NewRegistry()
	m, err := acl.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t, "acl secret.example.org {\nblock net 192.0.2.0/24\n}", acl.Config{Metrics: m}, alias)
	question := dnstest.Question("alias.example.org.", dns.TypeA)
	if r := ask(t, h, from("192.0.2.1"), question); r.Rcode != dns.RcodeRefused {
		t.Errorf("an alias of what the client must not see:\n%v", r)
	}
	if r := ask(t, h, from("10.0.0.1"), question); r.Rcode != dns.RcodeNameError {
		t.Errorf("another client:\n%v", r)
	}
	want := map[string]float64{"coredns_acl_allowed_requests_total server= view=": 2}
	if diff := cmp.Diff(want, counted(t, reg)); diff != "" {
		t.Errorf("clients' queries are counted, and those asked for them are not (-want +got):\n%s", diff)
	}
}

// counted returns the counters that are not 0.
func counted(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			name := f.GetName()
			for _, l := range s.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			if v := s.GetCounter().GetValue(); v > 0 {
				got[name] = v
			}
		}
	}
	return got
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := acl.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	later := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		if !q.MayWait() {
			return resolver.Later
		}
		return resolver.NameError
	})
	const text = "acl example.org a.example.org {\nblock type MX\nfilter type TXT\ndrop type SRV\n}"
	h := handler(t, text, acl.Config{Server: "dns://:53", View: "v", Metrics: m}, later)
	for _, typ := range []uint16{dns.TypeMX, dns.TypeTXT, dns.TypeTXT, dns.TypeSRV} {
		ask(t, h, from("10.0.0.1"), dnstest.Question("x.a.example.org.", typ))
	}
	ask(t, h, from("10.0.0.1"), dnstest.Question("b.example.org.", dns.TypeMX))
	x := dnstest.Exchange()
	responder := resolver.Responder{Handler: h}
	packet := dnstest.Pack(t, dnstest.Question("example.org.", dns.TypeA))
	for _, x.Query.Context = range []context.Context{nil, context.Background()} { // served twice, counted once
		responder.Respond(x, packet, nil)
	}
	want := map[string]float64{
		"coredns_acl_allowed_requests_total server=dns://:53 view=v":                      1,
		"coredns_acl_blocked_requests_total server=dns://:53 view=v zone=a.example.org.":  1,
		"coredns_acl_blocked_requests_total server=dns://:53 view=v zone=example.org.":    1,
		"coredns_acl_dropped_requests_total server=dns://:53 view=v zone=a.example.org.":  1,
		"coredns_acl_filtered_requests_total server=dns://:53 view=v zone=a.example.org.": 2,
	}
	if diff := cmp.Diff(want, counted(t, reg)); diff != "" {
		t.Errorf("the longest zone counts (-want +got):\n%s", diff)
	}
}

// TestNetworks compares sets of random networks with a walk over all of them.
func TestNetworks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	addr := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(256))})
		}
		return netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(random.IntN(256))})
	}
	for round := range 300 {
		var nets []netip.Prefix
		var text strings.Builder
		for range 1 + random.IntN(12) {
			a := addr()
			n := netip.PrefixFrom(a, a.BitLen()-random.IntN(9)).Masked()
			nets = append(nets, n)
			fmt.Fprint(&text, " ", n)
		}
		h := handler(t, "acl {\nblock net"+text.String()+"\n}", acl.Config{}, next)
		for range 50 {
			client, want := addr(), dns.RcodeNameError
			for _, n := range nets {
				if n.Contains(client) {
					want = dns.RcodeRefused
				}
			}
			r := ask(t, h, netip.AddrPortFrom(client, 53), dnstest.Question("example.org.", dns.TypeA))
			if r.Rcode != want {
				t.Fatalf("round %d: %s of%s: rcode %d, want %d", round, client, &text, r.Rcode, want)
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	m, err := acl.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, " 10.%d.%d.0/24", i/256, i%256)
	}
	h := handler(t, "acl {\nallow type A net"+text.String()+"\nfilter type TXT\nblock\n}", acl.Config{Metrics: m}, next)
	responder := resolver.Responder{Handler: h}
	x, buf := dnstest.Exchange(), make([]byte, 0, 4096)
	x.Query.Client = from("::ffff:10.1.2.3")
	for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeMX} {
		t.Run(dns.TypeToString[typ], func(t *testing.T) {
			packet := dnstest.Pack(t, dnstest.Question("example.org.", typ))
			if n := testing.AllocsPerRun(100, func() { responder.Respond(x, packet, buf) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
