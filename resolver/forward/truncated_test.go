package forward_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// truncating answers by UDP with an address and TC, and by TCP as h does.
func truncating(addr string, h dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, m *dns.Msg) {
		if w.RemoteAddr().Network() == "tcp" {
			h(w, m)
			return
		}
		r := reply(m, addr)
		r.Truncated = true
		_ = w.WriteMsg(r)
	}
}

// closes closes a connection in place of an answer.
func closes(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() }

// TestTruncated has upstreams that truncate, and have nothing by TCP: a client by
// UDP gets what there is, with TC, as it does from CoreDNS.
func TestTruncated(t *testing.T) {
	const part, whole = "192.0.2.1", "192.0.2.2"
	tests := []struct {
		name     string
		handlers []dns.HandlerFunc
		via      resolver.Transport
		udp      bool // prefer_udp
		want     string
		reason   string
	}{
		{"closing", []dns.HandlerFunc{truncating(part, closes)}, resolver.UDP, false, part + " TC", "part of an answer is better than none"},
		{"truncated by TCP", []dns.HandlerFunc{truncating(part, func(w dns.ResponseWriter, m *dns.Msg) {
			r := reply(m, whole)
			r.Truncated = true
			_ = w.WriteMsg(r)
		})}, resolver.UDP, false, part + " TC", "it does not fit anywhere"},
		{"another has it", []dns.HandlerFunc{truncating(part, closes), truncating(part, answers(whole))}, resolver.UDP, false, whole, "the whole of another is better"},
		{"another denies", []dns.HandlerFunc{truncating(part, closes), codes(dns.RcodeNameError)}, resolver.UDP, false, "NXDOMAIN", "it has answered"},
		{"another fails", []dns.HandlerFunc{truncating(part, closes), codes(dns.RcodeServerFailure)}, resolver.UDP, false, part + " TC", "with failover, that is no more than silence"},
		{"another is silent", []dns.HandlerFunc{truncating(part, closes), silent}, resolver.UDP, false, part + " TC", "they were all asked"},
		{"a client by TCP", []dns.HandlerFunc{truncating(part, closes)}, resolver.TCP, true, "SERVFAIL", "it can't ask again for the rest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var targets []forward.Target
			var first *server
			for _, h := range tt.handlers {
				s := serve(t, h)
				targets = append(targets, s.target)
				if first == nil {
					first = s
				}
			}
			c := config(t, targets...)
			c.PreferUDP, c.Failover = tt.udp, []wire.Rcode{wire.ServFail}
			if tt.name == "another is silent" {
				c.ReadTimeout = soon
			}
			got := ask(t, start(t, c, forward.Deps{}), tt.via, question())
			text := got.addr()
			if got.Truncated {
				text += " TC"
			}
			if text != tt.want || (got.err != nil) != (tt.want == "SERVFAIL") {
				t.Errorf("%s: got %s, error %v, want %s", tt.reason, text, got.err, tt.want)
			}
			if n := first.udp.Load(); n != 1 && tt.want != "SERVFAIL" {
				t.Errorf("it was asked %d times by UDP, want once: it has answered", n)
			}
		})
	}
}

// TestNoTCP has an upstream that answers nothing by TCP, as behind a filter: not
// every query waits for that.
func TestNoTCP(t *testing.T) {
	s := serve(t, truncating("192.0.2.1", silent))
	c := config(t, s.target)
	c.ReadTimeout = soon
	var passed atomic.Int64
	began := time.Now()
	h := start(t, c, forward.Deps{Now: func() time.Time { return began.Add(time.Duration(passed.Load())) }})
	for i, want := range []int64{1, 1, 1, 2} {
		if i == 3 {
			passed.Store(int64(time.Minute))
		}
		got := ask(t, h, resolver.UDP, question())
		if got.addr() != "192.0.2.1" || !got.Truncated {
			t.Errorf("query %d: got %s, TC %v", i, got.addr(), got.Truncated)
		}
		if n := s.tcp.Load(); n != want {
			t.Errorf("query %d: asked %d times by TCP, want %d", i, n, want)
		}
	}
	if n := s.udp.Load(); n != 4 {
		t.Errorf("%d queries by UDP, want 4: it has answered each, and is in no doubt", n)
	}
	// What it has by TCP after all is had, and from then on by everyone.
	whole := serve(t, truncating("192.0.2.1", answers("192.0.2.2")))
	if got := ask(t, start(t, config(t, whole.target), forward.Deps{}), resolver.UDP, question()); got.addr() != "192.0.2.2" || got.Truncated {
		t.Errorf("got %s, TC %v, want the whole", got.addr(), got.Truncated)
	}
}

// TestTruncatedRefused has an upstream at which nothing listens by TCP.
func TestTruncatedRefused(t *testing.T) {
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: p, Handler: truncating("192.0.2.1", closes)}
	ended := make(chan struct{})
	started := make(chan struct{})
	srv.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(ended)
		_ = srv.ActivateAndServe()
	}()
	dnstest.Receive(t, "an upstream's start", started)
	t.Cleanup(func() {
		_ = srv.Shutdown()
		<-ended
	})
	target, err := forward.ParseTarget(p.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, start(t, config(t, target), forward.Deps{}), resolver.UDP, question())
	if got.addr() != "192.0.2.1" || !got.Truncated {
		t.Errorf("got %s, TC %v", got.addr(), got.Truncated)
	}
	if got := ask(t, start(t, config(t, target), forward.Deps{}), resolver.TCP, question()); got.addr() != "SERVFAIL" || got.err == nil {
		t.Errorf("by TCP: got %s, error %v", got.addr(), got.err)
	}
}
