package forward_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// forgetful is a listener that can forget the connections which it has accepted, as
// what translates addresses between two networks does: what is sent on them is lost
// from then on, and neither end is told.
type forgetful struct {
	net.Listener
	mu  sync.Mutex
	all []*forgettable // guarded by mu
}

// forgettable is a connection of a forgetful listener.
type forgettable struct {
	net.Conn
	forgotten atomic.Bool
}

func (l *forgetful) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &forgettable{Conn: conn}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, c)
	return c, nil
}

// forget forgets the connections that there are.
func (l *forgetful) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.all {
		c.forgotten.Store(true)
	}
}

func (c *forgettable) Read(b []byte) (n int, err error) {
	for {
		if n, err = c.Conn.Read(b); err != nil || !c.forgotten.Load() {
			return n, err
		}
	}
}

func (c *forgettable) Write(b []byte) (int, error) {
	if c.forgotten.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// TestForgotten has the connection to an upstream forgotten on the way, while it is
// in use all the time. To us that is an upstream which is slow to answer; but others
// would be answered by a new connection.
func TestForgotten(t *testing.T) {
	dnstest.NoLeaks(t)
	l := new(forgetful)
	_, ca := secureAt(t, func(own net.Listener) net.Listener { l.Listener = own; return l }, func(w http.ResponseWriter, r *http.Request) {
		m := new(dns.Msg)
		if b, err := io.ReadAll(r.Body); err != nil || m.Unpack(b) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/dns-message")
		_, _ = w.Write(dnstest.Pack(t, reply(m, "192.0.2.1")))
	})
	c := config(t, forward.Target{Protocol: forward.HTTPS, Addr: netip.MustParseAddrPort(l.Addr().String())})
	c.TLS.CA, c.ReadTimeout, c.MaxConnectAttempts, c.MaxFails = ca, soon, 1, 0
	h := start(t, c, forward.Deps{})
	if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.1" {
		t.Fatalf("at first: %s, %v", got.addr(), got.err)
	}
	l.forget()
	dnstest.Eventually(t, "a new connection", func() bool { return ask(t, h, resolver.UDP, question()).addr() == "192.0.2.1" })
}

// TestForgottenIdle has all idle connections to an upstream forgotten on the way: the
// first that a query finds so says enough of those that idle for longer.
func TestForgottenIdle(t *testing.T) {
	dnstest.NoLeaks(t)
	const connections = 5
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0") // not asked
	if err != nil {
		t.Fatal(err)
	}
	var together sync.WaitGroup
	together.Add(connections)
	l, s := &forgetful{Listener: own}, new(server)
	s.start(t, l, packets, func(w dns.ResponseWriter, m *dns.Msg) {
		if strings.HasPrefix(m.Question[0].Name, "first-") {
			together.Done()
			together.Wait() // for others, each by a connection of its own
		}
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	c := config(t, s.target)
	c.MaxFails, c.ReadTimeout = 0, soon
	h := start(t, c, forward.Deps{})
	var asking sync.WaitGroup
	for i := range connections {
		asking.Go(func() {
			if got := ask(t, h, resolver.TCP, dnstest.Question(fmt.Sprintf("first-%d.example.org", i), dns.TypeA)); got.addr() != "192.0.2.1" {
				t.Errorf("at first: %s, %v", got.addr(), got.err)
			}
		})
	}
	asking.Wait()
	l.forget()
	if got := ask(t, h, resolver.TCP, question()); got.addr() != "192.0.2.1" {
		t.Errorf("got %s, %v: the second attempt is by a new connection", got.addr(), got.err)
	}
}
