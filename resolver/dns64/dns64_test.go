package dns64_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/dns64"
	"github.com/rollcall-dns/rollcall/zone"
)

func TestParse(t *testing.T) {
	prefix := netip.MustParsePrefix
	const wants = `wants an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits such as 64:ff9b::/96, got `
	tests := []struct {
		text   string
		want   dns64.Config
		err    string
		reason string
	}{
		{"dns64", dns64.Config{}, "", "the well-known prefix"},
		{"dns64 64:1337::/96", dns64.Config{Prefix: prefix("64:1337::/96")}, "", "a prefix"},
		{"dns64 64:1337::1/96", dns64.Config{Prefix: prefix("64:1337::/96")}, "", "what is behind it does not count"},
		{"dns64 {\nprefix 2001:db8::/32\ntranslate_all\nallow_ipv4\n}", dns64.Config{Prefix: prefix("2001:db8::/32"), TranslateAll: true, AllowIPv4: true}, "", "every option"},
		{"dns64 2001:db8::/64 {\nallow_ipv4\n}", dns64.Config{Prefix: prefix("2001:db8::/64"), AllowIPv4: true}, "", "a prefix and options"},
		{"dns64 2001:db8::/72", dns64.Config{}, "Corefile:2: dns64: " + wants + `"2001:db8::/72"`, "RFC 6052 section 2.2: the lengths"},
		{"dns64 10.0.0.0/32", dns64.Config{}, "Corefile:2: dns64: " + wants + `"10.0.0.0/32"`, "IPv6"},
		{"dns64 {\nprefix\n}", dns64.Config{}, "Corefile:3: prefix: " + wants + "none", "a prefix is needed"},
		{"dns64 {\ntranslate_all yes\n}", dns64.Config{}, `Corefile:3: translate_all: takes no arguments, got "yes"`, "no arguments"},
		{"dns64 {\nmap x\n}", dns64.Config{}, `Corefile:3: unknown option "map" of dns64 (known: allow_ipv4, prefix, translate_all)`, "no others"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := dns64.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
				got = dns64.Config{}
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if got != tt.want {
				t.Errorf("%s: %+v, want %+v", tt.reason, got, tt.want)
			}
		})
	}
}

// soa says for how long there are no AAAA records.
const soa = "example.org. 20 IN SOA . . 1 1 1 1 20"

// said are the records that next answers with, by name and type; a record of type
// SOA goes to the authority section. An rcode in the place of a record is the
// reply's, another server's if it is relayed.
var said = map[string][]string{
	"v4. A":          {"v4. 300 IN A 192.0.2.33", "v4. 300 IN A 192.0.2.34"},
	"v4. AAAA":       {soa},
	"nosoa. A":       {"nosoa. 900 IN A 192.0.2.33"},
	"nosoa. AAAA":    {},
	"short. A":       {"short. 5 IN A 192.0.2.33"},
	"short. AAAA":    {soa},
	"both. A":        {"both. 300 IN A 192.0.2.33"},
	"both. AAAA":     {"both. 300 IN AAAA 2001:db8::1"},
	"alias. A":       {"alias. 300 IN CNAME v4.", "v4. 300 IN A 192.0.2.33"},
	"alias. AAAA":    {"alias. 300 IN CNAME v4.", soa},
	"mapped. A":      {"mapped. 300 IN A 192.0.2.33"},
	"mapped. AAAA":   {"mapped. 300 IN AAAA ::ffff:192.0.2.99"},
	"mixed. A":       {"mixed. 300 IN A 192.0.2.33"},
	"mixed. AAAA":    {"mixed. 300 IN AAAA ::ffff:192.0.2.99", "mixed. 300 IN AAAA 2001:db8::2"},
	"neither. A":     {soa},
	"neither. AAAA":  {soa},
	"signed. A":      {"signed. 300 IN A 192.0.2.33", "signed. 300 IN RRSIG A 8 1 300 20300101000000 20200101000000 1 . AA=="},
	"signed. AAAA":   {soa},
	"broken. A":      {"broken. 300 IN A 192.0.2.33"},
	"broken. AAAA":   {"SERVFAIL relayed"},
	"notimp. A":      {"notimp. 300 IN A 192.0.2.33"},
	"notimp. AAAA":   {"NOTIMP relayed"},
	"notready. A":    {"notready. 300 IN A 192.0.2.33"},
	"notready. AAAA": {"SERVFAIL"},
	"half. A":        {"SERVFAIL"},
	"half. AAAA":     {soa},
	"bogus. A":       {"SERVFAIL EDE"},
	"bogus. AAAA":    {soa},
	"odd. A":         {"NXDOMAIN"},
	"odd. AAAA":      {soa},
	"quiet. A":       {"drop"},
	"quiet. AAAA":    {soa},
	"slow. A":        {"later"},
	"slow. AAAA":     {soa},
}

// next answers with said.
var next = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	name := zone.Name(q.Name()).String()
	texts, ok := said[name+" "+dns.TypeToString[q.Type]]
	m := new(dns.Msg)
	m.SetQuestion(name, q.Type)
	if !ok {
		texts = []string{"NXDOMAIN"}
	}
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		switch {
		case text == "drop":
			return resolver.Dropped
		case text == "later":
			return resolver.Later
		case err != nil:
			text, why := strings.CutSuffix(text, " EDE")
			if why {
				m.SetEdns0(1232, false)
				m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus}}
			}
			text, relayed := strings.CutSuffix(text, " relayed")
			m.Rcode = dns.StringToRcode[text]
			if relayed {
				r.Relayed = new(wire.Message)
			}
		case rr.Header().Rrtype == dns.TypeSOA:
			m.Ns = append(m.Ns, rr)
		default:
			m.Answer = append(m.Answer, rr)
		}
	}
	m.AuthenticatedData = true
	if err := r.SetMsg(m); err != nil {
		panic(err)
	}
	whole, err := resolver.Pack(m)
	if err != nil {
		panic(err)
	}
	return resolver.OutcomeOf(whole, q)
})

// from asks h over the network of client, and returns the reply, nil for none.
func from(t *testing.T, h resolver.Handler, client string, m *dns.Msg) (*dns.Msg, bool) {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Client = netip.MustParseAddrPort(client)
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(x, dnstest.Pack(t, m), nil)
	if len(out) == 0 {
		return nil, x.Later()
	}
	return dnstest.Unpack(t, out), x.Later()
}

const v6, v4 = "[2001:db8::53]:5353", "192.0.2.53:5353"

// show returns the rcode, AD, and the records of a reply.
func show(m *dns.Msg) string {
	if m == nil {
		return "nothing"
	}
	words := []string{dns.RcodeToString[m.Rcode]}
	if m.AuthenticatedData {
		words = append(words, "ad")
	}
	for _, rr := range append(m.Answer, m.Ns...) {
		words = append(words, dnstest.Text([]dns.RR{rr})[0])
	}
	return strings.Join(words, "\n")
}

// count returns what the metric that dashboards have counts of the server block
// dns://:53.
func count(t *testing.T, reg *prometheus.Registry) int {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := f.GetMetric()[0]
		label := m.GetLabel()[0]
		if f.GetName() == "coredns_dns64_requests_translated_total" && label.GetName() == "server" && label.GetValue() == "dns://:53" {
			return int(m.GetCounter().GetValue())
		}
	}
	t.Fatal("there is no coredns_dns64_requests_translated_total")
	return 0
}

func TestSynthesis(t *testing.T) {
	question := func(name string, typ uint16) *dns.Msg { return dnstest.Question(name, typ) }
	checking := question("v4.", dns.TypeAAAA).SetEdns0(1232, true)
	checking.CheckingDisabled = true
	wantsAD := question("v4.", dns.TypeAAAA)
	wantsAD.AuthenticatedData = true
	chaos := question("v4.", dns.TypeAAAA)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	const made = "NOERROR\nv4. 20 IN AAAA 64:ff9b::c000:221\nv4. 20 IN AAAA 64:ff9b::c000:222"
	tests := []struct {
		title  string
		config dns64.Config
		client string
		ask    *dns.Msg
		want   string
		count  int
		reason string
	}{
		{"made", dns64.Config{}, v6, question("v4.", dns.TypeAAAA), made, 1, "RFC 6147 section 5.1.7: the SOA's TTL where it is less"},
		{"short", dns64.Config{}, v6, question("short.", dns.TypeAAAA), "NOERROR\nshort. 5 IN AAAA 64:ff9b::c000:221", 1, "the A record's TTL where that is less"},
		{"no SOA", dns64.Config{}, v6, question("nosoa.", dns.TypeAAAA), "NOERROR\nnosoa. 600 IN AAAA 64:ff9b::c000:221", 1, "RFC 6147 section 5.1.7: 600 s without a SOA"},
		{"type A", dns64.Config{}, v6, question("short.", dns.TypeA), "NOERROR\nshort. 5 IN A 192.0.2.33", 0, "RFC 6147 section 5.3.3: other types stay"},
		{"class CH", dns64.Config{}, v6, chaos, "NOERROR\n" + soa, 0, "RFC 6147 section 5.1: class IN"},
		{"over IPv4", dns64.Config{}, v4, question("v4.", dns.TypeAAAA), "NOERROR\n" + soa, 0, "who has IPv4 needs none"},
		{"over IPv4 on a socket of both", dns64.Config{}, "[::ffff:192.0.2.53]:5353", question("v4.", dns.TypeAAAA), "NOERROR\n" + soa, 0, "it is IPv4 all the same"},
		{"allow_ipv4", dns64.Config{AllowIPv4: true}, v4, question("v4.", dns.TypeAAAA), made, 1, "unless it is allowed"},
		{"has both", dns64.Config{}, v6, question("both.", dns.TypeAAAA), "NOERROR\nboth. 300 IN AAAA 2001:db8::1", 0, "RFC 6147 section 5.1.1: there is one"},
		{"translate_all", dns64.Config{TranslateAll: true}, v6, question("both.", dns.TypeAAAA), "NOERROR\nboth. 300 IN AAAA 64:ff9b::c000:221", 1, "even so"},
		{"alias", dns64.Config{}, v6, question("alias.", dns.TypeAAAA), "NOERROR\nalias. 300 IN CNAME v4.\nv4. 20 IN AAAA 64:ff9b::c000:221", 1, "RFC 6147 section 5.1.5: at the end of a chain"},
		{"mapped", dns64.Config{}, v6, question("mapped.", dns.TypeAAAA), "NOERROR\nmapped. 300 IN AAAA 64:ff9b::c000:221", 1, "RFC 6147 section 5.1.4: as good as none"},
		{"mixed", dns64.Config{}, v6, question("mixed.", dns.TypeAAAA), "NOERROR\nmixed. 300 IN AAAA 2001:db8::2", 0, "RFC 6147 section 5.1.4: only the others"},
		{"neither", dns64.Config{}, v6, question("neither.", dns.TypeAAAA), "NOERROR\n" + soa, 0, "there is nothing to make any of"},
		{"no such name", dns64.Config{}, v6, question("none.", dns.TypeAAAA), "NXDOMAIN", 0, "RFC 6147 section 5.1.2: NXDOMAIN stays"},
		{"relayed SERVFAIL", dns64.Config{}, v6, question("broken.", dns.TypeAAAA), "NOERROR\nbroken. 300 IN AAAA 64:ff9b::c000:221", 1, "RFC 6147 section 5.1.2: as good as none"},
		{"relayed NOTIMP", dns64.Config{}, v6, question("notimp.", dns.TypeAAAA), "NOERROR\nnotimp. 300 IN AAAA 64:ff9b::c000:221", 1, "RFC 6147 section 5.1.2: as good as none"},
		{"not ready", dns64.Config{}, v6, question("notready.", dns.TypeAAAA), "SERVFAIL", 0, "what is not known now is not made up"},
		{"A fails", dns64.Config{}, v6, question("half.", dns.TypeAAAA), "SERVFAIL", 0, "a failure is no denial, which would be cached"},
		{"A does not exist", dns64.Config{}, v6, question("odd.", dns.TypeAAAA), "NOERROR\n" + soa, 0, "the first reply stays"},
		{"A is dropped", dns64.Config{}, v6, question("quiet.", dns.TypeAAAA), "nothing", 0, "and so is the question"},
		{"DO", dns64.Config{}, v6, question("signed.", dns.TypeAAAA).SetEdns0(1232, true), "NOERROR\nsigned. 20 IN AAAA 64:ff9b::c000:221", 1, "the signature of another record is none, and neither is AD"},
		{"AD", dns64.Config{}, v6, wantsAD, made, 1, "RFC 6147 section 5.5: nobody checked what was made"},
		{"DO and CD", dns64.Config{}, v6, checking, "NOERROR ad\n" + soa, 0, "RFC 6147 section 5.5: who checks is told the truth"},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			metrics, err := dns64.NewMetrics(reg)
			if err != nil {
				t.Fatal(err)
			}
			tt.config.Metrics, tt.config.Server = metrics, "dns://:53"
			got, later := from(t, dns64.New(tt.config, next), tt.client, tt.ask)
			want := strings.Replace(tt.want, " ad\n", "\nad\n", 1)
			if diff := cmp.Diff(want, show(got)); diff != "" || later {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if n := count(t, reg); n != tt.count {
				t.Errorf("counted %d, want %d", n, tt.count)
			}
		})
	}
}

// TestExtendedError has the question for A records fail with a reason (RFC 8914).
func TestExtendedError(t *testing.T) {
	h := dns64.New(dns64.Config{}, next)
	m, _ := from(t, h, v6, dnstest.EDNS(dnstest.Question("bogus.", dns.TypeAAAA), 1232))
	if e := resolver.ExtendedError(m); m.Rcode != dns.RcodeServerFailure || e == nil || e.Code != 6 {
		t.Errorf("want SERVFAIL with DNSSEC Bogus:\n%v", m)
	}
}

// TestPrefixes is of the lengths, with the examples of RFC 6052 section 2.4.
func TestPrefixes(t *testing.T) {
	tests := []struct{ prefix, want string }{
		{"2001:db8::/32", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "2001:db8:122:344::c000:221"},
		{"64:ff9b::/96", "64:ff9b::c000:221"},
	}
	for _, tt := range tests {
		t.Run(tt.prefix, func(t *testing.T) {
			h := dns64.New(dns64.Config{Prefix: netip.MustParsePrefix(tt.prefix)}, next)
			m, _ := from(t, h, v6, dnstest.Question("short.", dns.TypeAAAA))
			got, _ := netip.AddrFromSlice(m.Answer[0].(*dns.AAAA).AAAA)
			if got != netip.MustParseAddr(tt.want) {
				t.Errorf("RFC 6052 section 2.4: %s, want %s", got, tt.want)
			}
		})
	}
}

// TestLater is of A records that take long.
func TestLater(t *testing.T) {
	if m, later := from(t, dns64.New(dns64.Config{}, next), v6, dnstest.Question("slow.", dns.TypeAAAA)); m != nil || !later {
		t.Errorf("a reply that has to be waited for: %v, later %v", m, later)
	}
}

// TestTruncated is of a reply that was cut, whose client asks again over TCP.
func TestTruncated(t *testing.T) {
	asked := 0
	cut := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		asked++
		for range 40 {
			r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeCNAME, 5, []byte("\x0csome-where-a\x00")))
		}
		return resolver.Answered
	})
	m, _ := from(t, dns64.New(dns64.Config{}, cut), v6, dnstest.Question("x.", dns.TypeAAAA))
	if !m.Truncated || asked != 1 {
		t.Errorf("TC %v, asked %d times, want the cut reply alone", m.Truncated, asked)
	}
}

// TestAllocations is of what is none of the handler's business.
func TestAllocations(t *testing.T) {
	bare := resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData })
	h := dns64.New(dns64.Config{}, bare)
	q, r := new(resolver.Query), new(resolver.Reply)
	q.Type, q.Class, q.Client = wire.TypeAAAA, wire.ClassIN, netip.MustParseAddrPort(v4)
	if n := testing.AllocsPerRun(100, func() { h.Serve(q, r) }); n != 0 {
		t.Errorf("AAAA over IPv4 allocates %v times", n)
	}
	q.Type, q.Client = wire.TypeA, netip.MustParseAddrPort(v6)
	if n := testing.AllocsPerRun(100, func() { h.Serve(q, r) }); n != 0 {
		t.Errorf("A over IPv6 allocates %v times", n)
	}
}
