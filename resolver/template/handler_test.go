package template_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/template"
)

// before returns the templates of text before next.
func before(t testing.TB, text string, next resolver.Handler) *template.Handler {
	t.Helper()
	configs, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return template.New(configs, template.Deps{}, next)
}

func cluster(t testing.TB) resolver.Handler {
	return &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}
}

// reply is what a test looks at of a message.
type reply struct {
	Rcode                     string
	AA                        bool
	Answer, Authority, Others []string
	EDE                       string
}

func replyOf(m *dns.Msg) reply {
	r := reply{Rcode: dns.RcodeToString[m.Rcode], AA: m.Authoritative, Answer: dnstest.Text(m.Answer), Authority: dnstest.Text(m.Ns)}
	for _, rr := range m.Extra {
		opt, ok := rr.(*dns.OPT)
		if !ok {
			r.Others = append(r.Others, dnstest.Text([]dns.RR{rr})...)
			continue
		}
		for _, o := range opt.Option {
			if ede, ok := o.(*dns.EDNS0_EDE); ok {
				r.EDE = fmt.Sprintf("%d %s", ede.InfoCode, ede.ExtraText)
			}
		}
	}
	return r
}

func TestServe(t *testing.T) {
	const ip = `template IN A example {
		match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
		answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
		fallthrough
	}`
	data := func(expr string) string {
		return "template ANY ANY example {\nmatch ^(?P<first>[^.]*)\\.(.*)$\nanswer \"t. 60 IN TXT {{ " + expr + " }}\"\n}"
	}
	answer := func(text string) reply {
		return reply{Rcode: "NOERROR", AA: true, Answer: []string{`t. 60 IN TXT "` + text + `"`}}
	}
	refused := reply{Rcode: "REFUSED", EDE: "20 "}
	tests := []struct {
		name, text, ask string
		typ             uint16
		want            reply
		reason          string
	}{
		{"A", ip, "ip-10-1-2-3.example.", dns.TypeA, reply{Rcode: "NOERROR", AA: true, Answer: []string{"ip-10-1-2-3.example. 60 IN A 10.1.2.3"}}, "groups"},
		{"any case", ip, "IP-10-1-2-3.Example.", dns.TypeA, reply{Rcode: "NOERROR", AA: true, Answer: []string{"ip-10-1-2-3.example. 60 IN A 10.1.2.3"}}, "names are lower-case in templates"},
		{"ANY", ip, "ip-10-1-2-3.example.", dns.TypeANY, reply{Rcode: "NOERROR", AA: true, Answer: []string{"ip-10-1-2-3.example. 60 IN A 10.1.2.3"}}, "ANY is any type"},
		{"falls through", ip, "www.example.", dns.TypeA, refused, "no expression matches"},
		{"other type", ip, "ip-10-1-2-3.example.", dns.TypeAAAA, refused, "no template of that type"},
		{"other zone", ip, "ip-10-1-2-3.example.org.", dns.TypeA, refused, "no template of that zone"},
		{"no fallthrough", strings.Replace(ip, "fallthrough", "", 1), "www.example.", dns.TypeA, reply{Rcode: "SERVFAIL"}, "it is the template's, and it has no answer"},
		{"fallthrough elsewhere", strings.Replace(ip, "fallthrough", "fallthrough a.example", 1), "www.example.", dns.TypeA, reply{Rcode: "SERVFAIL"}, "not for that name"},
		{"fallthrough there", strings.Replace(ip, "fallthrough", "fallthrough a.example", 1), "www.a.example.", dns.TypeA, refused, "for that name"},
		{
			"next template", ip + "\ntemplate IN A {\nanswer \"{{ .Name }} IN A 192.0.2.1\"\n}", "www.example.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"www.example. 3600 IN A 192.0.2.1"}}, "falling through leads to it; TTL 3600",
		},
		{
			"all sections", `template IN MX example {
				answer "{{ .Name }} 60 IN MX 10 {{ .Name }}" "{{ .Name }} 60 IN MX 20 b.{{ .Zone }}"
				additional "{{ .Name }} 60 IN A 10.0.0.1"
				authority "example. 60 IN NS ns0.example."
				authority "example. 60 IN NS ns1.example."
			}`, "a.example.", dns.TypeMX,
			reply{
				Rcode: "NOERROR", AA: true,
				Answer:    []string{"a.example. 60 IN MX 10 a.example.", "a.example. 60 IN MX 20 b.example."},
				Authority: []string{"example. 60 IN NS ns0.example.", "example. 60 IN NS ns1.example."},
				Others:    []string{"a.example. 60 IN A 10.0.0.1"},
			}, "several of each",
		},
		{
			"NXDOMAIN", `template ANY ANY invalid {
				rcode NXDOMAIN
				authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
				ederror 21 "Blocked according to RFC2606"
			}`, "a.invalid.", dns.TypeA,
			reply{
				Rcode: "NXDOMAIN", AA: true, EDE: "21 Blocked according to RFC2606",
				Authority: []string{"invalid. 60 IN SOA ns.invalid. hostmaster.invalid. 1 60 60 60 60"},
			}, "RFC 2308 and RFC 8914",
		},
		{"NODATA", "template IN AAAA .", "a.", dns.TypeAAAA, reply{Rcode: "NOERROR", AA: true}, "the usual way to have no AAAA records"},
		{"SERVFAIL", "template IN A . {\nrcode SERVFAIL\nanswer \"{{ .Name }} IN A 192.0.2.1\"\nederror 0 why\n}", "a.", dns.TypeA, reply{Rcode: "SERVFAIL", EDE: "0 why"}, "without records"},
		{"REFUSED", "template IN A . {\nrcode REFUSED\n}", "a.", dns.TypeA, reply{Rcode: "REFUSED", AA: true}, "an rcode"},
		{"NOTIMP", "template IN A . {\nrcode NOTIMP\n}", "a.", dns.TypeA, reply{Rcode: "NOTIMP", AA: true}, "one that no outcome means"},
		{"parseInt", "template IN A . {\nmatch ^ip0a([0-9a-f]{2})[.]\nanswer \"{{ .Name }} 60 IN A 10.0.0.{{ parseInt (index .Match 1) 16 8 }}\"\n}", "ip0a7b.", dns.TypeA, reply{Rcode: "NOERROR", AA: true, Answer: []string{"ip0a7b. 60 IN A 10.0.0.123"}}, "a function"},
		{"second expression", "template IN A . {\nmatch ^a ^(?P<x>b)\nanswer \"{{ .Name }} 60 IN A 10.0.0.{{ len .Group.x }}\"\n}", "b.", dns.TypeA, reply{Rcode: "NOERROR", AA: true, Answer: []string{"b. 60 IN A 10.0.0.1"}}, "the first that matches"},
		{"writes nothing", "template IN A . {\nanswer \"{{ if eq .Name `a.` }}a. 5 IN A 10.0.0.1{{ end }}\"\n}", "b.", dns.TypeA, reply{Rcode: "NOERROR", AA: true}, "no record, and no error"},
		{"no record", "template IN A . {\nanswer \"{{ .Name }} IN A foo\"\n}", "a.", dns.TypeA, reply{Rcode: "SERVFAIL"}, "not an address"},
		{"cannot run", "template IN A . {\nanswer \"{{ index .Match 7 }}\"\n}", "a.", dns.TypeA, reply{Rcode: "SERVFAIL"}, "no such group"},
		{".Zone", data(".Zone"), "a.example.", dns.TypeTXT, answer("example."), "the zone"},
		{"the longest .Zone", strings.Replace(data(".Zone"), " example {", " a.b.example example b.example {", 1), "c.a.b.example.", dns.TypeTXT, answer("a.b.example."), "of several"},
		{".Name", data(".Name"), "A.Example.", dns.TypeTXT, answer("a.example."), "lower-case"},
		{".Class", data(".Class"), "a.example.", dns.TypeTXT, answer("IN"), "the query's"},
		{".Type", data(".Type"), "a.example.", dns.TypeTXT, answer("TXT"), "the query's"},
		{".Match", data("index .Match 0"), "a.example.", dns.TypeTXT, answer("a.example."), "the whole"},
		{".Group", data(`.Group.first`), "a.example.", dns.TypeTXT, answer("a"), "by name"},
		{".Group by number", data("index .Group `2`"), "a.example.", dns.TypeTXT, answer("example."), "by number"},
		{".Message", data(".Message.Id"), "a.example.", dns.TypeTXT, answer("1"), "the query"},
		{".Message's OPT", data(".Message.IsEdns0.UDPSize"), "a.example.", dns.TypeTXT, answer("1232"), "with its OPT record"},
		{".Question", data(".Question.Name"), "A.example.", dns.TypeTXT, answer("A.example."), "in the client's letters"},
		{".Remote", data(".Remote"), "a.example.", dns.TypeTXT, answer("192.0.2.1"), "the client"},
		{".Meta", data(".Meta `test/label`"), "a.example.", dns.TypeTXT, answer("value"), "what a handler told"},
		{".Regex", data("len .Regex"), "a.example.", dns.TypeTXT, answer("24"), "the expression"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := before(t, tt.text, resolver.Refuse{})
			m := dnstest.EDNS(dnstest.Question(tt.ask, tt.typ), 1232)
			got := dnstest.Serve(t, resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				q.Labels = map[string]string{"test/label": "value"}
				return h.Serve(q, r)
			}), m)
			if diff := cmp.Diff(tt.want, replyOf(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if got.Question[0].Name != tt.ask {
				t.Errorf("the question comes back as %s", got.Question[0].Name)
			}
		})
	}
}

// An IPv4 client of an IPv6 socket is told as an IPv4 client.
func TestRemote(t *testing.T) {
	h := before(t, "template ANY ANY {\nanswer \"t. TXT {{ .Remote }}\"\n}", resolver.Refuse{})
	for client, want := range map[string]string{
		"[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8::1]:1": "2001:db8::1", "[fe80::1%eth0]:1": "fe80::1",
	} {
		x := dnstest.Exchange()
		x.Query.Client = netip.MustParseAddrPort(client)
		responder := resolver.Responder{Handler: h}
		m := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, dnstest.Question("a.", dns.TypeTXT)), nil))
		if diff := cmp.Diff([]string{`t. 3600 IN TXT "` + want + `"`}, dnstest.Text(m.Answer)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", client, diff)
		}
	}
}

// What a client writes is no syntax of zone files.
func TestHostile(t *testing.T) {
	const text = "template IN A . {\nmatch ^(?P<h>.*)\\.$\nanswer \"{{ .Group.h }} 60 IN A 192.0.2.1\"\n}"
	for _, label := range []string{`$include`, `a\010b`, `a\032b`, `\;`, `\(`, `\)`, `\"`, `\000`, `a\.b`, `\\`, `\@`, `{{x}}`} {
		t.Run(label, func(t *testing.T) {
			m := dnstest.Serve(t, before(t, text, resolver.Refuse{}), dnstest.Question(label+".", dns.TypeA))
			if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 || m.Answer[0].Header().Name != m.Question[0].Name {
				t.Errorf("rcode %d, %v: want one record of the question's name", m.Rcode, m.Answer)
			}
		})
	}
}

func TestCNAME(t *testing.T) {
	const to = "template IN ANY foo.test {\nanswer \"foo.test. 60 IN CNAME %s\"\n}"
	alias := "foo.test. 60 IN CNAME "
	tests := []struct {
		target string
		typ    uint16
		want   []string
		rcode  int
		soa    bool
		reason string
	}{
		{"web.default.svc.cluster.local.", dns.TypeA, []string{alias + "web.default.svc.cluster.local.", "web.default.svc.cluster.local. 5 IN A 10.96.0.10"}, 0, false, "RFC 1034 section 3.6.2"},
		{"web.default.svc.cluster.local.", dns.TypeTXT, []string{alias + "web.default.svc.cluster.local."}, 0, false, "only addresses are looked for"},
		{"no.default.svc.cluster.local.", dns.TypeA, []string{alias + "no.default.svc.cluster.local."}, dns.RcodeNameError, true, "RFC 6604 section 2"},
		{"db-0.db.default.svc.cluster.local.", dns.TypeAAAA, []string{alias + "db-0.db.default.svc.cluster.local."}, 0, true, "RFC 2308 section 2.2"},
		{"www.example.org.", dns.TypeA, []string{alias + "www.example.org."}, 0, false, "a name that is none of ours"},
		{"foo.test.", dns.TypeA, nil, dns.RcodeServerFailure, false, "a loop ends"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			m := dnstest.Serve(t, before(t, fmt.Sprintf(to, tt.target), cluster(t)), dnstest.EDNS(dnstest.Question("foo.test.", tt.typ), 1232))
			if diff := cmp.Diff(tt.want, dnstest.Text(m.Answer)); diff != "" || m.Rcode != tt.rcode || (len(m.Ns) > 0) != tt.soa {
				t.Errorf("%s: rcode %d, authority %v (-want +got):\n%s", tt.reason, m.Rcode, m.Ns, diff)
			}
		})
	}
}

// TestCNAMEFails is about targets that can't be told, now or at all.
func TestCNAMEFails(t *testing.T) {
	why := errors.New("no upstream")
	waiting := true
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if waiting && !q.MayWait() {
			return resolver.Later
		}
		r.Err = why
		return resolver.ServFail
	})
	reg := prometheus.NewRegistry()
	metrics, err := template.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	configs, err := parse(t, "template IN A foo.test {\nanswer \"foo.test. 60 IN CNAME bar.\"\n}")
	if err != nil {
		t.Fatal(err)
	}
	responder := resolver.Responder{Handler: template.New(configs, template.Deps{Metrics: metrics, Server: "dns://:53", View: "v"}, next)}
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("foo.test.", dns.TypeA))
	if out := responder.Respond(x, packet, nil); len(out) > 0 || !x.Later() || len(gather(t, reg)) != 0 {
		t.Fatalf("got %x, want nothing yet, and nothing counted", out)
	}
	x.Query.Context = context.Background()
	m := dnstest.Unpack(t, responder.Respond(x, packet, nil))
	if m.Rcode != dns.RcodeServerFailure || !errors.Is(x.Reply.Err, why) {
		t.Errorf("rcode %d, error %v: want SERVFAIL, and why", m.Rcode, x.Reply.Err)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	metrics, err := template.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	configs, err := parse(t, `template IN A a. {
		answer "{{ .Name }} 60 IN A 192.0.2.1"
	}
	template IN A b. {
		answer "{{ .Name }} foo"
	}
	template IN A c. {
		authority "{{ index .Match 3 }}"
	}`)
	if err != nil {
		t.Fatal(err)
	}
	h := template.New(configs, template.Deps{Metrics: metrics, Server: "dns://:53", View: "v"}, resolver.Refuse{})
	for _, name := range []string{"a.", "x.a.", "b.", "c.", "d."} {
		dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA))
	}
	want := []string{
		"coredns_template_matches_total class=IN server=dns://:53 type=A view=v zone=a. 2",
		"coredns_template_matches_total class=IN server=dns://:53 type=A view=v zone=b. 1",
		"coredns_template_matches_total class=IN server=dns://:53 type=A view=v zone=c. 1",
		"coredns_template_rr_failures_total class=IN section=answer server=dns://:53 template={{.Name}} foo type=A view=v zone=b. 1",
		"coredns_template_template_failures_total class=IN section=authority server=dns://:53 template={{index .Match 3}} type=A view=v zone=c. 1",
	}
	if diff := cmp.Diff(want, gather(t, reg)); diff != "" {
		t.Errorf("names and labels are CoreDNS's (-want +got):\n%s", diff)
	}
}

// gather returns a line for each counter: its name, labels and value.
func gather(t *testing.T, g prometheus.Gatherer) (lines []string) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			line := f.GetName()
			for _, l := range m.GetLabel() {
				line += " " + l.GetName() + "=" + l.GetValue()
			}
			lines = append(lines, fmt.Sprintf("%s %v", line, m.GetCounter().GetValue()))
		}
	}
	return lines
}

// Nothing is paid for templates of other names, types or classes.
func TestAllocs(t *testing.T) {
	h := before(t, "template IN A example.com\ntemplate IN AAAA\ntemplate CH ANY", cluster(t))
	responder := resolver.Responder{Handler: h}
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
	buf := make([]byte, 0, 1500)
	if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, buf) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
