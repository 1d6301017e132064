package assemble_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestReloadEndpoints has endpoints take over one another's addresses. At no time
// is an address closed that both configurations have.
func TestReloadEndpoints(t *testing.T) {
	dnstest.NoLeaks(t)
	dir := manifest(t, "web=10.0.0.1")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	a, b := freeAddr(t), freeAddr(t)
	_, portA, _ := net.SplitHostPort(a)
	block := func(lines ...string) string {
		return ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests " + dir + "\n}\n" + strings.Join(lines, "\n") + "\n}\n"
	}
	var file changing
	file.set(block("health "+a, "ready "+b))
	p := startChanging(t, file.get)
	p.addr()
	const healthy, ready, metrics, profiles = "/health", "/ready", "/metrics", "/debug/pprof/cmdline"

	tests := []struct {
		name, text, says, in string // in is in the log
		atA, atB             string // the path that is answered there, empty if nothing listens
		reason               string
	}{
		{"swapped", block("health "+b, "ready "+a), changed, "", ready, healthy, "each has the other's"},
		{"back", block("health "+a, "ready "+b), changed, "", healthy, ready, "and so on"},
		{"refused", block("health "+b, "ready "+a) + "b.example:" + port(t, taken) + " {\nbind 127.0.0.1\n}\n", kept, "address already in use", healthy, ready, "all or nothing"},
		{
			"another host", block("health :"+portA, "ready "+b), kept, "Corefile:6: health: listen tcp :" + portA + ": bind: address already in use: this process still has " + a +
				", which only a restart frees", healthy, ready, "the kernel gives a port to all addresses or to one",
		},
		{"of one that went", block("ready "+b, "pprof "+a), changed, "", profiles, ready, "the address of one that is not there any more"},
		{"options", block("ready "+b+" {\nmonitor continuously\n}", "pprof "+a+" {\nblock 1000000000\n}"), changed, "", profiles, ready, "the address stays, what is served is another"},
		{"metrics", block("ready "+b, "prometheus "+a), changed, "", metrics, ready, "likewise"},
		{"gone", block("ready " + b), changed, "", "", ready, "closed"},
		{"chosen", block("ready 127.0.0.1:0", "health 127.0.0.1:0", "pprof "+b), changed, "", "", profiles, "port 0 is any, and nobody's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stop := dials(t, both(tt.atA, a), both(tt.atB, b))
			file.set(tt.text)
			p.hangUp(tt.says)
			stop()
			for addr, path := range map[string]string{a: tt.atA, b: tt.atB} {
				if path == "" {
					dnstest.Eventually(t, addr+" to be closed", func() bool {
						c, err := net.Dial("tcp", addr)
						if err == nil {
							c.Close()
						}
						return err != nil
					})
					continue
				}
				if status, body := get(t, "http://"+addr+path); status != http.StatusOK {
					t.Errorf("%s: %s at %s: %d %s", tt.reason, path, addr, status, body)
				}
			}
			if !strings.Contains(p.log(), strings.ReplaceAll(tt.in, `"`, `\"`)) {
				t.Errorf("%s: %q is not in the log", tt.reason, tt.in)
			}
		})
	}
	if n := strings.Count(p.log(), `msg="pprof endpoint"`); n != 3 {
		t.Errorf("pprof was opened %d times, want 3: with its options, and where it moved to", n)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// both returns addr if something is answered there after the change, as before.
func both(then, addr string) string {
	if then == "" {
		return ""
	}
	return addr
}

// dials connects to addresses, those that are not empty, again and again until stop
// is called. A connection that is refused fails the test.
func dials(t *testing.T, addrs ...string) (stop func()) {
	ended := make(chan struct{})
	var clients sync.WaitGroup
	for _, addr := range addrs {
		if addr == "" {
			continue
		}
		clients.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
				}
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			}
		})
	}
	stop = sync.OnceFunc(func() {
		close(ended)
		clients.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// port returns the port of a listener.
func port(t testing.TB, l net.Listener) string {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestReloadRestores has a block go and come back at once, while its sockets are
// being drained still.
func TestReloadRestores(t *testing.T) {
	dnstest.NoLeaks(t)
	dir := manifest(t, "web=10.0.0.1")
	first, second := freeAddr(t), freeAddr(t)
	block := func(addr string) string {
		return fmt.Sprintf("%s {\n%skubernetes cluster.local {\nmanifests %s\n}\n}\n", key(".", addr), bound(addr), dir)
	}
	var file changing
	file.set(block(first) + block(second))
	p := startChanging(t, file.get)
	p.addr()
	for range 3 {
		for _, text := range []string{block(second), block(second) + block(first)} {
			file.set(text)
			p.hangUp(changed)
		}
		for _, addr := range []string{first, second} {
			if got := lookup(t, addr, "web.default.svc.cluster.local."); got != "10.0.0.1" {
				t.Errorf("at %s: %s", addr, got)
			}
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}
