package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/file"
	"github.com/rollcall-dns/rollcall/zone"
)

// org is the zone that most tests ask.
const org = `
$TTL 300
@		3600 IN SOA ns1 admin 7 7200 3600 1209600 60
		IN NS ns1
		IN NS ns.example.net.
		IN MX 10 Mail
		IN TXT "apex"
ns1		IN A 192.0.2.1
mail		IN A 192.0.2.25
		IN AAAA 2001:db8::25
Two		IN A 192.0.2.3
		600 IN A 192.0.2.2
		IN A 192.0.2.2
_sip._tcp	IN SRV 0 0 5060 mail
		IN SRV 0 0 5061 mail
		IN SRV 0 0 5062 sip.example.net.
svc		IN HTTPS 1 mail alpn=h2
self		IN HTTPS 1 . alpn=h2
a.b.ent		IN A 192.0.2.4
dot\046ted	IN A 192.0.2.5
alias		IN CNAME alias2
alias2		IN CNAME Mail
astray		IN CNAME missing
toempty		IN CNAME ent
away		IN CNAME host.example.net.
refused		IN CNAME refused.test.
failing		IN CNAME failing.test.
nowhere		IN CNAME nowhere.test.
deep		IN CNAME x.sub
loop		IN CNAME loop2
loop2		IN CNAME loop
me		IN CNAME me
*.wild		IN TXT "wild"
		IN MX 10 mail
x.real.wild	IN A 192.0.2.6
host.wild	IN A 192.0.2.7
a.*.stars	IN A 192.0.2.8
*.cn		IN CNAME mail
sub		IN NS ns.sub
		IN NS ns.example.net.
		IN DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
ns.sub		IN A 192.0.2.53
below.ns.sub	IN A 192.0.2.54
dn		IN DNAME there
		IN TXT "at a DNAME"
host.there	IN A 192.0.2.9
under.dn	IN A 192.0.2.10
spin		IN DNAME spin
grow		IN DNAME more.grow
long		IN DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.ddddddddddddddddddddddddddddddddd
`

// write makes a file of text and returns where it is.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start returns the handler of a directive for example.org, with text as its file.
func start(t *testing.T, text string, change func(*file.Config), next resolver.Handler) *file.Handler {
	t.Helper()
	c := file.Config{File: write(t, filepath.Join(t.TempDir(), "db"), text), Zones: []string{"example.org."}}
	if change != nil {
		change(&c)
	}
	h, err := file.New([]file.Config{c}, next)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// world answers names outside of example.org.
var world = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	name := zone.Name(q.Name()).String()
	soa := "example.net. 60 IN SOA . . 1 1 1 1 1"
	say := func(text string, o resolver.Outcome) resolver.Outcome {
		m, rr := new(dns.Msg), mustRR(text)
		m.SetQuestion(name, q.Type)
		if o == resolver.Answered {
			m.Answer = append(m.Answer, rr)
		} else {
			m.Ns = append(m.Ns, rr)
		}
		if err := r.SetMsg(m); err != nil {
			panic(err)
		}
		return o
	}
	switch {
	case name == "failing.test.":
		return resolver.ServFail
	case name == "nowhere.test.":
		return say(soa, resolver.NameError)
	case name == "later.test.":
		return resolver.Later
	case name == "host.example.net." && q.Type == dns.TypeA:
		return say("host.example.net. 5 IN A 198.51.100.1", resolver.Answered)
	case name == "host.example.net.":
		return say(soa, resolver.NoData)
	}
	return resolver.Refuse{}.Serve(q, r)
})

func mustRR(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// show returns what a reply says: the rcode and flags, then its sections.
func show(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	if m.Truncated {
		b.WriteString(" tc")
	}
	for _, s := range []struct {
		mark string
		rrs  []dns.RR
	}{{"", m.Answer}, {"ns: ", m.Ns}, {"extra: ", m.Extra}} {
		for _, line := range dnstest.Text(s.rrs) {
			if !strings.HasPrefix(line, "\n") { // the OPT record
				b.WriteString("\n" + s.mark + line)
			}
		}
	}
	return b.String()
}

func TestAnswers(t *testing.T) {
	const (
		soa  = "\nns: example.org. 60 IN SOA ns1.example.org. admin.example.org. 7 7200 3600 1209600 60"
		mail = "\nmail.example.org. 300 IN A 192.0.2.25"
		glue = "\nextra: mail.example.org. 300 IN A 192.0.2.25\nextra: mail.example.org. 300 IN AAAA 2001:db8::25"
		refs = "\nns: sub.example.org. 300 IN NS ns.sub.example.org.\nns: sub.example.org. 300 IN NS ns.example.net.\nextra: ns.sub.example.org. 300 IN A 192.0.2.53"
	)
	long := strings.Repeat("e", 63)
	tests := []struct{ name, typ, want, reason string }{
		{"mail", "A", "NOERROR aa" + mail, "the name and type are there"},
		{"MAIL", "A", "NOERROR aa\nMAIL.example.org. 300 IN A 192.0.2.25", "RFC 4343: case is ignored, and comes back"},
		{"two", "A", "NOERROR aa\ntwo.example.org. 300 IN A 192.0.2.3\ntwo.example.org. 300 IN A 192.0.2.2", "RFC 2181 sections 5 and 5.2: each record once, one TTL"},
		{`dot\.ted`, "A", "NOERROR aa\ndot\\.ted.example.org. 300 IN A 192.0.2.5", "RFC 1035 section 5.1: an octet may be written in two ways"},
		{"mail", "TXT", "NOERROR aa" + soa, "RFC 2308 section 2.2: NODATA"},
		{"none", "A", "NXDOMAIN aa" + soa, "RFC 2308 section 3: the SOA's TTL is at most its MINIMUM"},
		{"none.mail", "A", "NXDOMAIN aa" + soa, "nothing below a name with records"},
		{"", "SOA", "NOERROR aa\nexample.org. 3600 IN SOA ns1.example.org. admin.example.org. 7 7200 3600 1209600 60", "its own TTL where it is the answer"},
		{"", "NS", "NOERROR aa\nexample.org. 300 IN NS ns1.example.org.\nexample.org. 300 IN NS ns.example.net.\nextra: ns1.example.org. 300 IN A 192.0.2.1", "the apex is no delegation"},
		{"", "DS", "NOERROR aa" + soa, "DS of the apex is the parent's"},
		{"", "MX", "NOERROR aa\nexample.org. 300 IN MX 10 Mail.example.org." + glue, "RFC 1035 section 3.3.9"},
		{"_sip._tcp", "SRV", "NOERROR aa\n_sip._tcp.example.org. 300 IN SRV 0 0 5060 mail.example.org.\n_sip._tcp.example.org. 300 IN SRV 0 0 5061 mail.example.org.\n_sip._tcp.example.org. 300 IN SRV 0 0 5062 sip.example.net." + glue, "RFC 2782: each target's addresses once"},
		{"svc", "HTTPS", "NOERROR aa\nsvc.example.org. 300 IN HTTPS 1 mail.example.org. alpn=\"h2\"" + glue, "RFC 9460 section 4.1"},
		{"self", "HTTPS", "NOERROR aa\nself.example.org. 300 IN HTTPS 1 . alpn=\"h2\"", "RFC 9460 section 2.5: the root is the owner"},

		{"ent", "A", "NOERROR aa" + soa, "RFC 8020 section 2: an empty non-terminal"},
		{"b.ent", "TXT", "NOERROR aa" + soa, "and another"},
		{"c.ent", "A", "NXDOMAIN aa" + soa, "beside it is nothing"},
		{"_tcp", "SRV", "NOERROR aa" + soa, "above a service's name"},

		{"x.wild", "TXT", "NOERROR aa\nx.wild.example.org. 300 IN TXT \"wild\"", "RFC 4592 section 3.3.1"},
		{"X.y.wild", "TXT", "NOERROR aa\nX.y.wild.example.org. 300 IN TXT \"wild\"", "a wildcard stands for several labels"},
		{"x.wild", "MX", "NOERROR aa\nx.wild.example.org. 300 IN MX 10 mail.example.org." + glue, "with its additional records"},
		{"x.wild", "A", "NOERROR aa" + soa, "RFC 4592 section 2.2.1: NODATA"},
		{"*.wild", "TXT", "NOERROR aa\n*.wild.example.org. 300 IN TXT \"wild\"", "RFC 4592 section 2.3: asked as such"},
		{"wild", "TXT", "NOERROR aa" + soa, "not for the name above"},
		{"host.wild", "TXT", "NOERROR aa" + soa, "RFC 4592 section 2.2.1: not for a name that is there"},
		{"y.host.wild", "TXT", "NXDOMAIN aa" + soa, "nor across it"},
		{"real.wild", "TXT", "NOERROR aa" + soa, "RFC 4592 section 2.2.2: an empty non-terminal is there"},
		{"y.real.wild", "TXT", "NXDOMAIN aa" + soa, "RFC 4592 section 3.3.1: nor across that"},
		{"y.stars", "A", "NOERROR aa" + soa, "RFC 4592 section 2.2.2: the wildcard may be an empty non-terminal"},
		{"z.y.stars", "A", "NOERROR aa" + soa, "RFC 4592 section 4.9: it stands for names at any depth"},
		{"x.cn", "A", "NOERROR aa\nx.cn.example.org. 300 IN CNAME mail.example.org." + mail, "RFC 4592 section 4.4: a CNAME record at a wildcard"},

		{"alias", "A", "NOERROR aa\nalias.example.org. 300 IN CNAME alias2.example.org.\nalias2.example.org. 300 IN CNAME Mail.example.org." + mail, "RFC 1034 section 4.3.2 step 3a: in order"},
		{"alias", "CNAME", "NOERROR aa\nalias.example.org. 300 IN CNAME alias2.example.org.", "not followed where it is asked for"},
		{"alias", "MX", "NOERROR aa\nalias.example.org. 300 IN CNAME alias2.example.org.\nalias2.example.org. 300 IN CNAME Mail.example.org." + soa, "NODATA at the end"},
		{"astray", "A", "NXDOMAIN aa\nastray.example.org. 300 IN CNAME missing.example.org." + soa, "RFC 6604 section 3: the last name's rcode"},
		{"toempty", "A", "NOERROR aa\ntoempty.example.org. 300 IN CNAME ent.example.org." + soa, "to an empty non-terminal"},
		{"deep", "A", "NOERROR aa\ndeep.example.org. 300 IN CNAME x.sub.example.org." + refs, "into a delegation; AA is for the first name"},
		{"loop", "A", "SERVFAIL", "a loop ends"},
		{"me", "A", "SERVFAIL", "a loop of one"},
		{"me", "CNAME", "NOERROR aa\nme.example.org. 300 IN CNAME me.example.org.", "but it is there"},
		{"away", "A", "NOERROR aa\naway.example.org. 300 IN CNAME host.example.net.\nhost.example.net. 5 IN A 198.51.100.1", "followed by the server itself"},
		{"away", "AAAA", "NOERROR aa\naway.example.org. 300 IN CNAME host.example.net.\nns: example.net. 60 IN SOA . . 1 1 1 1 1", "NODATA there"},
		{"nowhere", "A", "NXDOMAIN aa\nnowhere.example.org. 300 IN CNAME nowhere.test.\nns: example.net. 60 IN SOA . . 1 1 1 1 1", "RFC 6604 section 3"},
		{"refused", "A", "NOERROR aa\nrefused.example.org. 300 IN CNAME refused.test.", "whom the server does not ask the client may"},
		{"failing", "A", "SERVFAIL aa\nfailing.example.org. 300 IN CNAME failing.test.", "not an end of the chain, but not known"},

		{"sub", "A", "NOERROR" + refs, "RFC 1034 section 4.3.2 step 3b: no AA"},
		{"sub", "NS", "NOERROR" + refs, "the parent's NS records are no answer"},
		{"x.y.sub", "A", "NOERROR" + refs, "below it"},
		{"ns.sub", "A", "NOERROR" + refs, "glue is no answer"},
		{"sub", "DS", "NOERROR aa\nsub.example.org. 300 IN DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000", "RFC 4035 section 3.1.4.1: the parent's"},
		{"x.sub", "DS", "NOERROR" + refs, "but only at the cut"},

		{"host.dn", "A", "NOERROR aa\ndn.example.org. 300 IN DNAME there.example.org.\nhost.dn.example.org. 300 IN CNAME host.there.example.org.\nhost.there.example.org. 300 IN A 192.0.2.9", "RFC 6672 section 3.2"},
		{"host.dn", "CNAME", "NOERROR aa\ndn.example.org. 300 IN DNAME there.example.org.\nhost.dn.example.org. 300 IN CNAME host.there.example.org.", "the CNAME record that is asked for"},
		{"dn", "TXT", "NOERROR aa\ndn.example.org. 300 IN TXT \"at a DNAME\"", "RFC 6672 section 2.3: its own name is not redirected"},
		{"dn", "DNAME", "NOERROR aa\ndn.example.org. 300 IN DNAME there.example.org.", "asked for"},
		{"under.dn", "A", "NXDOMAIN aa\ndn.example.org. 300 IN DNAME there.example.org.\nunder.dn.example.org. 300 IN CNAME under.there.example.org." + soa, "RFC 6672 section 2.4: what is below it is occluded"},
		{"x.spin", "A", "SERVFAIL", "a DNAME record that leads to itself"},
		{"x.grow", "A", "SERVFAIL", "and one that leads below itself"},
		{long + ".long", "A", "YXDOMAIN aa\nlong.example.org. 300 IN DNAME " + strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 33) + ".example.org.", "RFC 6672 section 2.2: longer than a name can be"},

		{"mail", "ANY", "NOERROR aa" + mail, "RFC 8482 section 4.1: one set over UDP"},
		{"", "AXFR", "REFUSED", "zones are not transferred"},
		{"", "IXFR", "REFUSED", "nor is what changed"},
	}
	h := start(t, org, nil, world)
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.typ, func(t *testing.T) {
			name := strings.TrimPrefix(tt.name+".example.org.", ".")
			got := show(dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question(name, dns.StringToType[tt.typ]), 1232)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestANYOverTCP is of all sets of a name.
func TestANYOverTCP(t *testing.T) {
	h := start(t, org, nil, world)
	x := dnstest.Exchange()
	x.Query.Transport = resolver.TCP
	responder := resolver.Responder{Handler: h}
	m := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, dnstest.Question("mail.example.org.", dns.TypeANY)), nil))
	want := "NOERROR aa\nmail.example.org. 300 IN A 192.0.2.25\nmail.example.org. 300 IN AAAA 2001:db8::25"
	if diff := cmp.Diff(want, show(m)); diff != "" {
		t.Errorf("RFC 8482 section 4.4: a stream is no use for an amplification (-want +got):\n%s", diff)
	}
}
