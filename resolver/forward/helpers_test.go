package forward_test

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// server is an upstream of a test, on one port of 127.0.0.1 by UDP and TCP.
type server struct {
	target   forward.Target
	udp, tcp atomic.Int64 // queries

	mu    sync.Mutex
	peers map[string]bool // sockets that queries came from; guarded by mu
}

// addr returns the server's address as text.
func (s *server) addr() string { return s.target.Addr.String() }

// sockets returns how many sockets queries came from.
func (s *server) sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// queries returns how many came.
func (s *server) queries() int { return int(s.udp.Load() + s.tcp.Load()) }

// serve starts an upstream that answers with h. Its port is another every time.
func serve(t testing.TB, h dns.HandlerFunc) *server {
	t.Helper()
	s := new(server)
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil { // somebody else's by UDP
			l.Close()
			continue
		}
		s.start(t, l, p, h)
		return s
	}
}

// serveAt starts an upstream at an address that one had before. The kernel may have
// given its port to a socket of somebody else's question, which does not last.
func serveAt(t testing.TB, addr string, h dns.HandlerFunc) *server {
	t.Helper()
	var l net.Listener
	var p net.PacketConn
	dnstest.Eventually(t, addr+" is free", func() bool {
		var err error
		if l, err = net.Listen("tcp", addr); err != nil {
			return false
		}
		if p, err = net.ListenPacket("udp", addr); err != nil {
			l.Close()
		}
		return err == nil
	})
	s := new(server)
	s.start(t, l, p, h)
	return s
}

func (s *server) start(t testing.TB, l net.Listener, p net.PacketConn, h dns.HandlerFunc) {
	s.peers = map[string]bool{}
	s.target = forward.Target{Addr: netip.MustParseAddrPort(l.Addr().String())}
	counted := func(n *atomic.Int64) dns.HandlerFunc {
		return func(w dns.ResponseWriter, m *dns.Msg) {
			n.Add(1)
			s.mu.Lock()
			s.peers[w.RemoteAddr().String()] = true
			s.mu.Unlock()
			h(w, m)
		}
	}
	for _, srv := range []*dns.Server{
		{PacketConn: p, Handler: counted(&s.udp)},
		{Listener: l, Handler: counted(&s.tcp)},
	} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = srv.ActivateAndServe()
		}()
		dnstest.Receive(t, "an upstream's start", started)
		t.Cleanup(func() {
			_ = srv.Shutdown()
			<-ended
		})
	}
}

// closedAddr returns an address at which nothing listens.
func closedAddr(t testing.TB) forward.Target {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return forward.Target{Addr: netip.MustParseAddrPort(p.LocalAddr().String())}
}

// answers returns a handler that answers with an A record of an address.
func answers(addr string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, m *dns.Msg) { _ = w.WriteMsg(reply(m, addr)) }
}

// reply returns the reply to m with an A record, and an OPT record if m has one.
func reply(m *dns.Msg, addr string) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(m)
	r.RecursionAvailable = true
	r.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
		A:   net.ParseIP(addr),
	}}
	if m.IsEdns0() != nil {
		r.SetEdns0(1232, false)
	}
	return r
}

// codes returns a handler that answers with an rcode.
func codes(rcode int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		r := new(dns.Msg)
		r.SetRcode(m, rcode)
		if m.IsEdns0() != nil {
			r.SetEdns0(1232, false)
		}
		_ = w.WriteMsg(r)
	}
}

// silent is a handler that never answers.
func silent(dns.ResponseWriter, *dns.Msg) {}

// refuse ends the chain of most tests.
var refuse = resolver.Refuse{}

// soon is a read timeout for upstreams that are silent. It is long enough for those
// that are not to answer on a busy machine.
const soon = 500 * time.Millisecond

// config returns the defaults with targets asked in that order, and checks often. Its
// read timeout only tells a failure from a success.
func config(t testing.TB, targets ...forward.Target) forward.Config {
	c := forward.Defaults()
	c.From = append(c.From, dnstest.Name(t, "."))
	c.To, c.Policy = targets, forward.Sequential
	c.ReadTimeout = 30 * time.Second
	c.Check.Interval = 10 * time.Millisecond
	return c
}

// start makes a handler that is closed when the test ends.
func start(t testing.TB, c forward.Config, d forward.Deps) *forward.Handler {
	t.Helper()
	if d.Next == nil {
		d.Next = refuse
	}
	h, err := forward.New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// result is what a query got.
type result struct {
	*dns.Msg
	outcome resolver.Outcome
	err     error
	relayed bool
	labels  map[string]string
}

// addr returns the address in the answer, or the rcode's name.
func (r result) addr() string {
	if len(r.Answer) == 1 {
		if a, ok := r.Answer[0].(*dns.A); ok {
			return a.A.String()
		}
	}
	return dns.RcodeToString[r.Rcode]
}

// ask has h answer m, which came by a transport and may wait.
func ask(t testing.TB, h resolver.Handler, via resolver.Transport, m *dns.Msg) result {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Transport, x.Query.Context = via, t.Context()
	var got result
	responder := resolver.Responder{Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		q.Labels = map[string]string{}
		got.outcome = h.Serve(q, r)
		got.err, got.relayed, got.labels = r.Err, r.Relayed != nil, q.Labels
		return got.outcome
	})}
	got.Msg = dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
	return got
}

// question asks for the A records of www.example.org.
func question() *dns.Msg { return dnstest.Question("www.example.org", dns.TypeA) }

// lockedWriter writes to text while mu is held.
type lockedWriter struct {
	mu   *sync.Mutex
	text *strings.Builder
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// textLogger returns a logger to text.
func textLogger(mu *sync.Mutex, text *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(lockedWriter{mu, text}, nil))
}
