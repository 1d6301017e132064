package peers_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// nginx is the headless Service of a StatefulSet with two pods.
const nginx = `
nginx.shop.svc.cluster.local.       SRV 0 0 80 web-1.nginx.shop.svc.cluster.local.
nginx.shop.svc.cluster.local.       SRV 0 0 80 web-0.nginx.shop.svc.cluster.local.
_web._tcp.nginx.shop.svc.cluster.local. SRV 0 0 80 web-1.nginx.shop.svc.cluster.local.
_web._tcp.nginx.shop.svc.cluster.local. SRV 0 0 80 web-0.nginx.shop.svc.cluster.local.
nginx.shop.svc.cluster.local.       A 10.0.0.10
nginx.shop.svc.cluster.local.       A 10.0.0.2
web-0.nginx.shop.svc.cluster.local. A 10.0.0.10
web-0.nginx.shop.svc.cluster.local. AAAA fd00::10
web-1.nginx.shop.svc.cluster.local. A 10.0.0.2
`

// podPath is the search path of a pod.
var podPath = []string{"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"}

// options are those of tests: of one server, without a look at this host.
func options(servers ...*server) peers.Options {
	o := peers.Options{Search: podPath, Self: []string{}, Timeout: patient}
	for _, s := range servers {
		o.Servers = append(o.Servers, s.addr)
	}
	return o
}

// text is a set as lines: NAME:PORT ADDRESSES.
func text(all []peers.Peer) (lines []string) {
	for _, p := range all {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s:%d %s", p.Name, p.Port, strings.Trim(fmt.Sprint(p.Addresses), "[]"))))
	}
	return lines
}

func TestLookup(t *testing.T) {
	const at = ".nginx.shop.svc.cluster.local"
	both := []string{"web-0" + at + ":80 10.0.0.10 fd00::10", "web-1" + at + ":80 10.0.0.2"}
	tests := []struct {
		name, zone, lookup string
		options            func(*peers.Options)
		want               []string
		full, reason       string
	}{
		{name: "bare name", lookup: "nginx", want: both, full: "nginx.shop.svc.cluster.local", reason: "SRV at the Service's name, by the search path"},
		{name: "named port", lookup: "nginx", options: func(o *peers.Options) { o.Port = "web" }, want: both, full: "nginx.shop.svc.cluster.local", reason: "RFC 2782: _web._tcp"},
		{name: "no such port", lookup: "nginx", options: func(o *peers.Options) { o.Port = "http" }, reason: "a named port must exist"},
		{name: "no such protocol", lookup: "nginx", options: func(o *peers.Options) { o.Port, o.Proto = "web", "udp" }, reason: "_web._udp is another name"},
		{
			name: "numbered port", lookup: "nginx", options: func(o *peers.Options) { o.Port = "7946" },
			want: []string{"web-0" + at + ":7946 10.0.0.10 fd00::10", "web-1" + at + ":7946 10.0.0.2"}, full: "nginx.shop.svc.cluster.local", reason: "the caller knows better",
		},
		{name: "namespace", lookup: "NGINX.Shop", want: both, full: "nginx.shop.svc.cluster.local", reason: "the second of the search path; case is ignored"},
		{name: "absolute", lookup: "nginx.shop.svc.cluster.local.", want: both, full: "nginx.shop.svc.cluster.local", reason: "a final dot: no search path"},
		{name: "absolute and short", lookup: "nginx.", reason: "a final dot: no search path"},
		{name: "nothing", lookup: "none", reason: "NXDOMAIN everywhere is an answer"},
		{
			name: "two ports", lookup: "db", full: "db.shop.svc.cluster.local", want: []string{"db-0.db.shop.svc.cluster.local:0 10.0.0.1"},
			zone: `db.shop.svc.cluster.local. SRV 0 0 2 db-0.db.shop.svc.cluster.local.
db.shop.svc.cluster.local. SRV 0 0 1 db-0.db.shop.svc.cluster.local.
db-0.db.shop.svc.cluster.local. A 10.0.0.1`,
			reason: "which of the ports is meant can't be told",
		},
		{
			name: "a port that changes", lookup: "db", options: func(o *peers.Options) { o.Port = "sql" },
			full: "db.shop.svc.cluster.local", want: []string{"db-0.db.shop.svc.cluster.local:1 10.0.0.1"},
			zone: `_sql._tcp.db.shop.svc.cluster.local. SRV 0 0 2 db-0.db.shop.svc.cluster.local.
_sql._tcp.db.shop.svc.cluster.local. SRV 0 0 1 db-0.db.shop.svc.cluster.local.
db-0.db.shop.svc.cluster.local. A 10.0.0.1`,
			reason: "an endpoint in two slices at once has one port all the same",
		},
		{
			name: "no SRV", lookup: "db", full: "db.shop.svc.cluster.local",
			want: []string{"10.0.0.3:0 10.0.0.3", "db-0.db.shop.svc.cluster.local:0 10.0.0.1 fd00::1", "db-1.db.shop.svc.cluster.local:0 10.0.0.2"},
			zone: `db.shop.svc.cluster.local. A 10.0.0.3
db.shop.svc.cluster.local. A 10.0.0.2
db.shop.svc.cluster.local. A 10.0.0.1
db.shop.svc.cluster.local. AAAA fd00::1
1.0.0.10.in-addr.arpa. PTR a.example.
1.0.0.10.in-addr.arpa. PTR DB-0.db.shop.svc.cluster.local.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. PTR db-0.db.shop.svc.cluster.local.
2.0.0.10.in-addr.arpa. PTR db-1.db.shop.svc.cluster.local.`,
			reason: "A, AAAA and PTR: a name below the Service's first; an address without PTR has its text for a name",
		},
		{
			name: "no glue", lookup: "db", full: "db.shop.svc.cluster.local",
			want: []string{"alias.example:1 192.0.2.1", "db-0.example:1", "db-1.example:1 192.0.2.1"},
			zone: `db.shop.svc.cluster.local. SRV 0 0 1 db-0.example.
db.shop.svc.cluster.local. SRV 0 0 1 alias.example.
db.shop.svc.cluster.local. SRV 0 0 1 db-1.example.
db.shop.svc.cluster.local. SRV 0 0 1 bad\032name.example.
db.shop.svc.cluster.local. SRV 0 0 1 -x.example.
db.shop.svc.cluster.local. SRV 0 0 1 .
alias.example. CNAME db-1.example.
alias.example. A 192.0.2.1
db-1.example. A 192.0.2.1`,
			reason: "addresses are asked for; a target that is no host name does not take the others with it",
		},
		{
			name: "alias", lookup: "alias", full: "alias.shop.svc.cluster.local", want: []string{"192.0.2.7:0 192.0.2.7"},
			zone: `alias.shop.svc.cluster.local. CNAME x.example.
alias.shop.svc.cluster.local. A 192.0.2.7`,
			reason: "a name that leads elsewhere; the records of other owners do not count",
		},
		{
			name: "itself left out", lookup: "nginx", options: func(o *peers.Options) { o.ExcludeSelf, o.Self = true, []string{"web-1", "10.0.0.10"} },
			want: both[:1], full: "nginx.shop.svc.cluster.local", reason: "the name counts before the address",
		},
		{
			name: "itself by address", lookup: "nginx", options: func(o *peers.Options) { o.ExcludeSelf, o.Self = true, []string{"node-7", "fd00::10"} },
			want: both[1:], full: "nginx.shop.svc.cluster.local", reason: "a pod without hostname, or in its host's network",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			zone := tt.zone
			if zone == "" {
				zone = nginx
			}
			o := options(serve(t, zone))
			if tt.options != nil {
				tt.options(&o)
			}
			got, err := peers.Lookup(t.Context(), tt.lookup, o)
			if err != nil {
				t.Fatalf("%v (%s)", err, tt.reason)
			}
			if diff := cmp.Diff(tt.want, text(got.Peers)); diff != "" || got.Name != tt.full {
				t.Errorf("%s: found at %q, want %q; peers (-want +got):\n%s", tt.reason, got.Name, tt.full, diff)
			}
			if o.ExcludeSelf && got.Len() != len(got.Peers)+1 {
				t.Errorf("Len is %d, want this process to count", got.Len())
			}
		})
	}
}

// TestFaults has servers that fail. What they say changes no set.
func TestFaults(t *testing.T) {
	spoof := func(change func(*dns.Msg)) func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool {
		return func(w dns.ResponseWriter, q, reply *dns.Msg) bool {
			forged := reply.Copy()
			forged.Answer = nil
			change(forged)
			_ = w.WriteMsg(forged)
			return false // the true reply comes after
		}
	}
	tests := []struct {
		name, reason string
		fault        func(w dns.ResponseWriter, q, reply *dns.Msg) bool
		err          string // in the error; empty for none
	}{
		{"SERVFAIL", "no answer", rcode(dns.RcodeServerFailure), "says SERVFAIL"},
		{"REFUSED", "no answer", rcode(dns.RcodeRefused), "says REFUSED"},
		{"NOTIMP with EDNS", "asked again without", func(w dns.ResponseWriter, q, _ *dns.Msg) bool {
			return q.IsEdns0() != nil && rcode(dns.RcodeNotImplemented)(w, q, nil)
		}, ""},
		{"FORMERR with EDNS", "RFC 6891 section 6.2.2: asked again without", func(w dns.ResponseWriter, q, _ *dns.Msg) bool {
			return q.IsEdns0() != nil && rcode(dns.RcodeFormatError)(w, q, nil)
		}, ""},
		{"lame", "neither AA nor RA nor a record", func(w dns.ResponseWriter, q, reply *dns.Msg) bool {
			reply.Authoritative, reply.Answer = false, nil
			return false
		}, "does not know the name's zone"},
		{"silence", "a timeout", silence, "i/o timeout"},
		{"another ID", "RFC 5452 section 9.1: not the reply", spoof(func(m *dns.Msg) { m.Id++ }), ""},
		{"another question", "RFC 5452 section 9.1: not the reply", spoof(func(m *dns.Msg) { m.Question[0].Name = "x." }), ""},
		{"a query", "not a reply at all", spoof(func(m *dns.Msg) { m.Response = false }), ""},
		{"garbage", "the wait goes on", func(w dns.ResponseWriter, _, _ *dns.Msg) bool {
			_, _ = w.Write([]byte("not DNS, but longer than a header"))
			_, _ = w.Write([]byte("short"))
			return false
		}, ""},
		{"truncated", "RFC 7766: TCP has it", func(w dns.ResponseWriter, q, reply *dns.Msg) bool {
			if w.LocalAddr().Network() == "udp" {
				reply.Truncated, reply.Answer, reply.Extra = true, nil, nil
			}
			return false
		}, ""},
		{"truncated over TCP", "no answer", func(w dns.ResponseWriter, q, reply *dns.Msg) bool {
			reply.Truncated = true
			return false
		}, "truncates its reply over TCP"},
		{"glue cut", "TCP has the addresses", func(w dns.ResponseWriter, q, reply *dns.Msg) bool {
			if w.LocalAddr().Network() == "udp" {
				reply.Extra = nil
			}
			return false
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nginx)
			s.misbehave(tt.fault)
			o := options(s)
			if tt.name == "silence" {
				o.Timeout = 10 * time.Millisecond
			}
			got, err := peers.Lookup(t.Context(), "nginx", o)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q (%s)", err, tt.err, tt.reason)
				}
				return
			}
			want := []string{"web-0.nginx.shop.svc.cluster.local:80 10.0.0.10 fd00::10", "web-1.nginx.shop.svc.cluster.local:80 10.0.0.2"}
			if diff := cmp.Diff(want, text(got.Peers)); err != nil || diff != "" {
				t.Errorf("%s: error %v (-want +got):\n%s", tt.reason, err, diff)
			}
		})
	}
}

// TestFailover has a second server that answers where the first does not, and a
// third that must not be asked.
func TestFailover(t *testing.T) {
	for name, fault := range map[string]func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool{
		"SERVFAIL": rcode(dns.RcodeServerFailure), "REFUSED": rcode(dns.RcodeRefused), "silence": silence,
	} {
		t.Run(name, func(t *testing.T) {
			first, second, third := serve(t, nginx), serve(t, nginx), serve(t, nginx)
			first.misbehave(fault)
			o := options(first, second, third)
			o.Timeout, o.Interval = time.Second, 10*time.Millisecond
			seq, err := peers.Watch(t.Context(), "nginx", o)
			if err != nil {
				t.Fatal(err)
			}
			for update := range seq {
				if update.Stale() {
					t.Errorf("stale: %v", update.Err)
				}
				if len(first.questions()) == 0 { // an Update later: the second is asked first
					break
				}
				second.set(t, strings.ReplaceAll(nginx, "10.0.0.2", "10.0.0.3"))
			}
			if asked := third.questions(); len(asked) > 0 {
				t.Errorf("the third was asked %q", asked)
			}
		})
	}
}

// TestManyPeers has more than a datagram holds. From the second look-up on TCP is
// asked at once, until there are few again.
func TestManyPeers(t *testing.T) {
	zone := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "big.shop.svc.cluster.local. SRV 0 0 1 big-%d.big.shop.svc.cluster.local.\n", i)
			fmt.Fprintf(&b, "big-%d.big.shop.svc.cluster.local. A 10.0.%d.%d\n", i, i/256, i%256)
		}
		return b.String()
	}
	s := serve(t, zone(500))
	o := options(s)
	o.Interval = 10 * time.Millisecond
	seq, err := peers.Watch(t.Context(), "big", o)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{500, 16, 2, 500}
	step := 0
	for update := range seq {
		if len(update.Peers) != sizes[step] || slices.ContainsFunc(update.Peers, func(p peers.Peer) bool { return len(p.Addresses) != 1 }) {
			t.Fatalf("step %d: got %d peers, want %d with an address each", step, len(update.Peers), sizes[step])
		}
		asked := s.questions()
		if slices.ContainsFunc(asked, func(q string) bool { return !strings.HasSuffix(q, "SRV") }) {
			t.Errorf("step %d: %q: the addresses come with the SRV records", step, asked)
		}
		if step++; step == len(sizes) {
			break
		}
		s.set(t, zone(sizes[step]))
	}
}

// TestSearchPath has the names that are asked for, in order, from a resolv.conf.
func TestSearchPath(t *testing.T) {
	const found = "a.svc.cluster.local. SRV 0 0 1 b.\nb. A 10.0.0.1\n"
	tests := []struct {
		name, conf, zone, lookup string
		want                     []string // names asked for SRV
		err, reason              string
	}{
		{
			name: "pod", conf: "search ns.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5", zone: found, lookup: "a",
			want: []string{"a.ns.svc.cluster.local.", "a.svc.cluster.local."}, reason: "the first that exists ends the search",
		},
		{
			name: "denied", conf: "search x y\noptions ndots:5", zone: found, lookup: "a",
			want: []string{"a.x.", "a.y."}, reason: "a single label is not asked of the root",
		},
		{
			name: "dots", conf: "search x\noptions ndots:5", zone: found, lookup: "a.b",
			want: []string{"a.b.x.", "a.b."}, reason: "resolv.conf(5): the name itself comes last",
		},
		{
			name: "ndots", conf: "search x\noptions ndots:1", zone: found, lookup: "a.b",
			want: []string{"a.b.", "a.b.x."}, reason: "resolv.conf(5): enough dots, so it comes first",
		},
		{name: "no search", conf: "options ndots:5", zone: found, lookup: "a", want: []string{"a."}, reason: "nothing else to ask for"},
		{name: "domain", conf: "domain x", zone: found, lookup: "a", want: []string{"a.x."}, reason: "resolv.conf(5): a search path of one"},
		{name: "bad search", conf: "search a..b", lookup: "a", err: `search path "a..b": want a domain, such as default.svc.cluster.local`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.zone)
			conf := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(conf, []byte(tt.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := peers.Lookup(t.Context(), tt.lookup, peers.Options{Servers: []string{s.addr}, ResolvConf: conf, Timeout: patient})
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var asked []string
			for _, q := range s.questions() {
				if f := strings.Fields(q); f[2] == "SRV" {
					asked = append(asked, f[1])
				}
			}
			if diff := cmp.Diff(tt.want, asked); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestSearchFailures has the search path meet servers that fail.
func TestSearchFailures(t *testing.T) {
	fail := func(name string, code int) func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool {
		return func(w dns.ResponseWriter, q, _ *dns.Msg) bool {
			return q.Question[0].Name == name && rcode(code)(w, q, nil)
		}
	}
	tests := []struct {
		name, lookup, failing string
		code                  int
		err                   bool
		reason                string
	}{
		{"before the one that exists", "nginx.shop", "nginx.shop.shop.svc.cluster.local.", dns.RcodeServerFailure, true, "it might have peers"},
		{"the name itself refused", "none.shop", "none.shop.", dns.RcodeRefused, false, "the cluster has denied it, and its server knows nothing else"},
		{"the name itself fails", "none.shop", "none.shop.", dns.RcodeServerFailure, true, "it might exist"},
		{"only the name, refused", "none.shop.", "none.shop.", dns.RcodeRefused, true, "nothing has denied it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, nginx)
			s.misbehave(fail(tt.failing, tt.code))
			got, err := peers.Lookup(t.Context(), tt.lookup, options(s))
			if (err != nil) != tt.err || len(got.Peers) > 0 {
				t.Errorf("error %v, peers %v, want an error: %v (%s)", err, got.Peers, tt.err, tt.reason)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name    string
		lookup  string
		options peers.Options
		want    string
	}{
		{"no name", "", peers.Options{}, "want a name, such as that of a Service"},
		{"name", "a b", peers.Options{}, `name "a b": want labels of 1 to 63 letters, digits, hyphens and underscores, and 253 bytes at most`},
		{"port", "a", peers.Options{Port: "a.b"}, `port "a.b": want the name of a port, such as web, or a number from 1 to 65535`},
		{"port 0", "a", peers.Options{Port: "0"}, `port "0": want the name of a port, such as web, or a number from 1 to 65535`},
		{"protocol", "a", peers.Options{Port: "a", Proto: "icmp"}, `protocol "icmp": want tcp, udp or sctp`},
		{"interval", "a", peers.Options{Interval: -1}, "Interval -1ns: want a positive duration"},
		{"server", "a", peers.Options{Servers: []string{"dns"}}, `server "dns": want an address or address:port, as 10.96.0.10, 127.0.0.1:5300 or [::1]:53`},
		{"resolv.conf", "a", peers.Options{ResolvConf: "nope"}, "reading the resolver's configuration: open nope: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.options.ResolvConf == "" {
				tt.options.Search = []string{}
				if tt.options.Servers == nil {
					tt.options.Servers = []string{net.JoinHostPort("127.0.0.1", "1")}
				}
			}
			if _, err := peers.Watch(t.Context(), tt.lookup, tt.options); err == nil || err.Error() != tt.want {
				t.Errorf("Watch: error %v, want %s", err, tt.want)
			}
			if _, err := peers.Lookup(t.Context(), tt.lookup, tt.options); err == nil || err.Error() != tt.want {
				t.Errorf("Lookup: error %v, want %s", err, tt.want)
			}
		})
	}
}
