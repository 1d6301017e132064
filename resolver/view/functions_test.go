package view_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/view"
)

// parse parses a view directive that must be right.
func parse(t testing.TB, text string) view.Config {
	t.Helper()
	c, err := view.Parse(dnstest.Directive(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// expression is a view of one expression.
func expression(t testing.TB, text string) view.Config {
	t.Helper()
	return parse(t, "view v {\nexpr \""+strings.ReplaceAll(text, `"`, `\"`)+"\"\n}")
}

// inside answers what is in a view.
func inside(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData }

// has reports whether a query is in a view, and the failure that was logged, if any.
func has(t testing.TB, c view.Config, q *resolver.Query) (is bool, failure string) {
	t.Helper()
	var log bytes.Buffer
	c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	o := view.New(c, resolver.HandlerFunc(inside)).Serve(q, new(resolver.Reply))
	if o != resolver.NoData && o != resolver.Elsewhere {
		t.Fatalf("outcome %d", o)
	}
	if log.Len() > 0 {
		var line struct{ Err string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		failure = line.Err
	}
	return o == resolver.NoData, failure
}

// queries returns the queries that functions are tried on.
func queries(t testing.TB) map[string]*resolver.Query {
	t.Helper()
	all := map[string]*resolver.Query{}
	add := func(name string, m *dns.Msg, change func(*resolver.Query)) {
		q := &dnstest.Exchange().Query
		change(q)
		if q.Parse(dnstest.Pack(t, m)) != wire.Accept {
			t.Fatalf("%s: not a query", name)
		}
		all[name] = q
	}
	same := func(*resolver.Query) {}
	client := func(addr string) func(*resolver.Query) {
		return func(q *resolver.Query) { q.Client = netip.MustParseAddrPort(addr) }
	}
	edns := dnstest.Question("WWW.Example.org.", dns.TypeAAAA)
	edns.Id = 4711
	add("EDNS", edns.SetEdns0(1232, true), same)
	plain := dnstest.Question("example.org.", dns.TypeA)
	add("plain", plain, same)
	add("TCP", plain, func(q *resolver.Query) { q.Transport = resolver.TCP })
	add("IPv6", plain, func(q *resolver.Query) {
		q.Client, q.Local = netip.MustParseAddrPort("[2001:db8::1]:1024"), netip.MustParseAddrPort("[fd00::53]:5300")
	})
	add("mapped", plain, client("[::ffff:192.0.2.7]:53"))
	add("link-local", plain, client("[fe80::1%eth0]:53"))
	add("no address", plain, func(q *resolver.Query) { q.Local = netip.AddrPort{} })
	add("labels", plain, func(q *resolver.Query) { q.Labels = map[string]string{"kubernetes/client-namespace": "shop"} })
	chaos := dnstest.Question(`o\'ne\.x y$.example.`, 65280)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	add("odd", chaos, same)
	add("root", dnstest.Question(".", dns.TypeNS), same)
	return all
}

// functions are expressions that are true of a query, unless not is set.
var functions = []struct {
	query, expr string
	not         bool
	reason      string
}{
	{"EDNS", "bufsize() == 1232", false, "as the OPT record says"},
	{"plain", "bufsize() == 512", false, "without one"},
	{"TCP", "bufsize() == 65535", false, "as in CoreDNS"},
	{"plain", "class() == 'IN'", false, "RFC 1035 section 3.2.4"},
	{"odd", "class() == 'CH'", false, "RFC 1035 section 3.2.4"},
	{"plain", "client_ip() == '192.0.2.1'", false, "without its port"},
	{"IPv6", "client_ip() == '2001:db8::1'", false, "without brackets, as in CoreDNS whatever it documents"},
	{"mapped", "client_ip() == '192.0.2.7'", false, "on a socket of both families"},
	{"link-local", "client_ip() == 'fe80::1%eth0'", false, "as in CoreDNS"},
	{"EDNS", "do()", false, "RFC 3225"},
	{"plain", "do()", true, "no OPT record"},
	{"EDNS", "id() == 4711", false, "of the header"},
	{"plain", "incidr(client_ip(), '192.0.2.0/24')", false, "within"},
	{"plain", "incidr(client_ip(), '192.0.2.77/24')", false, "bits of the host don't matter"},
	{"plain", "incidr(client_ip(), '192.0.3.0/24')", true, "beside"},
	{"plain", "incidr(client_ip(), '::/0')", true, "the other family"},
	{"plain", "incidr(client_ip(), '::ffff:192.0.2.0/120')", false, "a network of IPv4 in the form of IPv6"},
	{"plain", "client_ip() | incidr('192.0.2.0/24')", false, "the language's pipes"},
	{"mapped", "incidr(client_ip(), '192.0.2.0/24')", false, "on a socket of both families"},
	{"mapped", "incidr(client_ip() + '', '192.0.2.0/24')", false, "no constant: read anew for each query"},
	{"IPv6", "incidr(client_ip(), '2001:DB8::/32')", false, "in any case"},
	{"IPv6", "incidr(client_ip(), '0.0.0.0/0')", true, "the other family"},
	{"link-local", "incidr(client_ip(), 'fe80::/10') and incidr(client_ip() + '', 'fe80::/10')", false, "zones of addresses don't matter"},
	{"IPv6", "incidr(server_ip(), 'fd00::/8')", false, "another address than the client's"},
	{"plain", "any(['10.0.0.0/8', '192.0.2.0/24'], incidr(client_ip(), #))", false, "several"},
	{"plain", "incidr(client_ip(), '10.0.0.0/8') || incidr(client_ip(), '192.0.2.0/24')", false, "each by its own number"},
	{"labels", "metadata('kubernetes/client-namespace') == 'shop'", false, "what was told before"},
	{"labels", "metadata('kubernetes/else') == ''", false, "nothing was told"},
	{"plain", "metadata('kubernetes/client-namespace') == ''", false, "without metadata"},
	{"EDNS", "name() == 'www.example.org.'", false, "in lower case"},
	{"odd", `name() == 'o\\\'ne\\.x\\ y$.example.'`, false, "escaped as in CoreDNS"},
	{"root", "name() == '.'", false, "the root"},
	{"plain", "opcode() == 0", false, "others are NOTIMP before"},
	{"plain", "port() == '5353'", false, "a text, as in CoreDNS"},
	{"plain", "proto() == 'udp'", false, "UDP"},
	{"TCP", "proto() == 'tcp'", false, "TCP"},
	{"plain", "server_ip() == '127.0.0.1'", false, "without its port"},
	{"IPv6", "server_ip() == 'fd00::53'", false, "without brackets"},
	{"no address", "server_ip() == ''", false, "not known"},
	{"IPv6", "server_port() == '5300'", false, "a text, as in CoreDNS"},
	{"plain", "size() == 29", false, "12 of the header, 13 of the name, 4 of type and class"},
	{"EDNS", "type() == 'AAAA'", false, "the question's, not a type of the language"},
	{"odd", "type() == 'TYPE65280'", false, "RFC 3597 section 5"},
	{"plain", "type() in ['A', 'AAAA']", false, "the language's"},
	{"EDNS", `name() matches '^www\\..*\\.org\\.$'`, false, "the language's"},
	{"EDNS", "true; do()", false, "the last of several"},
	{"EDNS", "let n = name(); n startsWith 'www.' and not (n endsWith '.com.')", false, "the language's"},
	{"plain", "get({'a': true}, 'a')", false, "its type is only known once it is evaluated"},
}

func TestFunctions(t *testing.T) {
	all := queries(t)
	for _, tt := range functions {
		t.Run(tt.query+" "+tt.expr, func(t *testing.T) {
			if is, failure := has(t, expression(t, tt.expr), all[tt.query]); is == tt.not || failure != "" {
				t.Errorf("%s: %v, want %v; failed: %s", tt.reason, is, !tt.not, failure)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	tests := []struct{ query, expr, want, reason string }{
		{"plain", "incidr('x', '10.0.0.0/8')", `incidr: "x" is not an IP address`, "no address"},
		{"no address", "incidr(server_ip(), '10.0.0.0/8') || size() > 0", `incidr: "" is not an IP address`, "nothing makes up for a failure"},
		{"plain", "not incidr(client_ip(), 'x' + '')", `incidr: "x" is not a network such as 10.0.0.0/8 or fd00::/8`, "no constant, and so not found before"},
		{"plain", "incidr('x', 'y' + '') || incidr('z', 'y' + '')", `incidr: "x" is not an IP address`, "the first"},
		{"plain", "split(name(), '.')[9] == 'a'", `index out of range: 9 (array length is 3), at "[9] == 'a'"`, "the language's"},
		{"plain", "get({'a': 1}, 'a')", `invalid operation: bool(int), at "get({'a': 1}, 'a')"`, "neither true nor false"},
		{"plain", "len(map(1..1000000, #)) == 1000000", `memory budget exceeded, at "..1000000, #)) == 1000000"`, "memory is bounded"},
	}
	all := queries(t)
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			if is, failure := has(t, expression(t, tt.expr), all[tt.query]); is || failure != tt.want {
				t.Errorf("%s: in the view: %v, failed: %s, want %s", tt.reason, is, failure, tt.want)
			}
		})
	}
}
