package assemble_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// changing is a Corefile that a test changes.
type changing struct{ text atomic.Pointer[string] }

func (c *changing) set(text string) { c.text.Store(&text) }
func (c *changing) get() string     { return *c.text.Load() }

// hangUp asks for a reload, and waits for what the log says of it.
func (p *process) hangUp(says string) {
	p.t.Helper()
	before := strings.Count(p.log(), says)
	select {
	case p.hangup <- syscall.SIGHUP:
	case <-time.After(30 * time.Second):
		p.t.Fatal("nobody hears of SIGHUP")
	}
	dnstest.Eventually(p.t, says, func() bool { return strings.Count(p.log(), says) > before })
}

const (
	changed   = "serving the changed configuration"
	unchanged = "the configuration is as it was"
	kept      = "the changed configuration is not served"
)

func TestReload(t *testing.T) {
	one, two := manifest(t, "web=10.0.0.1"), manifest(t, "web=10.0.0.2")
	addr := freeAddr(t)
	block := func(dir, more string) string {
		return fmt.Sprintf("%s {\nkubernetes cluster.local {\nmanifests %s\n}\n%s\n}\n", key(".", addr), dir, bound(addr)+more)
	}
	var file changing
	file.set(block(one, "health 127.0.0.1:0"))
	p := startChanging(t, file.get)
	at := p.addr()
	const web = "web.default.svc.cluster.local."
	if got := lookup(t, at, web); got != "10.0.0.1" {
		t.Fatalf("before: %s", got)
	}
	p.hangUp(unchanged)

	tests := []struct {
		name, text, says, in string // in is in the log
		want, reason         string
	}{
		{"broken", block(two, "foo"), kept, `Corefile:6: unknown plugin \"foo\"`, "10.0.0.1", "a Corefile that can't be read is not served"},
		{"no such folder", block("/nowhere", ""), kept, "/nowhere", "10.0.0.1", "nor one whose objects are not there"},
		{"sockets", block(two, "timeouts {\nread 3s\n}"), kept, "can't change without a restart", "10.0.0.1", "what can't be done is told"},
		{"other objects", block(two, ""), changed, "", "10.0.0.2", "the new one answers"},
		{"another handler", block(two, "any"), changed, "", "10.0.0.2", "the objects stay"},
		{"back", block(one, "health 127.0.0.1:0"), changed, "", "10.0.0.1", "and so on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file.set(tt.text)
			p.hangUp(tt.says)
			if got := lookup(t, at, web); got != tt.want || !strings.Contains(p.log(), tt.in) {
				t.Errorf("%s: %s, want %s; in the log should be %s", tt.reason, got, tt.want, tt.in)
			}
		})
	}
	if failed := p.metric("coredns_reload_failed_total"); failed != 3 {
		t.Errorf("%v reloads failed, want 3", failed)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestReloadSockets has server blocks come and go, with sockets of their own.
func TestReloadSockets(t *testing.T) {
	dir := manifest(t, "web=10.0.0.1")
	first, second := freeAddr(t), freeAddr(t)
	block := func(addr string) string {
		return fmt.Sprintf("%s {\n%skubernetes cluster.local {\nmanifests %s\n}\n}\n", key(".", addr), bound(addr), dir)
	}
	var file changing
	file.set(block(first))
	p := startChanging(t, file.get)
	p.addr()
	file.set(block(first) + block(second))
	p.hangUp(changed)
	for _, addr := range []string{first, second} {
		if got := lookup(t, addr, "web.default.svc.cluster.local."); got != "10.0.0.1" {
			t.Errorf("at %s: %s", addr, got)
		}
	}
	file.set(block(second))
	p.hangUp(changed)
	if got := lookup(t, second, "web.default.svc.cluster.local."); got != "10.0.0.1" {
		t.Errorf("the block that stayed: %s", got)
	}
	dnstest.Eventually(t, "the socket of the block that went to be closed", func() bool {
		l, err := net.Listen("tcp", first)
		if err == nil {
			l.Close()
		}
		return err == nil
	})
}

// TestReloadLosesNothing asks without a pause, by UDP and TCP, while the
// configuration changes to and fro.
func TestReloadLosesNothing(t *testing.T) {
	one, two := manifest(t, "web=10.0.0.1"), manifest(t, "web=10.0.0.1")
	addr := freeAddr(t)
	text := func(dir string) string {
		return fmt.Sprintf("%s {\n%skubernetes cluster.local {\nmanifests %s\n}\n}\n", key(".", addr), bound(addr), dir)
	}
	var file changing
	file.set(text(one))
	p := startChanging(t, file.get)
	p.addr()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var asked atomic.Int64
	for _, network := range []string{"udp", "tcp"} {
		clients.Go(func() {
			c := dns.Client{Net: network, Timeout: 10 * time.Second}
			conn, err := c.Dial(addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, _, err := c.ExchangeWithConn(dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), conn)
				if err != nil || len(r.Answer) != 1 {
					t.Errorf("%s: %v, %v", network, r, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 6 {
		before := asked.Load()
		file.set(text([]string{two, one}[i%2]))
		p.hangUp(changed)
		dnstest.Eventually(t, "more answers", func() bool { return asked.Load() > before+20 || t.Failed() })
	}
	close(stop)
	clients.Wait()
}

// TestReloadByItself has the Corefile looked at.
func TestReloadByItself(t *testing.T) {
	dir := manifest(t, "web=10.0.0.1")
	var file changing
	text := ".:0 {\nbind 127.0.0.1\nreload 2s 1s\n%skubernetes cluster.local {\nmanifests " + dir + "\n}\n}\n"
	file.set(fmt.Sprintf(text, ""))
	p := startChanging(t, file.get)
	at := p.addr()
	if got := lookup(t, at, "example.org."); got != "REFUSED" {
		t.Fatalf("before: %s", got)
	}
	file.set(fmt.Sprintf(text, "any\n"))
	dnstest.Eventually(t, changed, func() bool { return strings.Contains(p.log(), changed) })
	m := dnstest.Ask(t, "udp", at, dnstest.Question("web.default.svc.cluster.local.", dns.TypeANY))
	if len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != dns.TypeHINFO {
		t.Errorf("the handler that came does not answer: %v", m)
	}
}

// metric returns the sum of a metric of one value.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// key returns the key of a server block for a zone on the port of addr.
func key(zone, addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return zone + ":" + port
}

// bound returns the bind directive for addr.
func bound(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return "bind " + host + "\n"
}
