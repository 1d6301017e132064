package hosts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
)

// next answers NXDOMAIN, which hosts never does.
var next = resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NameError })

// handler returns a handler for a directive, whose FILE has the text.
func handler(t *testing.T, directive, text string) *hosts.Handler {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, text)
	c, err := parse(t, strings.ReplaceAll(directive, "FILE", path))
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, c)
}

// serve returns a handler, to be closed at the test's end.
func serve(t testing.TB, c hosts.Config) *hosts.Handler {
	t.Helper()
	h, err := hosts.New(c, next)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// write replaces a file at once.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

const text = `
# a comment
127.0.0.1 localhost

10.0.0.1	Web.example.org www.example.org # the web
10.0.0.2 web.example.org web.example.org
10.0.0.1 web.example.org
fd00::1 web.example.org
10.0.0.3 four.example.org
fd00::3 six.example.org
10.0.0.4 elsewhere.test
10.0.0.5 *.wild.example.org
fd00::6 own.wild.example.org
10.0.0.7 *.example.org
`

func TestServe(t *testing.T) {
	const open = "hosts FILE {\n10.0.0.9 web.example.org inline.example.org\nfallthrough\n}"
	const plain = "hosts FILE"
	tests := []struct {
		directive, name string
		typ             uint16
		rcode           int
		want            []string
		reason          string
	}{
		{plain, "web.example.org.", dns.TypeA, dns.RcodeSuccess,
			[]string{"web.example.org. 3600 IN A 10.0.0.1", "web.example.org. 3600 IN A 10.0.0.2"}, "every line, each address once"},
		{open, "web.example.org.", dns.TypeA, dns.RcodeSuccess,
			[]string{"web.example.org. 3600 IN A 10.0.0.1", "web.example.org. 3600 IN A 10.0.0.2", "web.example.org. 3600 IN A 10.0.0.9"}, "the directive's lines come after the file's"},
		{open, "inline.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"inline.example.org. 3600 IN A 10.0.0.9"}, "a line of the directive"},
		{plain, "WEB.example.ORG.", dns.TypeAAAA, dns.RcodeSuccess, []string{"WEB.example.ORG. 3600 IN AAAA fd00::1"}, "RFC 4343: case is ignored"},
		{plain, "www.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"www.example.org. 3600 IN A 10.0.0.1"}, "an alias has the address"},
		{"hosts FILE {\nttl 7\n}", "www.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"www.example.org. 7 IN A 10.0.0.1"}, "ttl"},
		{open, "four.example.org.", dns.TypeAAAA, dns.RcodeSuccess, nil, "NODATA for the other family, whatever falls through: musl wants A and AAAA to agree"},
		{open, "six.example.org.", dns.TypeA, dns.RcodeSuccess, nil, "NODATA for the other family"},
		{open, "web.example.org.", dns.TypeTXT, dns.RcodeSuccess, nil, "NODATA for other types"},
		{open, "web.example.org.", dns.TypeANY, dns.RcodeSuccess, nil, "NODATA for ANY, as in CoreDNS"},
		{"hosts FILE {\nfallthrough\nfallthrough_unsupported\n}", "web.example.org.", dns.TypeTXT, dns.RcodeNameError, nil, "fallthrough_unsupported"},
		{"hosts FILE {\nfallthrough\nfallthrough_unsupported\n}", "four.example.org.", dns.TypeAAAA, dns.RcodeSuccess, nil, "AAAA is supported"},
		{"hosts FILE {\nfallthrough other.test\nfallthrough_unsupported\n}", "web.example.org.", dns.TypeTXT, dns.RcodeSuccess, nil, "it falls in its zones alone"},

		{plain, "a.b.example.org.", dns.TypeA, dns.RcodeServerFailure, nil, "no SOA for a denial, as in CoreDNS"},
		{open, "a.b.example.org.", dns.TypeA, dns.RcodeNameError, nil, "fallthrough"},
		{"hosts FILE {\nfallthrough b.example.org\n}", "a.b.example.org.", dns.TypeA, dns.RcodeNameError, nil, "fallthrough in a zone"},
		{"hosts FILE {\nfallthrough b.example.org\n}", "a.c.example.org.", dns.TypeA, dns.RcodeServerFailure, nil, "and in no other"},
		{plain, "elsewhere.test.", dns.TypeA, dns.RcodeNameError, nil, "names in none of the zones are the next handler's"},
		{"hosts FILE .", "elsewhere.test.", dns.TypeA, dns.RcodeSuccess, []string{"elsewhere.test. 3600 IN A 10.0.0.4"}, "ZONES"},
		{"hosts FILE elsewhere.test", "web.example.org.", dns.TypeA, dns.RcodeNameError, nil, "ZONES take the place of the block's"},

		{plain, "x.wild.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"x.wild.example.org. 3600 IN A 10.0.0.5"}, "a wildcard"},
		{plain, "*.wild.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"*.wild.example.org. 3600 IN A 10.0.0.5"}, "RFC 4592 section 2.1.1: the wildcard itself"},
		{plain, "own.wild.example.org.", dns.TypeA, dns.RcodeSuccess, nil, "RFC 4592 section 3.3.1: a name of its own has nothing of the wildcard"},
		{plain, "y.x.wild.example.org.", dns.TypeA, dns.RcodeServerFailure, nil, "one label, as in CoreDNS"},
		{plain, "wild.example.org.", dns.TypeAAAA, dns.RcodeSuccess, nil, "below example.org, so its wildcard's"},
		{plain, "example.org.", dns.TypeA, dns.RcodeServerFailure, nil, "a wildcard is below"},

		{plain, "2.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, []string{"2.0.0.10.in-addr.arpa. 3600 IN PTR web.example.org."}, "a name, once; in any zone"},
		{plain, "1.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess,
			[]string{"1.0.0.10.in-addr.arpa. 3600 IN PTR web.example.org.", "1.0.0.10.in-addr.arpa. 3600 IN PTR www.example.org."}, "every name"},
		{plain, dns.Fqdn("3." + strings.Repeat("0.", 29) + "d.f.ip6.arpa"), dns.TypePTR, dns.RcodeSuccess,
			[]string{"3." + strings.Repeat("0.", 29) + "d.f.ip6.arpa. 3600 IN PTR six.example.org."}, "IPv6"},
		{plain, "5.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil, "a wildcard is no name of an address"},
		{plain, "4.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil, "names in other zones are not in the table; PTR always falls through"},
		{"hosts FILE {\nno_reverse\n}", "2.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil, "no_reverse"},
		{plain, "web.example.org.", dns.TypePTR, dns.RcodeNameError, nil, "PTR always falls through, as in CoreDNS"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.TypeToString[tt.typ]+" "+tt.directive, func(t *testing.T) {
			r := dnstest.Serve(t, handler(t, tt.directive, text), dnstest.Question(tt.name, tt.typ))
			if diff := cmp.Diff(tt.want, dnstest.Text(r.Answer)); diff != "" || r.Rcode != tt.rcode {
				t.Errorf("%s: rcode %s (-want +got):\n%s", tt.reason, dns.RcodeToString[r.Rcode], diff)
			}
			if ours := tt.rcode == dns.RcodeSuccess; r.Authoritative != ours {
				t.Errorf("AA is %v", r.Authoritative)
			}
		})
	}
}

// TestRotate is of a block with loadbalance: every address is the first at times.
func TestRotate(t *testing.T) {
	h := &loadbalance.Handler{Next: handler(t, "hosts FILE", text)}
	first := map[string]int{}
	for range 200 {
		r := dnstest.Serve(t, h, dnstest.Question("web.example.org.", dns.TypeA))
		if len(r.Answer) != 2 {
			t.Fatalf("not both addresses:\n%v", r)
		}
		first[r.Answer[0].(*dns.A).A.String()]++
	}
	if len(first) != 2 { // by chance: once in 10^59
		t.Errorf("the first were %v", first)
	}
}

func TestAllocations(t *testing.T) {
	h := handler(t, "hosts FILE", text)
	responder := resolver.Responder{Handler: h}
	x := dnstest.Exchange()
	buf := make([]byte, 0, 4096)
	tests := []struct {
		name   string
		typ    uint16
		reason string
	}{
		{"web.example.org.", dns.TypeA, "a name"},
		{"x.wild.example.org.", dns.TypeA, "a wildcard"},
		{"four.example.org.", dns.TypeAAAA, "NODATA"},
		{"2.0.0.10.in-addr.arpa.", dns.TypePTR, "an address"},
		{"elsewhere.test.", dns.TypeA, "not ours"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			packet := dnstest.Pack(t, dnstest.Question(tt.name, tt.typ))
			if n := testing.AllocsPerRun(100, func() { responder.Respond(x, packet, buf) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
