package corefiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// threads are Corefiles such as people show in public when they ask for help.
var threads = []trial{
	{
		name: "rewrite",
		exhibits: []exhibit{
			asks([]string{"rewrite name exact db.corp.example db.shop.svc.cluster.local"}, row{
				ask: "db.corp.example. A", want: []string{"db.corp.example. A 10.200.1.1", "db.corp.example. A 10.200.1.2"}, reason: "exact",
			}),
			asks([]string{"rewrite stop", "name suffix .cluster.corp .svc.cluster.local answer auto"},
				row{ask: "web.shop.cluster.corp. A", want: []string{"web.shop.cluster.corp. A 10.96.0.80"}, reason: "suffix"},
				row{ask: "no.shop.cluster.corp. A", rcode: "NXDOMAIN", reason: "suffix"},
				row{
					ask: "_pg._tcp.db.shop.cluster.corp. SRV",
					want: []string{
						"_pg._tcp.db.shop.cluster.corp. SRV 0 * 5432 db-0.db.shop.cluster.corp.",
						"_pg._tcp.db.shop.cluster.corp. SRV 0 * 5432 db-1.db.shop.cluster.corp.",
					},
					reason: "answer auto rewrites targets, too",
				},
			),
			asks([]string{`name regex (.*)\.in\.shop\.example {1}.shop.svc.cluster.local`, `answer name (.*)\.shop\.svc\.cluster\.local {1}.in.shop.example`},
				row{ask: "db-1.db.in.shop.example. A", want: []string{"db-1.db.in.shop.example. A 10.200.1.2"}, reason: "regex"},
			),
			asks([]string{"rewrite name prefix old. new."}, row{
				ask: "old.app.example.org. A", want: []string{"new.app.example.org. A 203.0.113.20"}, reason: "prefix; answers stay as they are, as in CoreDNS",
			}),
			asks([]string{"rewrite name substring .staging. ."}, row{
				ask: "www.staging.example.org. A", want: []string{"www.example.org. A 203.0.113.2"}, reason: "substring; answers stay as they are, as in CoreDNS",
			}),
			asks([]string{"rewrite ttl exact host.example.org. 77"}, row{
				ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, ttl: 77, reason: "ttl",
			}),
		},
	},
	{
		name: "template",
		exhibits: []exhibit{
			asks([]string{"template IN A apps.example", `match "^([a-z0-9-]+\.)*apps\.example\.$"`, `answer "{{ .Name }} 60 IN A 10.96.0.80"`},
				row{ask: "a.b.apps.example. A", want: []string{"a.b.apps.example. A 10.96.0.80"}, ttl: 60, reason: "wildcard"},
				row{ask: "apps.example. A", want: []string{"apps.example. A 10.96.0.80"}, reason: "wildcard"},
			),
			asks([]string{"fallthrough"}, row{ask: "a_b.apps.example. A", rcode: "NXDOMAIN", reason: "no match: the upstream's answer"}),
			{[]string{"template IN AAAA apps.example", "rcode NOERROR", `authority "apps.example. 60 IN SOA ns.apps.example. admin.apps.example. 1 60 60 60 60"`}, func(t *testing.T, s *subject) {
				reply := s.mustAsk(t, "a.apps.example. AAAA")
				if reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 0 || len(reply.Ns) != 1 {
					t.Errorf("got\n%v\nwant NODATA with an SOA", reply)
				}
			}},
			{[]string{"template IN ANY wpad.example", "rcode NXDOMAIN"}, func(t *testing.T, s *subject) {
				if reply := s.mustAsk(t, "wpad.example. A"); reply.Rcode != dns.RcodeNameError || s.relays["/etc/resolv.conf"].count("wpad") != 0 {
					t.Errorf("got\n%v\nwant NXDOMAIN, without asking", reply)
				}
			}},
		},
	},
	{
		name: "hosts",
		exhibits: []exhibit{
			asks([]string{"hosts", "192.168.10.5 registry.corp.example", "ttl 120"}, row{
				ask: "registry.corp.example. A", want: []string{"registry.corp.example. A 192.168.10.5"}, ttl: 120, aa: true, reason: "inline",
			}),
			asks([]string{"192.168.10.6 git.corp.example www.example.org", "fd00:10::6 git.corp.example"},
				row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 192.168.10.6"}, reason: "inline"},
				row{ask: "git.corp.example. AAAA", want: []string{"git.corp.example. AAAA fd00:10::6"}, reason: "inline"},
				row{ask: "www.example.org. A", want: []string{"www.example.org. A 192.168.10.6"}, reason: "before the upstream's"},
			),
			asks([]string{"no_reverse"}, row{ask: "5.10.168.192.in-addr.arpa. PTR", rcode: "NXDOMAIN", reason: "no_reverse"}),
			asks([]string{"fallthrough"}, row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "not in the table"}),
			{[]string{"cache 30"}, func(t *testing.T, s *subject) { caches(t, s, "ns.example.org. A", 30) }},
		},
	},
	{
		name: "dot", upstreams: map[string]string{"10.0.0.2": corp, "10.0.0.3": corp},
		exhibits: []exhibit{
			{[]string{"forward . tls://1.1.1.1 tls://1.0.0.1", "tls_servername cloudflare-dns.com", "policy sequential", "expire 20s"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "over TLS, with a certificate of that name"},
					row{ask: "nobody.example.org. A", rcode: "NXDOMAIN", reason: "over TLS"},
				).run(t, s)
				first, second := s.relays["tls://1.1.1.1"], s.relays["tls://1.0.0.1"]
				if first.count("tls ") == 0 || first.count("udp ")+first.count("tcp ") != 0 || second.count("example.org.") != 0 {
					t.Errorf("asked were %q and %q, want the first alone, over TLS", first.all(), second.all())
				}
			}},
			{[]string{"health_check 5s", "max_fails 3"}, func(t *testing.T, s *subject) {
				s.relays["tls://1.1.1.1"].setSilent(true)
				defer s.relays["tls://1.1.1.1"].setSilent(false)
				eventually(t, soon, func(context.Context) error {
					reply, err := s.ask("", "pair.example.org. A", "udp")
					if err == nil && len(reply.Answer) != 2 {
						err = fmt.Errorf("no answer of the second upstream: %v", reply)
					}
					return err
				})
			}},
			asks([]string{"except corp.example", "corp.example:53"}, row{
				ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "its own block",
			}),
			{[]string{"forward . 10.0.0.2 10.0.0.3", "policy round_robin", "force_tcp"}, func(t *testing.T, s *subject) {
				for i := range 4 {
					s.mustAsk(t, fmt.Sprintf("n%d.corp.example. A", i))
				}
				for _, name := range []string{"10.0.0.2", "10.0.0.3"} {
					r := s.relays[name]
					if r.count("tcp n") != 2 || r.count("udp n") != 0 {
						t.Errorf("%s: asked was %q, want two of four, over TCP", name, r.all())
					}
				}
			}},
			{[]string{"cache 300"}, func(t *testing.T, s *subject) { caches(t, s, "www.example.org. A", 300) }},
		},
	},
	{
		name: "stale",
		exhibits: []exhibit{
			{[]string{"cache 3600", "success 8192 3600 5", "serve_stale 1h immediate"}, func(t *testing.T, s *subject) {
				reply := s.mustAsk(t, "brief.example.org. A")
				if len(reply.Answer) != 1 {
					t.Fatalf("got\n%v\nwant one address", reply)
				}
				s.relays["/etc/resolv.conf"].setSilent(true)
				defer s.relays["/etc/resolv.conf"].setSilent(false)
				ask := func() error {
					stale, err := s.ask("", "brief.example.org. A", "udp")
					if err == nil && len(stale.Answer) != 1 {
						t.Errorf("got\n%v\nwant the old answer", stale)
					}
					return err
				}
				eventually(t, soon, func(context.Context) error {
					err := ask()
					if n, _ := s.metric(t, "coredns_cache_served_stale_total"); err == nil && n == 0 {
						err = errors.New("no answer was stale")
					}
					return err
				})
				takes(t, span{0, time.Second}, func(int) {
					if err := ask(); err != nil {
						t.Error(err)
					}
				})
			}},
			{[]string{"denial 4096 10"}, func(t *testing.T, s *subject) {
				for range 2 {
					s.mustAsk(t, "denied.example.org. A")
				}
				if n := s.relays["/etc/resolv.conf"].count("denied."); n != 1 {
					t.Errorf("the upstream was asked %d times, want 1", n)
				}
				if reply := s.mustAsk(t, "denied.example.org. A"); len(reply.Ns) != 1 || reply.Ns[0].Header().Ttl > 10 {
					t.Errorf("got\n%v\nwant a denial of at most 10 s", reply)
				}
			}},
			{[]string{"prefetch 3 1m 80%"}, func(t *testing.T, s *subject) {
				// Kept for five seconds, asked for all along: it is asked for again before it ends.
				r := s.relays["/etc/resolv.conf"]
				before := r.count("brief.example.org. A")
				eventually(t, 12*time.Second, func(context.Context) error {
					reply, err := s.ask("", "brief.example.org. A", "udp")
					if err == nil && len(reply.Answer) != 1 {
						err = fmt.Errorf("got %v", reply)
					}
					if err == nil && r.count("brief.example.org. A") < before+2 {
						err = errors.New("it was not asked for again twice")
					}
					return err
				})
				if n, found := s.metric(t, "coredns_cache_prefetch_total"); !found || n == 0 {
					t.Errorf("coredns_cache_prefetch_total is %v (there: %v), want more than 0", n, found)
				}
			}},
		},
	},
	{
		name: "logging",
		exhibits: []exhibit{
			{[]string{`log . "{remote} {type} {name} {rcode}"`, "class denial error"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "nobody.shop.svc.cluster.local. A")
				s.mustAsk(t, "web.shop.svc.cluster.local. A")
				s.logged(t, `^(\[INFO\] )?127\.0\.0\.1 A nobody\.shop\.svc\.cluster\.local\. NXDOMAIN$`)
				if strings.Contains(s.output(), "A web.shop") {
					t.Error("an answer was logged that is neither a denial nor an error")
				}
			}},
			{[]string{"log example.org", "class success"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "ns.example.org. A")
				s.mustAsk(t, "ns.example.com. A")
				if strings.Contains(s.output(), "ns.example.com.") {
					t.Error("an answer was logged of another zone")
				}
			}},
			{[]string{"errors", `consolidate 2s ".*" warning`}, func(t *testing.T, s *subject) {
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() { _, _ = s.ask("", fmt.Sprintf("silent%d.example.org. A", i), "udp") })
				}
				all.Wait()
				s.logged(t, `level=WARN.*[23] errors like`)
			}},
		},
	},
	{
		name: "acl",
		exhibits: []exhibit{
			asks([]string{"acl", "filter type ANY net *"}, row{ask: "host.example.org. ANY", reason: "filtered: NODATA"}),
			asks([]string{"block type TXT"}, row{ask: "text.example.org. TXT", rcode: "REFUSED", reason: "blocked by type"}),
			asks([]string{"allow net 127.0.0.0/8 10.0.0.0/8", "block"}, row{
				ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "allowed before blocked",
			}),
			asks([]string{"acl corp.example", "block net 127.0.0.1"}, row{ask: "git.corp.example. A", rcode: "REFUSED", reason: "blocked by zone and network"}),
		},
	},
	{name: "autopath", exhibits: knowsPods},
	{
		name: "splithorizon", upstreams: map[string]string{"10.0.0.4": corp},
		exhibits: []exhibit{
			asks([]string{
				"view office", "expr incidr(client_ip(), '127.0.1.0/24') || incidr(client_ip(), 'fd00:1::/64')", "hosts", "10.1.2.3 host.example.org",
			},
				row{ask: "host.example.org. A", from: "127.0.1.7", want: []string{"host.example.org. A 10.1.2.3"}, aa: true, reason: "in the office"},
				row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "elsewhere"},
				row{ask: "host.example.org. A", from: "127.0.2.1", want: []string{"host.example.org. A 203.0.113.10"}, reason: "elsewhere"},
			),
			asks([]string{"view secret", "expr type() in ['TXT', 'HINFO']", `expr name() matches '^text\\.(.*\\.)?org\\.$'`, "acl", "block"},
				row{ask: "text.example.org. TXT", rcode: "REFUSED", reason: "of the types, and of the names"},
				row{ask: "TEXT.example.org. HINFO", rcode: "REFUSED", reason: "of the types, and of the names"},
				row{ask: "text.example.org. A", reason: "of another type: NODATA"},
				row{ask: "host.example.org. TXT", reason: "of another name: NODATA"},
				row{ask: "text.example.org. TXT", from: "127.0.1.7", want: []string{`text.example.org. TXT "some text"`}, reason: "an earlier block has it"},
			),
			{[]string{"example.org:53", "fallthrough", "forward . 10.0.0.2", "forward . 10.0.0.3"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "www.example.org. A", from: "127.0.1.7", want: []string{"www.example.org. A 203.0.113.2"}, reason: "the office's upstream"},
					row{ask: "new.app.example.org. A", want: []string{"new.app.example.org. A 203.0.113.20"}, reason: "the other's"},
				).run(t, s)
				office, others := s.relays["10.0.0.2"], s.relays["10.0.0.3"]
				if office.count("www.") == 0 || office.count("new.") != 0 || others.count("www.") != 0 || others.count("new.") == 0 {
					t.Errorf("asked for the office was %q, for others %q", office.all(), others.all())
				}
			}},
			{[]string{"metadata", `log . "{remote} {name} {/view/name}"`}, func(t *testing.T, s *subject) {
				if _, err := s.askFrom("127.0.1.9", "", "ns.example.org. A", "udp"); err != nil {
					t.Fatal(err)
				}
				s.logged(t, `^(\[INFO\] )?127\.0\.1\.9 ns\.example\.org\. office$`)
				if n, _ := s.metric(t, "coredns_dns_requests_total", `view="office"`, `zone="example.org."`); n == 0 {
					t.Error("no query was counted in the view")
				}
			}},
			{[]string{"corp.example:53", "view vpn", "expr client_ip() == '127.0.2.1' && proto() in ['udp', 'tcp']", "forward . 10.0.0.4", "forward . /etc/resolv.conf"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "git.corp.example. A", from: "127.0.2.1", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "in the view"},
					row{ask: "git.corp.example. A", rcode: "NXDOMAIN", reason: "in no view of the zone: the block of the root, whose upstream has no such name"},
				).run(t, s)
				if vpn, rest := s.relays["10.0.0.4"].count("git."), s.relays["/etc/resolv.conf"].count("git."); vpn != 2 || rest != 2 {
					t.Errorf("the upstreams were asked %d and %d times, want 2 and 2", vpn, rest)
				}
			}},
		},
	},
	{
		name: "snippets", upstreams: map[string]string{"10.9.9.9": corp},
		exhibits: []exhibit{
			asks([]string{"kubernetes {$CLUSTER_DOMAIN} in-addr.arpa ip6.arpa"}, clusterRows...),
			asks([]string{"corp.example consul.local", "forward . 10.9.9.9"},
				row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "several zones"},
				row{ask: "api.service.consul.local. A", want: []string{"api.service.consul.local. A 198.51.100.81"}, reason: "several zones"},
			),
			{[]string{"(common)", "import common"}, func(t *testing.T, s *subject) { caches(t, s, "www.example.org. A", 30) }},
			{[]string{"max_concurrent 2"}, func(t *testing.T, s *subject) {
				var all sync.WaitGroup
				var mu sync.Mutex
				refused := 0
				for i := range 6 {
					all.Go(func() {
						reply, err := s.ask("", fmt.Sprintf("silent%d.example.org. A", i), "udp")
						mu.Lock()
						defer mu.Unlock()
						if err == nil && reply.Rcode == dns.RcodeRefused {
							refused++
						}
					})
				}
				all.Wait()
				n, _ := s.metric(t, "coredns_forward_max_concurrent_rejects_total")
				if refused != 4 || n != 4 {
					t.Errorf("of six queries %d were refused, and %v counted as rejected; want 4", refused, n)
				}
			}},
			{[]string{"cache 30"}, func(t *testing.T, s *subject) { caches(t, s, "new.app.example.org. A", 30) }},
		},
	},
	{
		name: "reversezones",
		exhibits: []exhibit{
			asks([]string{"10.96.0.0/16:53 10.200.0.0/16:53", "kubernetes cluster.local 10.96.0.0/16 10.200.0.0/16", "ttl 10"},
				row{ask: "80.0.96.10.in-addr.arpa. PTR", want: []string{"80.0.96.10.in-addr.arpa. PTR web.shop.svc.cluster.local."}, ttl: 10, aa: true, reason: "a network of Services"},
				row{ask: "1.1.200.10.in-addr.arpa. PTR", want: []string{"1.1.200.10.in-addr.arpa. PTR db-0.db.shop.svc.cluster.local."}, ttl: 10, aa: true, reason: "a network of pods"},
				row{ask: "1.1.201.10.in-addr.arpa. PTR", rcode: "REFUSED", reason: "no block's"},
			),
			asks([]string{"cluster.local:53", "kubernetes", "noendpoints"},
				row{ask: "web.shop.svc.cluster.local. A", want: []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, aa: true, reason: "a ClusterIP"},
				row{ask: "db-0.db.shop.svc.cluster.local. A", rcode: "NXDOMAIN", reason: "noendpoints"},
			),
			asks([]string{"203.0.113.0/24:53", "forward . 10.0.0.4"}, reverseRows[0], reverseRows[2]),
			{[]string{"cache"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "10.113.0.203.in-addr.arpa. PTR")
				if n := s.relays["10.0.0.4"].count("10.113.0.203"); n != 1 {
					t.Errorf("the upstream was asked %d times, want 1", n)
				}
			}},
			asks([]string{"example.org:53 example.com:1053", "forward . 10.0.0.5"},
				row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "the one zone, at its port"},
				row{ask: "example.com. A", at: "1053", want: []string{"example.com. A 203.0.113.101"}, reason: "the other, at its port"},
				row{ask: "example.com. A", rcode: "REFUSED", reason: "the other, at another port"},
				row{ask: "host.example.org. A", at: "1053", rcode: "REFUSED", reason: "the one, at another port"},
			),
		},
	},
}

// TestBroken has a Corefile with an error end the program, which names the line.
func TestBroken(t *testing.T) {
	t.Parallel()
	conf := t.TempDir() + "/Corefile"
	if err := os.WriteFile(conf, []byte(".:0 {\n    bind 127.0.0.1\n    cache 30 {\n        prefetch many\n    }\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, said := run(t, "-conf", conf); status != 1 || !strings.Contains(said, conf+":4: ") {
		t.Errorf("exit status %d, want 1; it said %s, want it to name line 4", status, said)
	}
}
