package assemble_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestRun is a whole life, with every endpoint.
func TestRun(t *testing.T) {
	dnstest.NoLeaks(t)
	p := start(t, `
.:0 {
    bind 127.0.0.1
    errors
    health 127.0.0.1:0
    ready 127.0.0.1:0
    prometheus 127.0.0.1:0
    loadbalance
    kubernetes cluster.local in-addr.arpa {
        manifests `+manifest(t, "web=10.0.0.1")+`
    }
}`)
	if status, body := get(t, p.endpoint("ready")+"/ready"); status != http.StatusOK || len(p.opened) == 0 {
		t.Errorf("a probe that comes early: %d %s, %d DNS addresses open; want it held until they are", status, body, len(p.opened))
	}
	addr := p.addr()
	for _, network := range []string{"udp", "tcp"} {
		r := dnstest.Ask(t, network, addr, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
		want := []string{"web.default.svc.cluster.local. 5 IN A 10.0.0.1"}
		if diff := cmp.Diff(want, dnstest.Text(r.Answer)); diff != "" || !r.Authoritative {
			t.Errorf("by %s (-want +got):\n%s", network, diff)
		}
	}
	endpoints := map[string]string{"health": "/health", "ready": "/ready", "metrics": "/metrics"}
	for name, path := range endpoints {
		if status, body := get(t, p.endpoint(name)+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if err := p.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	for name := range endpoints {
		wantClosed(t, strings.TrimPrefix(p.endpoint(name), "http://"))
	}
	wantClosed(t, addr)
}

// TestSettle sees that the memory of the first sync is given back.
func TestSettle(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	before := forced()
	p := start(t, ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests "+manifest(t, "web=10.0.0.1")+"\n}\n}")
	p.addr()
	dnstest.Eventually(t, "memory is given back", func() bool { return forced() > before })
}

// wantClosed fails the test if something listens at a TCP address.
func wantClosed(t testing.TB, addr string) {
	t.Helper()
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Errorf("%s is still open", addr)
	}
}

// silent returns the URL of a server that takes connections in and never answers.
func silent(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String()
}

// TestStartupTimeout has a source that never delivers.
func TestStartupTimeout(t *testing.T) {
	dnstest.NoLeaks(t)
	const timeout = 300 * time.Millisecond
	p := start(t, fmt.Sprintf(`
.:0 {
    bind 127.0.0.1
    health 127.0.0.1:0
    ready 127.0.0.1:0
    kubernetes cluster.local {
        endpoint %s
        startup_timeout %s
        fallthrough
    }
}`, silent(t), timeout))
	// The endpoints answer before any DNS address is open.
	if status, _ := get(t, p.endpoint("health")+"/health"); status != http.StatusOK {
		t.Errorf("/health is %d: waiting is no reason to be restarted", status)
	}
	if status, body := get(t, p.endpoint("ready")+"/ready"); status != http.StatusServiceUnavailable || body != "kubernetes" {
		t.Errorf("/ready is %d %q before the sync", status, body)
	}
	addr := p.addr()
	if waited := time.Since(p.began); waited < timeout {
		t.Errorf("the DNS address was open after %s, before startup_timeout", waited)
	}
	for _, name := range []string{"web.default.svc.cluster.local.", "nothing.cluster.local.", "cluster.local."} {
		m := dnstest.Ask(t, "udp", addr, dnstest.EDNS(dnstest.Question(name, dns.TypeA), 1232))
		codes := regexp.MustCompile(`EDE: (\d+)`).FindStringSubmatch(m.IsEdns0().String())
		if m.Rcode != dns.RcodeServerFailure || m.Authoritative || len(codes) != 2 || codes[1] != "14" {
			t.Errorf("before the sync, want SERVFAIL with Extended DNS Error 14:\n%v", m)
		}
	}
	if got := lookup(t, addr, "example.com."); got != "REFUSED" {
		t.Errorf("a name that is not the cluster's is %s: it need not wait", got)
	}
	if status, _ := get(t, p.endpoint("ready")+"/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("/ready is %d after startup_timeout, without a sync", status)
	}
	if status, _ := get(t, p.endpoint("health")+"/health"); status != http.StatusOK {
		t.Errorf("/health is %d", status)
	}
	if !strings.Contains(p.log(), "serving before the first full sync") {
		t.Error("nothing was logged")
	}
	if err := p.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestTwoClusters has two sources of the API: they share what they measure.
func TestTwoClusters(t *testing.T) {
	dnstest.NoLeaks(t)
	block := "%s:0 {\nbind 127.0.0.1\nprometheus 127.0.0.1:0\nkubernetes {\nendpoint %s\nstartup_timeout 10ms\n}\n}\n"
	p := start(t, fmt.Sprintf(block+block, "a.example", silent(t), "b.example", silent(t)))
	addr := p.addr()
	for _, name := range []string{"web.default.svc.a.example.", "web.default.svc.b.example."} {
		if got := lookup(t, addr, name); got != "SERVFAIL" {
			t.Errorf("%s is %s before the sync", name, got)
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestStopBeforeSync ends a process that waits for its first sync.
func TestStopBeforeSync(t *testing.T) {
	dnstest.NoLeaks(t)
	p := start(t, ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0 {\nlameduck 1h\n}\nkubernetes cluster.local {\nendpoint "+silent(t)+"\nstartup_timeout 1h\n}\n}")
	p.endpoint("health")
	if err := p.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if len(p.opened) != 0 {
		t.Error("a DNS address was opened")
	}
}

// TestLameduck asks a process that was told to end. Where the machine is too busy to
// ask before its lameduck is over, another has a longer one.
func TestLameduck(t *testing.T) {
	dnstest.NoLeaks(t)
	for lameduck := 500 * time.Millisecond; lameduck < time.Minute; lameduck *= 4 {
		if askInLameduck(t, lameduck) {
			return
		}
	}
	t.Fatal("a few questions take longer than any lameduck")
}

// askInLameduck reports false if there was no time to ask.
func askInLameduck(t *testing.T, lameduck time.Duration) bool {
	p := start(t, fmt.Sprintf(`
.:0 {
    bind 127.0.0.1
    health 127.0.0.1:0 {
        lameduck %s
    }
    ready 127.0.0.1:0
    kubernetes cluster.local {
        manifests %s
    }
}`, lameduck, manifest(t, "web=10.0.0.1")))
	addr := p.addr()
	stopped := time.Now()
	p.stop()
	dnstest.Eventually(t, "lameduck", func() bool { return strings.Contains(p.log(), "lameduck") })
	var wrong []string
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: 30 * time.Second}
		r, _, err := client.Exchange(dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), addr)
		if err != nil || len(r.Answer) != 1 {
			wrong = append(wrong, fmt.Sprintf("by %s: %v, error %v", network, r, err))
		}
	}
	for _, path := range []string{"health", "ready"} {
		r, err := http.Get(p.endpoint(path) + "/" + path)
		if err == nil {
			r.Body.Close()
		}
		if err != nil || r.StatusCode != http.StatusOK {
			wrong = append(wrong, fmt.Sprintf("/%s: %v, error %v", path, r, err))
		}
	}
	inTime := time.Since(stopped) < lameduck
	if inTime && len(wrong) > 0 {
		t.Errorf("in lameduck:\n%s", strings.Join(wrong, "\n"))
	}
	if err := dnstest.Receive(t, "Run's end", p.result); err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(stopped); took < lameduck {
		t.Errorf("ended after %s of a lameduck of %s", took, lameduck)
	}
	wantClosed(t, addr)
	return inTime
}

// TestDrain has a client that takes no replies, for the drain to last: /ready
// must say meanwhile that the sockets are about to close.
func TestDrain(t *testing.T) {
	dnstest.NoLeaks(t)
	p := start(t, ".:0 {\nbind 127.0.0.1\nready 127.0.0.1:0\nkubernetes cluster.local {\nmanifests "+manifest(t, "web=10.0.0.1")+"\n}\n}")
	c, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	query := dnstest.Pack(t, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
	query = append([]byte{0, byte(len(query))}, query...)
	for err == nil { // until the server is stuck in writing
		if err = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err == nil {
			_, err = c.Write(query)
		}
	}
	p.stop()
	dnstest.Eventually(t, "/ready is 503", func() bool {
		status, _ := get(t, p.endpoint("ready")+"/ready")
		return status == http.StatusServiceUnavailable
	})
	c.Close()
	if err := dnstest.Receive(t, "Run's end", p.result); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := manifest(t, "web=10.0.0.1")
	broken := manifest(t, "web=10.0.0.999")
	missing := filepath.Join(dir, "missing")
	kubernetes := "kubernetes cluster.local {\nmanifests " + dir + "\n}\n"
	tests := []struct{ name, text, want, reason string }{
		{
			"manifest", ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nkubernetes cluster.local {\nmanifests " + broken + "\n}\n}",
			filepath.Join(broken, "services.yaml") + ":5: ", "a source that fails ends all",
		},
		{
			"no manifest", ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests " + missing + "\n}\n}",
			missing, "a source that fails ends all",
		},
		{
			"one source of two", ".:0 {\nbind 127.0.0.1\n" + kubernetes + "}\nb.example:0 {\nbind 127.0.0.1\nkubernetes {\nmanifests " + missing + "\n}\n}",
			missing, "half of the zones is no server",
		},
		{
			"DNS address in use", ".:" + port + " {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nready 127.0.0.1:0\n" + kubernetes + "}",
			"listening: listen tcp4 127.0.0.1:" + port + ": bind: address already in use", "which, and why",
		},
		{
			"second DNS address in use", ".:0 {\nbind 127.0.0.1\n" + kubernetes + "}\n.:" + port + " {\nbind 127.0.0.1\n}",
			"listening: listen tcp4 127.0.0.1:" + port + ": bind: address already in use", "the first is closed again",
		},
		{
			"health address in use", ".:0 {\nbind 127.0.0.1\nready 127.0.0.1:0\nhealth 127.0.0.1:" + port + "\n" + kubernetes + "}",
			"health: listen tcp 127.0.0.1:" + port + ": bind: address already in use", "which, and why",
		},
		{
			"ready address in use", ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nready 127.0.0.1:" + port + "\n" + kubernetes + "}",
			"ready: listen tcp 127.0.0.1:" + port + ": bind: address already in use", "which, and why",
		},
		{
			"metrics address in use", ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nprometheus 127.0.0.1:" + port + "\n" + kubernetes + "}",
			"prometheus: listen tcp 127.0.0.1:" + port + ": bind: address already in use", "which, and why",
		},
		{
			"no such interface", ".:0 {\nbind nosuch0\n" + kubernetes + "}",
			`Corefile:1: bind: "nosuch0" is neither an IP address nor an interface of this machine`, "names of interfaces are looked up",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			p := start(t, tt.text)
			err := dnstest.Receive(t, "Run's end", p.result)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want one with %s", tt.reason, err, tt.want)
			}
		})
	}
}

// TestManyLives runs one plan several times: nothing of a life may be in the
// way of the next.
func TestManyLives(t *testing.T) {
	dnstest.NoLeaks(t)
	text := ".:0 {\nbind 127.0.0.1\nprometheus 127.0.0.1:0\nkubernetes cluster.local {\nmanifests " + manifest(t, "web=10.0.0.1") + "\n}\n}"
	for range 3 {
		p := start(t, text)
		if got := lookup(t, p.addr(), "web.default.svc.cluster.local."); got != "10.0.0.1" {
			t.Error(got)
		}
		if err := p.end(); err != nil {
			t.Error(err)
		}
	}
}

// TestZeroProcess runs without log, output and registry.
func TestZeroProcess(t *testing.T) {
	dnstest.NoLeaks(t)
	plan, err := load(t, ".:0 {\nbind 127.0.0.1\nlog\nerrors\nkubernetes cluster.local {\nmanifests "+manifest(t, "web=10.0.0.1")+"\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := plan.Run(ctx, assemble.Process{}); err != nil {
		t.Error(err)
	}
}
