package corefiles

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// standard returns what shows that a line took effect that means the same in every
// Corefile, nil for a line that it does not know.
func standard(line string) func(*testing.T, *subject) {
	words := strings.Fields(line)
	argument := ""
	if len(words) > 1 {
		argument = words[1]
	}
	switch words[0] {
	case ".:53", ".:5353", ".:{$DNS_PORT}", "kubernetes":
		return asks(nil, clusterRows...).run
	case "pods":
		return asks(nil, row{
			ask:  "10-200-1-1.shop.pod.cluster.local. A",
			want: []string{"10-200-1-1.shop.pod.cluster.local. A 10.200.1.1"}, aa: true, reason: line,
		}).run
	case "fallthrough":
		if len(words) == 3 {
			return asks(nil, reverseRows...).run
		}
	case "ttl":
		if argument == "30" {
			return asks(nil, row{
				ask: "web.shop.svc.cluster.local. A", want: []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, ttl: 30, reason: line,
			}).run
		}
	case "forward":
		if len(words) == 3 && argument == "." {
			return func(t *testing.T, s *subject) { forwards(t, s, strings.Trim(words[2], `"`)) }
		}
	case "max_concurrent":
		return func(t *testing.T, s *subject) {
			if n, found := s.metric(t, "coredns_forward_max_concurrent_rejects_total"); !found || n != 0 {
				t.Errorf("%v questions were refused (counted: %v), want 0, counted", n, found)
			}
		}
	case "cache":
		if line == "cache 30" {
			return func(t *testing.T, s *subject) { caches(t, s, "www.example.org. A", 30) }
		}
	case "disable":
		return passesCache
	case "errors":
		return logsErrors
	case "health":
		return func(t *testing.T, s *subject) { says(t, s, orDefault("health", argument), "/health", "OK") }
	case "ready":
		return func(t *testing.T, s *subject) { says(t, s, orDefault("ready", argument), "/ready", "OK") }
	case "prometheus":
		return measures
	case "lameduck":
		return func(t *testing.T, s *subject) { staysAwhile(t, s, argument) }
	case "loop":
		return loopless
	case "reload":
		return reloads
	case "loadbalance":
		return shuffles
	}
	return nil
}

func orDefault(name, address string) string {
	if address == "" {
		return defaultAddress[name]
	}
	return address
}

// clusterRows are the names of a cluster.
var clusterRows = []row{
	{ask: "web.shop.svc.cluster.local. A", want: []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, aa: true, reason: "a ClusterIP"},
	{ask: "WEB.shop.svc.cluster.local. AAAA", aa: true, reason: "NODATA"},
	{
		ask: "_pg._tcp.db.shop.svc.cluster.local. SRV",
		want: []string{
			"_pg._tcp.db.shop.svc.cluster.local. SRV 0 * 5432 db-0.db.shop.svc.cluster.local.",
			"_pg._tcp.db.shop.svc.cluster.local. SRV 0 * 5432 db-1.db.shop.svc.cluster.local.",
		},
		aa: true, reason: "a headless Service",
	},
	{ask: "80.0.96.10.in-addr.arpa. PTR", want: []string{"80.0.96.10.in-addr.arpa. PTR web.shop.svc.cluster.local."}, aa: true, reason: "a ClusterIP"},
	{ask: "1.1.200.10.in-addr.arpa. PTR", want: []string{"1.1.200.10.in-addr.arpa. PTR db-0.db.shop.svc.cluster.local."}, aa: true, reason: "a pod"},
	{ask: "nobody.shop.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "no Service"},
}

// reverseRows are reverse names that are not the cluster's.
var reverseRows = []row{
	{ask: "10.113.0.203.in-addr.arpa. PTR", want: []string{"10.113.0.203.in-addr.arpa. PTR host.example.org."}, reason: "the upstream's"},
	{ask: reverse6 + " PTR", want: []string{reverse6 + " PTR host.example.org."}, reason: "the upstream's"},
	{ask: "11.113.0.203.in-addr.arpa. PTR", rcode: "NXDOMAIN", reason: "the upstream has none"},
}

const reverse6 = "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."

// forwards shows that external names are an upstream's.
func forwards(t *testing.T, s *subject, upstream string) {
	asks(nil,
		row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "forwarded"},
		row{ask: "host.example.org. AAAA", want: []string{"host.example.org. AAAA 2001:db8::10"}, reason: "forwarded"},
		row{ask: "www.example.com. A", want: []string{"example.com. A 203.0.113.101", "www.example.com. CNAME example.com."}, reason: "an alias"},
		row{ask: "nobody.example.org. A", rcode: "NXDOMAIN", reason: "the upstream says so"},
	).run(t, s)
	if s.asked(upstream, "host.example.org. AAAA") == 0 {
		t.Errorf("%s was not asked", upstream)
	}
	reply := s.mustAsk(t, "nobody.example.org. A")
	if len(reply.Ns) != 1 || reply.Ns[0].Header().Rrtype != dns.TypeSOA || !reply.RecursionAvailable && reply.Authoritative {
		t.Errorf("a denial of the upstream's came as\n%v", reply)
	}
}

// caches shows that an answer is kept: its TTL is at most longest seconds, and goes
// down.
func caches(t *testing.T, s *subject, question string, longest uint32) {
	t.Helper()
	first := s.mustAsk(t, question)
	if len(first.Answer) == 0 || first.Answer[0].Header().Ttl > longest {
		t.Fatalf("want answers with a TTL of at most %d, got\n%v", longest, first)
	}
	eventually(t, soon, func(context.Context) error {
		again, err := s.ask("", question, "udp")
		if err != nil {
			return err
		}
		if len(again.Answer) == 0 || again.Answer[0].Header().Ttl >= first.Answer[0].Header().Ttl {
			return fmt.Errorf("the TTL does not go down: %v", again.Answer)
		}
		return nil
	})
	if n := s.asked("", question); n != 1 {
		t.Errorf("upstreams were asked %d times for %s, want 1", n, question)
	}
}

// passesCache shows that the cache is not asked for names of the cluster.
func passesCache(t *testing.T, s *subject) {
	count := func() (sum float64) {
		for _, name := range []string{"coredns_cache_hits_total", "coredns_cache_misses_total"} {
			n, _ := s.metric(t, name)
			sum += n
		}
		return sum
	}
	before := count()
	for _, q := range []string{"web.shop.svc.cluster.local. A", "never.shop.svc.cluster.local. A"} {
		s.mustAsk(t, q)
	}
	if after := count(); after != before {
		t.Errorf("the cache was asked %v times, want 0", after-before)
	}
}

// logsErrors shows that a SERVFAIL is logged: no upstream answers a silent name.
func logsErrors(t *testing.T, s *subject) {
	reply := s.mustAsk(t, "silent.example.org. A")
	if reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("got\n%v\nwant SERVFAIL", reply)
	}
	s.logged(t, `level=ERROR.*silent\.example\.org`)
}

func says(t *testing.T, s *subject, address, path, want string) {
	status, body, err := s.get(address, path)
	if err != nil || status != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("%s: status %d, %q, %v; want 200, %q", path, status, body, err, want)
	}
}

// measures shows that queries are counted under the names of CoreDNS's dashboards.
func measures(t *testing.T, s *subject) {
	s.mustAsk(t, "example.org. A")
	for _, want := range []struct {
		name   string
		labels []string
	}{
		{"coredns_build_info", nil},
		{"coredns_dns_requests_total", []string{`server="dns://`, `proto="udp"`, `family="1"`}},
		{"coredns_dns_responses_total", []string{`rcode="NOERROR"`}},
		{"coredns_dns_request_duration_seconds_count", nil},
		{"coredns_panics_total", nil},
	} {
		n, found := s.metric(t, want.name, want.labels...)
		if !found || n == 0 && want.name != "coredns_panics_total" {
			t.Errorf("%s %v is %v (there: %v)", want.name, want.labels, n, found)
		}
	}
}

// loopless shows that the server looked for a loop, and found none.
func loopless(t *testing.T, s *subject) {
	eventually(t, soon, func(context.Context) error {
		if s.asked("", " HINFO") == 0 {
			return errors.New("no question of type HINFO came to an upstream")
		}
		return nil
	})
	if report := loopReport.FindString(s.output()); report != "" {
		t.Errorf("a loop was reported: %s", report)
	}
	if reply := s.mustAsk(t, "example.org. A"); reply.Rcode != dns.RcodeSuccess {
		t.Errorf("got\n%v\nwant an answer", reply)
	}
}

var loopReport = regexp.MustCompile(`level=ERROR msg="?loop: .*`)

// shuffles shows that addresses change their order, the cluster's and an upstream's.
func shuffles(t *testing.T, s *subject) {
	shufflesOf(t, s, "db.shop.svc.cluster.local. A", "pair.example.org. A")
}

// shufflesOf is of names that have two addresses each.
func shufflesOf(t *testing.T, s *subject, names ...string) {
	t.Helper()
	for _, name := range names {
		seen := map[string]bool{}
		for range 64 { // that one order comes 64 times has no chance to speak of
			reply := s.mustAsk(t, name)
			if len(reply.Answer) != 2 {
				t.Fatalf("%s: got %v, want two addresses", name, reply.Answer)
			}
			seen[reply.Answer[0].String()[strings.LastIndex(reply.Answer[0].String(), "\t"):]] = true
		}
		if len(seen) != 2 {
			t.Errorf("%s: the first address was always %v", name, seen)
		}
	}
}

// reloads shows that a changed Corefile is taken in, and a broken one is not. It is
// looked at on SIGHUP; with "reload 2s 1s" of its own accord.
func reloads(t *testing.T, s *subject) {
	before, err := os.ReadFile(s.conf)
	if err != nil {
		t.Fatal(err)
	}
	looks := slices.Contains(s.lines, "reload 2s 1s")
	change := func(directive string) {
		t.Helper()
		text := fmt.Sprintf("%s\nreloaded.test:%s {\n    bind 127.0.0.1\n    %s\n}\n", before, s.ports[s.at], directive)
		if err := os.WriteFile(s.conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if !looks {
			s.signal(t, syscall.SIGHUP)
		}
	}
	change("no_such_plugin")
	line := strings.Count(string(before), "\n") + 4
	s.logged(t, fmt.Sprintf(`level=ERROR.*%s:%d: unknown plugin .*no_such_plugin`, s.conf, line))
	same := row{ask: clusterRows[0].ask, want: clusterRows[0].want, reason: "as before"}
	same.check(t, s)
	if slices.ContainsFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, "prometheus") }) {
		if n, _ := s.metric(t, "coredns_reload_failed_total"); n != 1 {
			t.Errorf("coredns_reload_failed_total is %v, want 1", n)
		}
	}
	change("hosts {\n        192.0.2.99 a.reloaded.test\n    }")
	eventually(t, soon, func(context.Context) error {
		reply, err := s.ask("", "a.reloaded.test. A", "udp")
		if err == nil && len(reply.Answer) != 1 {
			err = fmt.Errorf("not served yet: %v", reply)
		}
		return err
	})
	same.check(t, s)
}

// staysAwhile shows that everything is still answered for the lameduck period after
// SIGTERM, and that the program then ends well.
func staysAwhile(t *testing.T, s *subject, period string) {
	lameduck, err := time.ParseDuration(period)
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		err  error
		took time.Duration
	}
	begin, ended := time.Now(), make(chan end, 1)
	s.stopped = true
	go func() {
		err := s.server.Process.Stop(lameduck + soon)
		ended <- end{err, time.Since(begin)}
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for asked := 0; ; asked++ {
		select {
		case e := <-ended:
			if e.err != nil || e.took < lameduck {
				t.Errorf("it ended after %v, asked %d times: %v; want no error, %v", e.took, asked, e.err, lameduck)
			}
			return
		case <-tick.C:
			if time.Since(begin) > lameduck {
				continue
			}
			reply, err := s.ask("", "web.shop.svc.cluster.local. A", "udp")
			if after := time.Since(begin); after < lameduck && (err != nil || len(reply.Answer) != 1) {
				t.Errorf("%v after SIGTERM: got %v, %v", after, reply, err)
			}
		}
	}
}

// run runs the program to its end and returns its exit status and what it said.
func run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}
