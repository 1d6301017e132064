package corefiles

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// home is an address in what stands for 192.168.0.0/16.
const home = "127.168.7.7"

// nameThreads are of names that are made, changed and kept back, and of how clients
// come.
var nameThreads = []trial{
	{
		name: "ipv4only", upstreams: map[string]string{"/etc/resolv.conf": recursor},
		exhibits: []exhibit{
			{[]string{"template ANY AAAA", "rcode NOERROR", `authority "{{ .Zone }} 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30"`}, func(t *testing.T, s *subject) {
				for _, name := range []string{"host.example.org.", "nobody.example.org.", "web.shop.svc.cluster.local."} {
					reply := s.mustAsk(t, name+" AAAA")
					if reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 0 || len(reply.Ns) != 1 || reply.Ns[0].Header().Rrtype != dns.TypeSOA {
						t.Errorf("%s: got\n%v\nwant NODATA with an SOA", name, reply)
					}
				}
				if n := s.asked("", "AAAA"); n != 0 {
					t.Errorf("the upstream was asked %d times for AAAA", n)
				}
			}},
			{[]string{"template ANY ANY lan", "rcode NXDOMAIN", `ederror 15 "no names of the office here"`}, func(t *testing.T, s *subject) {
				reply, err := s.exchange(dns.Client{}, "", query("printer.lan. A").SetEdns0(1232, false))
				if err != nil || reply.Rcode != dns.RcodeNameError {
					t.Fatalf("got %v, %v; want NXDOMAIN", reply, err)
				}
				options := reply.IsEdns0().Option
				if len(options) != 1 || options[0].String() != "15 (Blocked): (no names of the office here)" {
					t.Errorf("the options are %v, want the extended error", options)
				}
			}},
			{[]string{`log . "{remote} {type} {name} {class} {size} {rcode} {duration}"`}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "ns.example.org. A")
				s.logged(t, `^\[INFO\] 127\.0\.0\.1 A ns\.example\.org\. IN 32 NOERROR [0-9.]+s$`)
			}},
			asks([]string{"local"},
				row{ask: "localhost. A", want: []string{"localhost. A 127.0.0.1"}, reason: "every machine's"},
				row{ask: "localhost.shop.svc.cluster.local. A", want: []string{"localhost.shop.svc.cluster.local. A 127.0.0.1"}, reason: "by the search path"},
			),
			asks([]string{"kubernetes cluster.local in-addr.arpa", "fallthrough in-addr.arpa"},
				row{ask: "80.0.96.10.in-addr.arpa. PTR", want: []string{"80.0.96.10.in-addr.arpa. PTR web.shop.svc.cluster.local."}, aa: true, reason: "a ClusterIP"},
				reverseRows[0], reverseRows[2],
			),
			{[]string{"forward . /etc/resolv.conf"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "forwarded"},
					row{ask: "nobody.example.org. A", rcode: "NXDOMAIN", reason: "the upstream says so"},
				).run(t, s)
			}},
			{[]string{"except local internal"}, func(t *testing.T, s *subject) {
				asks(nil, row{ask: "camera.local. A", rcode: "REFUSED", reason: "nobody's"}, row{ask: "vm.internal. A", rcode: "REFUSED", reason: "nobody's"}).run(t, s)
				if n := s.asked("", ".local.") + s.asked("", ".internal."); n != 0 {
					t.Errorf("the upstream was asked %d times", n)
				}
			}},
			{[]string{".:53"}, asks(nil, clusterRows[0], clusterRows[2], clusterRows[5]).run},
		},
	},
	{
		name: "ipv6only", unbounds: map[string]resolver{"fd00:ec2::253": {}},
		exhibits: []exhibit{
			{[]string{"dns64", "prefix fd00:64:ff9b::/96", "allow_ipv4"}, asks(nil,
				row{ask: "pair.example.org. AAAA", want: []string{"pair.example.org. AAAA fd00:64:ff9b::cb00:7129", "pair.example.org. AAAA fd00:64:ff9b::cb00:712a"}, reason: "made of A records"},
				row{ask: "host.example.org. AAAA", want: []string{"host.example.org. AAAA 2001:db8::10"}, reason: "it has one of its own"},
				row{ask: "nobody.example.org. AAAA", rcode: "NXDOMAIN", reason: "there is no such name"},
				row{
					ask: "web.shop.svc.cluster.local. AAAA", want: []string{"web.shop.svc.cluster.local. AAAA fd00:64:ff9b::a60:50"},
					reason: "a Service of IPv4, in a cluster of IPv6",
				},
			).run},
			asks([]string{".:53", "kubernetes cluster.local in-addr.arpa ip6.arpa"}, clusterRows[0], clusterRows[2], clusterRows[3], clusterRows[4], clusterRows[5]),
			{[]string{"forward . fd00:ec2::253 /etc/resolv.conf", "policy sequential"}, func(t *testing.T, s *subject) {
				asks(nil, row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "the first's"}).run(t, s)
				if n := s.asked("/etc/resolv.conf", "host."); n != 0 {
					t.Errorf("the second upstream was asked %d times", n)
				}
				u := s.unbounds["fd00:ec2::253"]
				u.stop(t)
				defer u.start(t)
				asks(nil, row{ask: "new.app.example.org. A", want: []string{"new.app.example.org. A 203.0.113.20"}, reason: "the second's"}).run(t, s)
			}},
		},
	},
	{
		name: "encrypted", unbounds: map[string]resolver{"9.9.9.9": {}},
		files: map[string]string{
			"/etc/letsencrypt/live/dns.example.net/fullchain.pem": serverName + ".crt",
			"/etc/letsencrypt/live/dns.example.net/privkey.pem":   serverName + ".key",
		},
		exhibits: []exhibit{
			asks([]string{"(resolver)", "import resolver", ".:53", "forward . 9.9.9.9"},
				row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "resolved"},
				row{ask: "nobody.example.org. A", rcode: "NXDOMAIN", reason: "resolved"},
			),
			asks([]string{"hosts", "192.168.1.10 vault.example.net", "fallthrough"},
				row{ask: "vault.example.net. A", want: []string{"vault.example.net. A 192.168.1.10"}, aa: true, reason: "inline"},
			),
			{[]string{"cache 300"}, func(t *testing.T, s *subject) { caches(t, s, "www.example.org. A", 300) }},
			{[]string{"bufsize 512"}, func(t *testing.T, s *subject) {
				reply, err := s.exchange(dns.Client{UDPSize: 4096}, "", query("big.example.org. TXT").SetEdns0(4096, false))
				if err != nil || !reply.Truncated || reply.IsEdns0().UDPSize() != 512 {
					t.Errorf("got %v, %v; want TC, and 512 octets", reply, err)
				}
			}},
			{[]string{"tls://.:853 https://.:443", "tls /etc/letsencrypt/live/dns.example.net/fullchain.pem /etc/letsencrypt/live/dns.example.net/privkey.pem"}, func(t *testing.T, s *subject) {
				for name, want := range map[string]string{"host.example.org.": "203.0.113.10", "vault.example.net.": "192.168.1.10"} {
					byTLS, err := s.exchange(dns.Client{Net: "tcp-tls", TLSConfig: trusts(t, "dot")}, "853", query(name+" A"))
					if err != nil || len(byTLS.Answer) != 1 || byTLS.Answer[0].(*dns.A).A.String() != want {
						t.Errorf("%s over TLS: got %v, %v; want %s", name, byTLS, err, want)
					}
					byHTTPS, err := s.askHTTPS(t, "443", query(name+" A"))
					if err != nil || len(byHTTPS.Answer) != 1 || byHTTPS.Answer[0].(*dns.A).A.String() != want {
						t.Errorf("%s over HTTPS: got %v, %v; want %s", name, byHTTPS, err, want)
					}
				}
				if reply, err := s.exchange(dns.Client{Net: "tcp", Timeout: time.Second}, "853", query("host.example.org. A")); err == nil {
					t.Errorf("answered in the clear at the port of TLS: %v", reply)
				}
			}},
			{[]string{"nsid road"}, func(t *testing.T, s *subject) {
				m := query("host.example.org. A").SetEdns0(1232, false)
				m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
				reply, err := s.exchange(dns.Client{Net: "tcp-tls", TLSConfig: trusts(t, "dot")}, "853", m)
				if err != nil || len(reply.IsEdns0().Option) != 1 || reply.IsEdns0().Option[0].String() != fmt.Sprintf("%x", "road") {
					t.Errorf("got %v, %v; want the identifier", reply, err)
				}
			}},
			{[]string{"https", "max_connections 2"}, func(t *testing.T, s *subject) {
				// One more than two waits until one goes.
				var open []*tls.Conn
				for range 2 {
					c, err := s.dialTLS(t, "443", "http/1.1", soon)
					if err != nil {
						t.Fatal(err)
					}
					open = append(open, c)
				}
				if c, err := s.dialTLS(t, "443", "http/1.1", time.Second); err == nil {
					c.Close()
					t.Error("a third connection was served")
				}
				for _, c := range open {
					c.Close()
				}
				eventually(t, soon, func(context.Context) error {
					_, err := s.askHTTPS(t, "443", query("vault.example.net. A"))
					return err
				})
			}},
			{[]string{"timeouts", "read 4s", "idle 2s"}, func(t *testing.T, s *subject) {
				// The default of read is less, that of idle is more.
				const part = "\x00\x1d\x12\x34" // of a message
				for send, want := range map[string]span{"": {2 * time.Second, 8 * time.Second}, part: {4 * time.Second, soon}} {
					takes(t, want, func(int) {
						c, err := s.dialTLS(t, "853", "dot", soon)
						if err != nil {
							t.Fatal(err)
						}
						defer c.Close()
						if _, err := io.WriteString(c, send); err != nil {
							t.Fatal(err)
						}
						if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
							t.Fatal(err)
						}
						if _, err = c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("having sent %d octets: never closed", len(send))
						}
					})
				}
			}},
		},
	},
	{
		name: "homelab",
		unbounds: map[string]resolver{
			"192.168.1.1":     {lines: []string{`local-zone: "example.org." static`, `local-data: "router.example.org. A 192.168.1.1"`, `local-zone: "example.com." always_refuse`}},
			"9.9.9.9":         {},
			"149.112.112.112": {},
		},
		exhibits: []exhibit{
			asks([]string{"lab.example:53", "root /etc/coredns/zones", "file lab.example.db"},
				row{from: home, ask: "nas.lab.example. A", want: []string{"nas.lab.example. A 192.168.1.20"}, aa: true, ttl: 300, reason: "a name of its own"},
				row{from: home, ask: "any.thing.apps.lab.example. A", want: []string{"any.thing.apps.lab.example. A 192.168.1.30"}, aa: true, reason: "the wildcard"},
				row{from: home, ask: "grafana.apps.lab.example. A", want: []string{"grafana.apps.lab.example. CNAME nas.lab.example.", "nas.lab.example. A 192.168.1.20"}, aa: true, reason: "rather than the wildcard"},
				row{from: home, ask: "any.thing.apps.lab.example. TXT", aa: true, reason: "the wildcard has no such record"},
				row{from: home, ask: "nobody.lab.example. A", rcode: "NXDOMAIN", aa: true, reason: "no such name"},
			),
			{[]string{"header", "response set ra"}, func(t *testing.T, s *subject) {
				if reply, err := s.askFrom(home, "", "nas.lab.example. A", "udp"); err != nil || !reply.RecursionAvailable || !reply.Authoritative {
					t.Errorf("got %v, %v; want RA beside AA", reply, err)
				}
			}},
			{[]string{"acl", "allow net 192.168.0.0/16", "drop"}, func(t *testing.T, s *subject) {
				if reply, err := s.askFrom(home, "", "nas.lab.example. A", "udp"); err != nil || len(reply.Answer) != 1 {
					t.Errorf("from home: got %v, %v; want an answer", reply, err)
				}
				stranger := dns.Client{Timeout: time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 9, 9, 9)}, Timeout: time.Second}}
				if reply, err := s.exchange(stranger, "", query("nas.lab.example. A")); err == nil {
					t.Errorf("from elsewhere: got\n%v\nwant no reply", reply)
				}
			}},
			asks([]string{"hosts /etc/coredns/hosts home.example", "ttl 300", "fallthrough"},
				row{ask: "tv.home.example. A", want: []string{"tv.home.example. A 192.168.1.40"}, aa: true, ttl: 300, reason: "in the table"},
				row{ask: "door.cam.home.example. A", want: []string{"door.cam.home.example. A 192.168.1.42"}, aa: true, ttl: 300, reason: "a wildcard"},
				row{ask: "other.example.org. A", rcode: "NXDOMAIN", reason: "in the table, but not in its zone"},
				row{ask: "nobody.home.example. A", rcode: "NXDOMAIN", reason: "not in the table: the world's"},
			),
			{[]string{"reload 1s"}, func(t *testing.T, s *subject) {
				for path, text := range map[string]string{
					"/etc/coredns/zones/lab.example.db": "$TTL 300\n@ SOA ns admin 2 1800 900 604800 60\n@ NS ns\nns A 192.168.1.5\nprinter A 192.168.1.21\n",
					"/etc/coredns/hosts":                "192.168.1.43 radio.home.example\n",
				} {
					if err := os.WriteFile(s.file(path), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				for _, name := range []string{"printer.lab.example. A", "radio.home.example. A"} {
					eventually(t, soon, func(context.Context) error {
						reply, err := s.askFrom(home, "", name, "udp")
						if err == nil && len(reply.Answer) != 1 {
							err = fmt.Errorf("%s is not there", name)
						}
						return err
					})
				}
				if reply, err := s.askFrom(home, "", "nas.lab.example. A", "udp"); err != nil || reply.Rcode != dns.RcodeNameError {
					t.Errorf("got %v, %v; want NXDOMAIN for what is no more", reply, err)
				}
			}},
			{[]string{"metadata", `log . "{remote} {name} {type} {rcode} {/forward/upstream}"`}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "router.example.org. A")
				s.logged(t, `^(\[INFO\] )?127\.0\.0\.1 router\.example\.org\. A NOERROR `+s.unbounds["192.168.1.1"].Addr.String()+`$`)
			}},
			{[]string{"acl example.com", "filter type AAAA", "block net 192.168.50.0/24"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "www.example.com. AAAA", aa: true, reason: "filtered for all"},
					row{ask: "example.com. A", want: []string{"example.com. A 203.0.113.101"}, reason: "allowed"},
				).run(t, s)
				if reply, err := s.askFrom("127.168.50.3", "", "example.com. A", "udp"); err != nil || reply.Rcode != dns.RcodeRefused {
					t.Errorf("a lamp: got %v, %v; want REFUSED", reply, err)
				}
			}},
			{[]string{"rewrite type ANY HINFO"}, func(t *testing.T, s *subject) {
				reply := s.mustAsk(t, "host.example.org. ANY")
				if reply.Question[0].Qtype != dns.TypeANY || s.asked("", "host.example.org. HINFO") == 0 || s.asked("", "host.example.org. ANY") != 0 {
					t.Errorf("got\n%v\nwant a reply for ANY of what upstreams say for HINFO", reply)
				}
			}},
			{[]string{".:53", "forward . 192.168.1.1", "next NXDOMAIN REFUSED", "forward . 9.9.9.9 149.112.112.112"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "router.example.org. A", want: []string{"router.example.org. A 192.168.1.1"}, reason: "the router's"},
					row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "the router denies it, the world has it"},
					row{ask: "www.example.com. A", want: []string{"example.com. A 203.0.113.101", "www.example.com. CNAME example.com."}, reason: "the router refuses it"},
				).run(t, s)
				for i := range 20 {
					s.mustAsk(t, fmt.Sprintf("n%d.example.org. A", i))
				}
				for name, u := range s.unbounds {
					if u.count(".example.org. A") == 0 {
						t.Errorf("%s was not asked", name)
					}
				}
			}},
			{[]string{"cache 30 example.org", "prefetch 1 10s 90%"}, func(t *testing.T, s *subject) {
				// Kept for five seconds; asked for again after half a second at the first hit.
				asked := func() int {
					return s.asked("9.9.9.9", "brief.example.org. A") + s.asked("149.112.112.112", "brief.example.org. A")
				}
				eventually(t, 4*time.Second, func(context.Context) error {
					s.mustAsk(t, "brief.example.org. A")
					if asked() < 2 {
						return errors.New("not asked for again while it is kept")
					}
					return nil
				})
				before := s.asked("192.168.1.1", "ns.example.com. A")
				for range 2 {
					s.mustAsk(t, "ns.example.com. A")
				}
				if n := s.asked("192.168.1.1", "ns.example.com. A") - before; n != 2 {
					t.Errorf("the router was asked %d times for a name that is not of the cache's zone, want 2", n)
				}
			}},
		},
	},
	{
		name:      "legacy",
		upstreams: map[string]string{"172.16.0.1": recursor},
		refused: []refusal{
			{[]string{"upstream"}, `unknown option "upstream" of kubernetes`},
			{[]string{"resyncperiod 1m"}, `unknown option "resyncperiod" of kubernetes`},
			{[]string{"federation cluster.local", "prod prod.example.com"}, `unknown plugin "federation"`},
			{[]string{"k8s_external example.com"}, "k8s_external is a CoreDNS plugin that Rollcall does not have"},
			{[]string{"etcd skydns.local", "path /skydns"}, "etcd is a CoreDNS plugin that Rollcall does not have"},
			{[]string{"proxy . /etc/resolv.conf", "fail_timeout 10s"}, `unknown plugin "proxy"`},
			{[]string{"proxy . 10.150.0.1"}, `unknown plugin "proxy"`},
			{[]string{"alternate NXDOMAIN,SERVFAIL . 8.8.8.8"}, `unknown plugin "alternate"`},
			{[]string{"loadbalance weighted /etc/coredns/weights"}, "loadbalance: the policy weighted is not supported"},
		},
		exhibits: []exhibit{
			{[]string{"log"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "web.shop.svc.cluster.local. A")
				s.logged(t, `^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN web\.shop\.svc\.cluster\.local\. udp \d+ false \d+" NOERROR [a-z,]+ \d+ [0-9.]+s$`)
			}},
			asks([]string{"corp.example:53", "template IN A", `answer "{{ .Name }} 60 IN A 198.51.100.99"`},
				row{ask: "any.corp.example. A", want: []string{"any.corp.example. A 198.51.100.99"}, ttl: 60, aa: true, reason: "made"},
			),
		},
	},
}

// trusts returns what a client of the server that a Corefile makes of Rollcall needs.
func trusts(t *testing.T, protocol string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shared.Dir(), serverName+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, ServerName: serverName, NextProtos: []string{protocol}}
}

// dialTLS opens a connection to a port of the Corefile, and waits for its handshake
// for some time.
func (s *subject) dialTLS(t *testing.T, at, protocol string, patience time.Duration) (*tls.Conn, error) {
	t.Helper()
	dialer := tls.Dialer{Config: trusts(t, protocol)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:"+s.ports[at])
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}

// askHTTPS asks by DNS over HTTPS, on a connection of its own.
func (s *subject) askHTTPS(t *testing.T, at string, m *dns.Msg) (*dns.Msg, error) {
	t.Helper()
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: trusts(t, "h2"), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	response, err := client.Post("https://127.0.0.1:"+s.ports[at]+"/dns-query", "application/dns-message", bytes.NewReader(packet))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	reply := new(dns.Msg)
	return reply, reply.Unpack(body)
}
