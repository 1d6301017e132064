package server_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// gate is a handler that waits for release with its first query.
type gate struct {
	once             sync.Once
	entered, release chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}), release: make(chan struct{})} }

func (g *gate) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	g.once.Do(func() {
		close(g.entered)
		<-g.release
	})
	return records(1).Serve(q, r)
}

// shutdown begins to shut s down, and returns what Shutdown returns.
func shutdown(s *server.Server, timeout time.Duration) <-chan error {
	result := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		result <- s.Shutdown(ctx)
	}()
	return result
}

func TestShutdownAnswersUDP(t *testing.T) {
	g := newGate()
	s := start(t, g, server.Config{Readers: 1})
	c := dial(t, "udp", s)
	write(t, c, framed(t, 0)[2:])
	dnstest.Receive(t, "the first query", g.entered)
	const queued = 20
	for id := range uint16(queued) { // they wait in the socket
		write(t, c, framed(t, id+1)[2:])
	}
	result := shutdown(s, time.Minute)
	close(g.release)
	var got []uint16
	for range 1 + queued {
		b := make([]byte, 512)
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("after replies to %v: %v", got, err)
		}
		got = append(got, dnstest.Unpack(t, b[:n]).Id)
	}
	if err := dnstest.Receive(t, "Shutdown's end", result); err != nil {
		t.Error(err)
	}
}

func TestShutdownAnswersTCP(t *testing.T) {
	g := newGate()
	s := start(t, g, server.Config{})
	busy, sent, idle, part := dial(t, "tcp", s), dial(t, "tcp", s), dial(t, "tcp", s), dial(t, "tcp", s)
	write(t, busy, framed(t, 0))
	dnstest.Receive(t, "the first query", g.entered)
	write(t, busy, framed(t, 1))
	write(t, sent, slices.Concat(framed(t, 2), framed(t, 3)))
	write(t, part, framed(t, 4)[:5])
	result := shutdown(s, time.Minute)
	close(g.release)
	for id := range uint16(2) {
		wantReply(t, busy, id)
	}
	wantReply(t, sent, 2)
	wantReply(t, sent, 3)
	for _, c := range []net.Conn{busy, sent, idle, part} {
		wantClosed(t, c)
	}
	if err := dnstest.Receive(t, "Shutdown's end", result); err != nil {
		t.Error(err)
	}
}

// TestShutdownAnswersWaiting has many connections that the kernel took in
// before the server could, and that it has not all taken in when it shuts down.
func TestShutdownAnswersWaiting(t *testing.T) {
	g := newGate()
	s, err := listen(server.Config{Addr: "127.0.0.1:0", Responder: &resolver.Responder{Handler: g}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dial(t, "udp", s), framed(t, 0)[2:])
	var conns []net.Conn
	for id := range uint16(200) {
		c := dial(t, "tcp", s)
		write(t, c, framed(t, id))
		conns = append(conns, c)
	}
	go s.Serve()
	dnstest.Receive(t, "the first query", g.entered) // it serves
	result := shutdown(s, time.Minute)
	close(g.release)
	for id, c := range conns {
		wantReply(t, c, uint16(id))
	}
	if err := dnstest.Receive(t, "Shutdown's end", result); err != nil {
		t.Error(err)
	}
}

// TestShutdownInTime has a client that keeps its connection busy for ever, by
// not reading.
func TestShutdownInTime(t *testing.T) {
	s := start(t, records(4000), server.Config{WriteTimeout: time.Hour})
	c := dial(t, "tcp", s)
	if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for { // until the server, stuck in writing, reads no more
		if _, err := c.Write(framed(t, 1)); err != nil {
			break
		}
	}
	if err := dnstest.Receive(t, "Shutdown's end", shutdown(s, 200*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v, want that time is up", err)
	}
	wantClosed(t, c)
}

// TestShutdownCloses sees that nothing listens any more, and that a port can be
// used again.
func TestShutdownCloses(t *testing.T) {
	tests := []struct {
		name string
		end  func(*server.Server)
	}{
		{"Shutdown", func(s *server.Server) { _ = s.Shutdown(context.Background()) }},
		{"Close", (*server.Server).Close},
		{"both", func(s *server.Server) { s.Close(); _ = s.Shutdown(context.Background()); s.Close() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			s := start(t, records(1), server.Config{})
			c := dial(t, "tcp", s)
			write(t, c, framed(t, 1))
			wantReply(t, c, 1)
			tt.end(s)
			wantClosed(t, c)
			if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
				c.Close()
				t.Error("TCP connections are still taken in")
			}
			u, err := net.ListenPacket("udp", s.Addr().String())
			if err != nil {
				t.Fatalf("the UDP port is still in use: %v", err)
			}
			u.Close()
		})
	}
}

// TestEndBeforeServe ends servers whose Serve runs late or never.
func TestEndBeforeServe(t *testing.T) {
	dnstest.NoLeaks(t)
	for range 100 {
		s, err := listen(server.Config{Addr: "127.0.0.1:0", Responder: &resolver.Responder{Handler: resolver.Refuse{}}})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			s.Serve()
		}()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		dnstest.Receive(t, "Serve's end", served)
	}
	s, err := listen(server.Config{Addr: "127.0.0.1:0", Responder: &resolver.Responder{Handler: resolver.Refuse{}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// TestNoLeaks opens and ends many connections, in each way that one can end.
func TestNoLeaks(t *testing.T) {
	s := start(t, records(1), server.Config{IdleTimeout: time.Minute, MaxConnsPerSource: 50})
	r := dnstest.Ask(t, "tcp", s.Addr().String(), dnstest.Question("name.example.", dns.TypeA))
	if len(r.Answer) != 1 {
		t.Fatal(r)
	}
	t.Run("1000 connections", func(t *testing.T) {
		dnstest.NoLeaks(t)
		end := []func(c *net.TCPConn){
			func(c *net.TCPConn) { _, _ = readFrame(c) },
			func(c *net.TCPConn) { _ = c.CloseWrite(); _, _ = readFrame(c) },
			func(c *net.TCPConn) { _ = c.SetLinger(0) }, // a reset
			func(*net.TCPConn) {},
		}
		for i := range 1000 {
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write(framed(t, 1)) // one over the limit is closed
			end[i%len(end)](c.(*net.TCPConn))
			c.Close()
		}
	})
	dnstest.Eventually(t, "a connection when all are gone", func() bool { return answered(t, dial(t, "tcp", s)) })
}
