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

// upstreamThreads are of how other servers are asked.
var upstreamThreads = []trial{
	{
		name: "failover",
		unbounds: map[string]resolver{
			"10.0.0.2": {fails: []string{"broken.example.org.", "dead.example.org."}, lines: []string{`local-zone: "refused.example.org." always_refuse`}},
			"10.0.0.3": {fails: []string{"dead.example.org."}},
		},
		exhibits: []exhibit{
			{[]string{"forward . 10.0.0.2 10.0.0.3", "policy sequential"}, func(t *testing.T, s *subject) {
				forwards(t, s, "10.0.0.2")
				if n := s.asked("10.0.0.3", "example."); n != 0 {
					t.Errorf("the second upstream was asked %d times, want 0", n)
				}
				truncates(t, s, s.unbounds["10.0.0.2"])
				if s.unbounds["10.0.0.2"].number(t, "num.query.edns.present") == 0 {
					t.Error("no question came with EDNS")
				}
			}},
			{[]string{"failover SERVFAIL REFUSED"}, func(t *testing.T, s *subject) {
				asks(nil,
					row{ask: "refused.example.org. A", want: []string{"refused.example.org. A 203.0.113.50"}, reason: "the first refuses it"},
					row{ask: "broken.example.org. A", want: []string{"broken.example.org. A 203.0.113.51"}, reason: "the first fails on it"},
					row{ask: "dead.example.org. A", rcode: "SERVFAIL", reason: "both fail on it"},
				).run(t, s)
				if s.asked("10.0.0.2", "refused.example.org.") == 0 || s.asked("10.0.0.2", "broken.example.org.") == 0 {
					t.Error("the first upstream was not asked")
				}
			}},
			{[]string{"servfail 0"}, func(t *testing.T, s *subject) {
				before := s.asked("10.0.0.3", "dead.example.org. A")
				for range 2 {
					s.mustAsk(t, "dead.example.org. A")
				}
				if n := s.asked("10.0.0.3", "dead.example.org. A") - before; n != 2 {
					t.Errorf("the second upstream was asked %d times for two failures, want 2", n)
				}
			}},
			{[]string{"read_timeout 1s", "max_connect_attempts 3"}, func(t *testing.T, s *subject) {
				fails(t, s, "silent%d.silent.example.org. A", span{2900 * time.Millisecond, 4500 * time.Millisecond})
				if n := s.asked("", "silent0.silent.example.org."); n != 3 {
					t.Errorf("upstreams were asked %d times, want 3", n)
				}
			}},
			{[]string{"health_check 1s domain example.org", "max_fails 1"}, func(t *testing.T, s *subject) {
				first := s.unbounds["10.0.0.2"]
				first.stop(t)
				asks(nil, row{ask: "pair.example.org. A", want: []string{"pair.example.org. A 203.0.113.41", "pair.example.org. A 203.0.113.42"}, reason: "the other one has it"}).run(t, s)
				s.logged(t, `level=WARN.*upstream is down.*`+first.Addr.String())
				checksEvery(t, s, first, time.Second)
				first.start(t)
				s.logged(t, `level=INFO.*upstream is back.*`+first.Addr.String())
				if first.count("example.org. NS") == 0 {
					t.Errorf("it was asked %q, want a check with example.org. among it", first.Asked())
				}
				asks(nil, row{ask: "text.example.org. TXT", want: []string{`text.example.org. TXT "some text"`}, reason: "the first one is asked again"}).run(t, s)
				if first.count("text.example.org. TXT") == 0 {
					t.Error("the first upstream is back, and is not asked")
				}
			}},
			{[]string{"failfast_all_unhealthy_upstreams"}, func(t *testing.T, s *subject) {
				for _, name := range []string{"10.0.0.2", "10.0.0.3"} {
					s.unbounds[name].stop(t)
				}
				eventually(t, soon, func(context.Context) error {
					begin := time.Now()
					reply, err := s.ask("", "new.app.example.org. A", "udp")
					if n, _ := s.metric(t, "coredns_forward_healthcheck_broken_total"); err == nil && n == 0 {
						err = fmt.Errorf("not both are down yet: %v", reply.Rcode)
					}
					if err == nil && (reply.Rcode != dns.RcodeServerFailure || time.Since(begin) > 500*time.Millisecond) {
						err = fmt.Errorf("after %v: %v", time.Since(begin), reply)
					}
					return err
				})
				s.logged(t, `level=ERROR.*new\.app\.example\.org\. A: .*no upstream is healthy`)
				for _, name := range []string{"10.0.0.2", "10.0.0.3"} {
					s.unbounds[name].start(t)
				}
				eventually(t, soon, func(context.Context) error {
					reply, err := s.ask("", "new.app.example.org. A", "udp")
					if err == nil && len(reply.Answer) != 1 {
						err = errors.New("not answered again")
					}
					return err
				})
			}},
		},
	},
	{
		name:      "private",
		upstreams: map[string]string{"dns://10.0.0.4:53": corp},
		unbounds: map[string]resolver{
			"tls://10.0.0.2": {lines: []string{"incoming-num-tcp: 100"}}, "tls://10.0.0.3": {lines: []string{"incoming-num-tcp: 100"}},
		},
		files: map[string]string{"/etc/ssl/corp/ca.pem": companyName + ".crt"},
		exhibits: []exhibit{
			{[]string{"forward . tls://10.0.0.2 tls://10.0.0.3", "tls /etc/ssl/corp/ca.pem", "tls_servername dns.corp.example", "policy round_robin"}, func(t *testing.T, s *subject) {
				// The system trusts another authority, and neither certificate is for an address.
				asks(nil,
					row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "over TLS"},
					row{ask: "nobody.example.org. A", rcode: "NXDOMAIN", reason: "over TLS"},
				).run(t, s)
				for name, u := range s.unbounds {
					// It is asked for the root in the clear, when it starts.
					if all, tls := u.count("example.org."), u.number(t, "num.query.tls"); all == 0 || tls < all {
						t.Errorf("%s was asked %d times, %d times over TLS; want all of some", name, all, tls)
					}
				}
			}},
			{[]string{"max_idle_conns 1", "expire 3s"}, func(t *testing.T, s *subject) {
				count := func() int { return connections(t, s.unbounds["tls://10.0.0.2"].TLS.Port()) }
				eventually(t, soon, func(context.Context) error {
					var all sync.WaitGroup
					for i := range 20 {
						all.Go(func() { _, _ = s.ask("", fmt.Sprintf("idle%d.example.org. TXT", i), "udp") })
					}
					all.Wait()
					if n := count(); n != 1 {
						return fmt.Errorf("%d connections to the first upstream are kept, want 1", n)
					}
					return nil
				})
				eventually(t, soon, func(context.Context) error {
					if n := count(); n != 0 {
						return fmt.Errorf("%d connections are kept, want none after expire", n)
					}
					return nil
				})
			}},
			{[]string{"max_age 6s"}, func(t *testing.T, s *subject) {
				opened := func() float64 {
					n, _ := s.metric(t, "coredns_proxy_conn_cache_misses_total", `proto="tcp-tls"`)
					return n
				}
				before, begin := 0.0, time.Now()
				for i := range 18 { // each upstream is asked once a second
					s.mustAsk(t, fmt.Sprintf("age%d.example.org. A", i))
					if i == 1 {
						before = opened()
					}
					time.Sleep(500 * time.Millisecond)
				}
				took := time.Since(begin)
				if n, most := opened()-before, 2*(1+took/(6*time.Second)); n < 2 || n > float64(most) {
					t.Errorf("%v connections were opened in %v, want a second one for each of two upstreams", n, took)
				}
			}},
			{[]string{"health_check 2s no_rec"}, func(t *testing.T, s *subject) {
				u := s.unbounds["tls://10.0.0.2"]
				u.stop(t)
				for i := range 8 {
					s.mustAsk(t, fmt.Sprintf("check%d.example.org. A", i))
				}
				s.logged(t, `level=WARN.*upstream is down.*`+u.TLS.String())
				checksEvery(t, s, u, 2*time.Second)
				u.start(t)
				s.logged(t, `level=INFO.*upstream is back.*`+u.TLS.String())
				if all, rd := u.number(t, "total.num.queries"), u.number(t, "num.query.flags.RD"); rd >= all {
					t.Errorf("of %d questions %d had RD, want the check without", all, rd)
				}
			}},
			{[]string{"except corp.example", "corp.example:53", "forward . dns://10.0.0.4:53"}, func(t *testing.T, s *subject) {
				asks(nil, row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "the office's"}).run(t, s)
				for name, u := range s.unbounds {
					if u.count("corp.example.") != 0 {
						t.Errorf("%s was asked for the office's names: %q", name, u.Asked())
					}
				}
			}},
			{[]string{"cache 60", "keepttl"}, func(t *testing.T, s *subject) {
				first := s.mustAsk(t, "www.example.org. A")
				time.Sleep(1100 * time.Millisecond)
				again := s.mustAsk(t, "www.example.org. A")
				if len(again.Answer) != 1 || again.Answer[0].Header().Ttl != first.Answer[0].Header().Ttl || first.Answer[0].Header().Ttl > 60 {
					t.Errorf("got\n%v\nand later\n%v\nwant the same TTL of at most 60", first, again)
				}
				if n := s.asked("", "www.example.org. A"); n != 1 {
					t.Errorf("upstreams were asked %d times, want 1", n)
				}
			}},
			{[]string{"disable denial"}, func(t *testing.T, s *subject) {
				for range 3 {
					s.mustAsk(t, "denied.example.org. A")
				}
				if n := s.asked("", "denied.example.org. A"); n != 3 {
					t.Errorf("upstreams were asked %d times, want 3", n)
				}
			}},
			{[]string{"minimal"}, func(t *testing.T, s *subject) {
				if reply := s.mustAsk(t, "_pg._tcp.db.shop.svc.cluster.local. SRV"); len(reply.Answer) != 2 || len(reply.Extra) != 0 {
					t.Errorf("got\n%v\nwant two answers and nothing else", reply)
				}
			}},
		},
	},
	{
		name: "nodecache", upstreams: map[string]string{"10.96.17.53": inner, "/etc/resolv.conf": recursor},
		exhibits: []exhibit{
			asks([]string{"cluster.local:53", "forward . 10.96.17.53", "bind 169.254.20.10"},
				row{ask: "web.shop.svc.cluster.local. A", want: []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, reason: "the cluster's DNS has it"},
			),
			{[]string{"cache", "success 39936 2 1", "serve_stale 1h verify 200ms"}, func(t *testing.T, s *subject) {
				first := s.mustAsk(t, "db.shop.svc.cluster.local. A")
				if len(first.Answer) != 2 || first.Answer[0].Header().Ttl > 2 {
					t.Fatalf("got\n%v\nwant two addresses for two seconds at most", first)
				}
				r := s.relays["10.96.17.53"]
				r.setSilent(true)
				defer r.setSilent(false)
				time.Sleep(2100 * time.Millisecond)
				takes(t, span{200 * time.Millisecond, 3 * time.Second}, func(int) {
					if stale := s.mustAsk(t, "db.shop.svc.cluster.local. A"); len(stale.Answer) != 2 || stale.Answer[0].Header().Ttl != 0 {
						t.Errorf("got\n%v\nwant the old answer", stale)
					}
				})
				r.setSilent(false)
				eventually(t, soon, func(context.Context) error {
					reply, err := s.ask("", "db.shop.svc.cluster.local. A", "udp")
					if err == nil && (len(reply.Answer) != 2 || reply.Answer[0].Header().Ttl == 0) {
						err = errors.New("still the old one")
					}
					return err
				})
			}},
			{[]string{"denial 9984 1"}, func(t *testing.T, s *subject) {
				// Its zone would let it be kept for a minute.
				name := ""
				asked := func() int { return s.asked("/etc/resolv.conf", name) }
				takes(t, span{0, time.Second}, func(i int) {
					name = fmt.Sprintf("denied%d.example.org. A", i)
					s.mustAsk(t, name)
					s.mustAsk(t, name)
				})
				if n := asked(); n != 1 {
					t.Errorf("the upstream was asked %d times within a second, want 1", n)
				}
				time.Sleep(1100 * time.Millisecond)
				s.mustAsk(t, name)
				if n := asked(); n != 2 {
					t.Errorf("the upstream was asked %d times in a bit more than a second, want 2", n)
				}
			}},
			{[]string{"errors", `consolidate 2s ".* i/o timeout$" warning show_first`}, func(t *testing.T, s *subject) {
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() { _, _ = s.ask("", fmt.Sprintf("silent%d.cluster.local. A", i), "udp") })
				}
				all.Wait()
				s.logged(t, `level=WARN msg="2 silent\d\.cluster\.local\. A: .*i/o timeout"`)
				s.logged(t, `level=WARN.*\d errors like '\.\* i/o timeout\$' occurred in last 2s`)
				if n := strings.Count(s.output(), "A: forward: silent"); n == 0 || n > 2 {
					t.Errorf("%d of the three errors are in the log, want the first of a period", n)
				}
			}},
			{[]string{"force_tcp"}, func(t *testing.T, s *subject) {
				r := s.relays["10.96.17.53"]
				if r.count("tcp ") == 0 || r.count("udp ") != 0 {
					t.Errorf("asked was %q, want all over TCP", r.all())
				}
			}},
			{[]string{"node.local:53", "whoami"}, func(t *testing.T, s *subject) {
				reply, err := s.askFrom("127.0.0.9", "", "node.local. A", "udp")
				if err != nil || len(reply.Extra) != 2 || !strings.HasSuffix(reply.Extra[0].String(), "\tA\t127.0.0.9") {
					t.Errorf("got %v, %v; want the client's address", reply, err)
				}
			}},
			{[]string{".:53", "forward . /etc/resolv.conf"}, func(t *testing.T, s *subject) { forwards(t, s, "/etc/resolv.conf") }},
			{[]string{"errors stdout", "cancel 1s"}, func(t *testing.T, s *subject) {
				fails(t, s, "silent%d.silent.example.org. A", span{900 * time.Millisecond, 3 * time.Second})
				s.logged(t, `level=ERROR.*silent0\.silent\.example\.org`)
			}},
		},
	},
}

// truncates shows that what does not fit into a datagram is asked for again over
// TCP, and that a client is told to do so if it is too much for it.
func truncates(t *testing.T, s *subject, u *unbound) {
	t.Helper()
	before := u.number(t, "num.query.tcp")
	short, err := s.exchange(dns.Client{}, "", query("big.example.org. TXT"))
	if err != nil || !short.Truncated {
		t.Errorf("over UDP: got %v, %v; want TC", short, err)
	}
	whole, err := s.exchange(dns.Client{Net: "tcp"}, "", query("big.example.org. TXT"))
	if err != nil || whole.Truncated || len(whole.Answer) != 1 || whole.Len() < 1600 {
		t.Errorf("over TCP: got %v, %v; want one long record", whole, err)
	}
	if udp, tcp := u.count("big.example.org. TXT"), u.number(t, "num.query.tcp")-before; udp != 2 || tcp != 1 {
		t.Errorf("the upstream was asked %d times, and %d times over TCP; want twice, the second time over TCP", udp, tcp)
	}
}

// checksEvery shows how often an upstream that is down is checked.
func checksEvery(t *testing.T, s *subject, u *unbound, interval time.Duration) {
	t.Helper()
	count := func() (sum float64) {
		for _, addr := range []string{u.Addr.String(), u.TLS.String()} {
			n, _ := s.metric(t, "coredns_proxy_healthcheck_failures_total", `to="`+addr+`"`)
			sum += n
		}
		return sum
	}
	begin := time.Now()
	before := count()
	time.Sleep(3 * interval)
	failed, took := count()-before, time.Since(begin)
	if most := float64(1 + took/interval); failed < 1 || failed > most {
		t.Errorf("%v checks failed in %v, want one each %v", failed, took, interval)
	}
}

// fails shows that questions which no upstream answers are SERVFAIL, and after how long.
// The question's format is given numbers.
func fails(t *testing.T, s *subject, format string, after span) {
	t.Helper()
	takes(t, after, func(i int) {
		if reply := s.mustAsk(t, fmt.Sprintf(format, i)); reply.Rcode != dns.RcodeServerFailure {
			t.Errorf("got\n%v\nwant SERVFAIL", reply)
		}
	})
}

// connections returns how many TCP connections to a port of 127.0.0.1 there are.
func connections(t *testing.T, port uint16) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	const established = "01"
	for line := range strings.Lines(string(text)) {
		// NUMBER: LOCAL REMOTE STATE …
		if f := strings.Fields(line); len(f) > 3 && f[2] == fmt.Sprintf("0100007F:%04X", port) && f[3] == established {
			n++
		}
	}
	return n
}
