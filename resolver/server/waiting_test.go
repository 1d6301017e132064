package server_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// slowIDs is below which IDs queries take long.
const slowIDs = 100

// patient is a handler that waits with slow queries until it is told to go on, or
// nobody waits for their replies any more.
type patient struct {
	started chan uint16   // IDs of slow queries
	release chan struct{} // each lets one go on; closed, all
	ended   chan error    // why queries ended that were not let go on
}

func newPatient() *patient {
	return &patient{started: make(chan uint16, 1000), release: make(chan struct{}), ended: make(chan error, 1000)}
}

func (p *patient) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	switch {
	case q.ID >= slowIDs:
		return records(1).Serve(q, r)
	case !q.MayWait():
		return resolver.Later
	}
	p.started <- q.ID
	select {
	case <-p.release:
		return records(1).Serve(q, r)
	case <-q.Context.Done():
		p.ended <- q.Context.Err()
		return resolver.ServFail
	}
}

// begun waits for n slow queries to be under way, and returns their IDs in order.
func (p *patient) begun(t *testing.T, n int) (ids []uint16) {
	t.Helper()
	for range n {
		ids = append(ids, dnstest.Receive(t, "a slow query", p.started))
	}
	slices.Sort(ids)
	return ids
}

// watched returns c with a channel of the limits that are met.
func watched(c server.Config) (server.Config, <-chan server.Limit) {
	limits := make(chan server.Limit, 1000)
	c.Limited = func(l server.Limit) { limits <- l }
	return c, limits
}

// queries returns queries with IDs, together in one segment.
func queries(t *testing.T, ids ...uint16) (segment []byte) {
	t.Helper()
	for _, id := range ids {
		segment = append(segment, framed(t, id)...)
	}
	return segment
}

// wantReplies reads replies to the queries ids from a stream, in any order.
func wantReplies(t *testing.T, c net.Conn, ids ...uint16) {
	t.Helper()
	var got []uint16
	for range ids {
		b, err := readFrame(c)
		if err != nil {
			t.Fatalf("after replies to %d: %v", got, err)
		}
		if m := dnstest.Unpack(t, b); len(m.Answer) == 1 {
			got = append(got, m.Id)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Fatalf("replies (-want +got):\n%s", diff)
	}
}

// wantPacket reads the reply to the query id from UDP.
func wantPacket(t *testing.T, c net.Conn, id uint16) {
	t.Helper()
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("reading the reply to %d: %v", id, err)
	}
	if m := dnstest.Unpack(t, b[:n]); m.Id != id || len(m.Answer) != 1 {
		t.Fatalf("reply to %d:\n%v", id, m)
	}
}

// wantSilence fails the test if anything comes within a short time.
func wantSilence(t *testing.T, c net.Conn, reason string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 512)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: got %d bytes, error %v", reason, n, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
}

// TestOutOfOrder asks slow questions before fast ones (RFC 7766 section 6.2.1.1).
func TestOutOfOrder(t *testing.T) {
	t.Run("tcp", func(t *testing.T) {
		p := newPatient()
		c := dial(t, "tcp", start(t, p, server.Config{}))
		write(t, c, queries(t, 1, 101, 2, 102))
		wantReply(t, c, 101)
		wantReply(t, c, 102)
		p.begun(t, 2)
		close(p.release)
		wantReplies(t, c, 1, 2)
	})
	t.Run("udp", func(t *testing.T) {
		p := newPatient()
		c := dial(t, "udp", start(t, p, server.Config{Readers: 1}))
		write(t, c, framed(t, 1)[2:])
		p.begun(t, 1)
		write(t, c, framed(t, 101)[2:])
		wantPacket(t, c, 101)
		close(p.release)
		wantPacket(t, c, 1)
	})
}

// TestManyWaiting sees that of replies that are ready together, more than leave by
// one system call, each client gets its own.
func TestManyWaiting(t *testing.T) {
	const clients, each = 3, slowIDs / 3
	p := newPatient()
	s := start(t, p, server.Config{Addr: "[::]:0", Readers: 1})
	var conns [clients]net.Conn
	var ids [clients][]uint16
	for i := range conns {
		conns[i] = dial(t, "udp", s)
		for range each {
			id := uint16(i*each + len(ids[i]))
			ids[i] = append(ids[i], id)
			write(t, conns[i], framed(t, id)[2:])
		}
	}
	p.begun(t, clients*each)
	close(p.release)
	for i, c := range conns {
		var got []uint16
		for range each {
			b := make([]byte, 512)
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("client %d, after replies to %d: %v", i, got, err)
			}
			got = append(got, dnstest.Unpack(t, b[:n]).Id)
		}
		slices.Sort(got)
		if diff := cmp.Diff(ids[i], got); diff != "" {
			t.Errorf("replies to client %d (-want +got):\n%s", i, diff)
		}
	}
	dnstest.Eventually(t, "the end of all", func() bool { udp, _ := s.Waiting(); return udp == 0 })
}

// TestMaxPerConn asks more on one connection than may be under way: it is not read,
// and no goroutine waits for it (CVE-2025-47950).
func TestMaxPerConn(t *testing.T) {
	p := newPatient()
	config, limits := watched(server.Config{MaxPerConn: 2})
	s := start(t, p, config)
	c := dial(t, "tcp", s)
	write(t, c, queries(t, 100, 1, 2, 101, 3, 102))
	wantReply(t, c, 100)
	wantReply(t, c, 101) // what is ready does not wait for room
	if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyOfConn {
		t.Errorf("limit %q, want %q", l, server.TooManyOfConn)
	}
	if diff := cmp.Diff([]uint16{1, 2}, p.begun(t, 2)); diff != "" {
		t.Errorf("slow queries under way (-want +got):\n%s", diff)
	}
	wantSilence(t, c, "RFC 7766 section 10: what is behind too many queries is not read")
	other := dial(t, "tcp", s)
	write(t, other, framed(t, 100))
	wantReply(t, other, 100)
	p.release <- struct{}{} // room for the third
	if diff := cmp.Diff([]uint16{3}, p.begun(t, 1)); diff != "" {
		t.Errorf("slow queries under way next (-want +got):\n%s", diff)
	}
	close(p.release)
	wantReplies(t, c, 1, 2, 3, 102)
}

func TestMaxWaiting(t *testing.T) {
	t.Run("udp", func(t *testing.T) {
		p := newPatient()
		config, limits := watched(server.Config{MaxWaiting: 2})
		s := start(t, p, config)
		c := dial(t, "udp", s)
		for id := range uint16(2) {
			write(t, c, framed(t, id)[2:])
		}
		p.begun(t, 2)
		write(t, c, framed(t, 2)[2:])
		if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyWaiting {
			t.Errorf("limit %q, want %q", l, server.TooManyWaiting)
		}
		write(t, c, framed(t, 100)[2:])
		wantPacket(t, c, 100)
		for range 2 {
			p.release <- struct{}{}
			if _, err := c.Read(make([]byte, 512)); err != nil {
				t.Fatal(err)
			}
		}
		close(p.release)
		dnstest.Eventually(t, "room for others", func() bool { udp, _ := s.Waiting(); return udp == 0 })
		write(t, c, framed(t, 3)[2:])
		wantPacket(t, c, 3) // and no reply to the one that was dropped comes before
	})
	t.Run("tcp", func(t *testing.T) {
		p := newPatient()
		config, limits := watched(server.Config{MaxWaiting: 1})
		s := start(t, p, config)
		first, second := dial(t, "tcp", s), dial(t, "tcp", s)
		write(t, first, framed(t, 1))
		p.begun(t, 1)
		write(t, second, queries(t, 2, 100))
		if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyWaiting {
			t.Errorf("limit %q, want %q", l, server.TooManyWaiting)
		}
		wantSilence(t, second, "what is behind a query without room is not read")
		u := dial(t, "udp", s)
		write(t, u, framed(t, 3)[2:])
		p.begun(t, 1) // UDP has room of its own
		close(p.release)
		wantPacket(t, u, 3)
		wantReplies(t, first, 1)
		wantReplies(t, second, 2, 100)
	})
}

// TestShutdownWaits sees that queries under way are answered, over UDP and TCP.
func TestShutdownWaits(t *testing.T) {
	p := newPatient()
	s := start(t, p, server.Config{MaxPerConn: 2})
	u, c, full := dial(t, "udp", s), dial(t, "tcp", s), dial(t, "tcp", s)
	write(t, u, framed(t, 1)[2:])
	write(t, c, queries(t, 2, 100))
	write(t, full, queries(t, 3, 4, 5)) // the third has no room yet
	wantReply(t, c, 100)
	p.begun(t, 4)
	result := shutdown(s, time.Minute)
	wantSilence(t, c, "a connection with a query under way stays open")
	close(p.release)
	wantPacket(t, u, 1)
	wantReplies(t, c, 2)
	wantReplies(t, full, 3, 4, 5)
	wantClosed(t, c)
	if err := dnstest.Receive(t, "Shutdown's end", result); err != nil {
		t.Error(err)
	}
}

// TestCancel sees in which cases queries under way end without a reply.
func TestCancel(t *testing.T) {
	tests := []struct {
		name   string
		end    func(s *server.Server, c *net.TCPConn)
		want   int // queries that end: of one over UDP and three over TCP, two under way
		reason string
	}{
		{"Close", func(s *server.Server, _ *net.TCPConn) { s.Close() }, 3, "nobody gets a reply"},
		{"Shutdown in time", func(s *server.Server, _ *net.TCPConn) { <-shutdown(s, time.Millisecond) }, 3, "no longer than its context allows"},
		{"reset", func(_ *server.Server, c *net.TCPConn) { _, _ = c.SetLinger(0), c.Close() }, 0, "it shows when a reply is written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			p := newPatient()
			s := start(t, p, server.Config{MaxPerConn: 2})
			u, c := dial(t, "udp", s), dial(t, "tcp", s)
			write(t, u, framed(t, 1)[2:])
			write(t, c, queries(t, 2, 3, 4)) // the last waits for room
			p.begun(t, 3)
			tt.end(s, c.(*net.TCPConn))
			for range tt.want {
				dnstest.Receive(t, "the end of a query: "+tt.reason, p.ended)
			}
			close(p.release)
		})
	}
}

// TestCancelReset sees that queries of a connection end when it is reset while
// more is read from it.
func TestCancelReset(t *testing.T) {
	dnstest.NoLeaks(t)
	p := newPatient()
	s := start(t, p, server.Config{})
	c := dial(t, "tcp", s)
	write(t, c, framed(t, 1))
	p.begun(t, 1)
	_, _ = c.(*net.TCPConn).SetLinger(0), c.Close()
	dnstest.Receive(t, "the end of its query", p.ended)
	dnstest.Eventually(t, "the connection is gone", func() bool { return s.Conns() == 0 })
}

// TestHalfClosedWaiting has a client that asks and sends its FIN (RFC 7766 section
// 6.2.4).
func TestHalfClosedWaiting(t *testing.T) {
	p := newPatient()
	s := open(t, p, server.Config{MaxPerConn: 1, IdleTimeout: 10 * time.Millisecond})
	c := dial(t, "tcp", s)
	write(t, c, queries(t, 1, 2))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	p.begun(t, 1)
	wantSilence(t, c, "the replies are still to come")
	close(p.release)
	wantReplies(t, c, 1, 2)
	wantClosed(t, c)
}

// TestIdleWhileWaiting sees that a client does not idle while it waits for us (RFC
// 7766 section 6.2.3).
func TestIdleWhileWaiting(t *testing.T) {
	const idle = 100 * time.Millisecond
	p := newPatient()
	s := open(t, p, server.Config{IdleTimeout: idle})
	c := dial(t, "tcp", s)
	write(t, c, framed(t, 1))
	serve(t, s)
	p.begun(t, 1)
	time.Sleep(2*idle + idle*9/10) // the timeout passes, twice, and nearly a third time
	released := time.Now()
	close(p.release)
	wantReplies(t, c, 1)
	wantClosed(t, c)
	if lasted := time.Since(released); lasted < idle {
		t.Errorf("closed within %s of a reply, before a client can ask again", lasted)
	}
}

// TestWildcardWaiting is TestWildcard for replies that take long.
func TestWildcardWaiting(t *testing.T) {
	later := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if !q.MayWait() {
			return resolver.Later
		}
		return records(1).Serve(q, r)
	})
	for addr, hosts := range map[string][]string{
		"0.0.0.0:0": {"127.0.0.1", "127.0.0.2", "127.1.2.3"},
		"[::]:0":    {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"},
	} {
		t.Run(addr, func(t *testing.T) {
			s := start(t, later, server.Config{Addr: addr})
			for _, host := range hosts {
				for _, network := range []string{"udp", "tcp"} {
					at := net.JoinHostPort(host, fmt.Sprint(s.Addr().Port()))
					if r := dnstest.Ask(t, network, at, dnstest.Question("name.example.", dns.TypeA)); len(r.Answer) != 1 {
						t.Errorf("%s by %s: %v", at, network, r)
					}
				}
			}
		})
	}
}

// TestLongMessageInParts sends the beginning of a message that is longer than what
// is kept of one, and the rest late: it is in step afterwards.
func TestLongMessageInParts(t *testing.T) {
	c := dial(t, "tcp", start(t, records(1), server.Config{ReadTimeout: time.Minute}))
	long := longest(t, 7)
	write(t, c, long[:60_000])
	wantReply(t, c, 7)
	write(t, c, append(slices.Clone(long[60_000:]), framed(t, 8)...))
	wantReply(t, c, 8)
}

// TestLongMessageInTime sends the beginning of such a message alone, which is answered:
// the rest has its time too.
func TestLongMessageInTime(t *testing.T) {
	s := open(t, records(1), server.Config{ReadTimeout: 100 * time.Millisecond, IdleTimeout: time.Minute})
	c := dial(t, "tcp", s)
	write(t, c, longest(t, 7)[:60_000])
	serve(t, s)
	wantReply(t, c, 7)
	wantClosed(t, c)
}

// longest returns the query id with as much after it as a message can have, framed.
func longest(t *testing.T, id uint16) []byte {
	long := make([]byte, 2+dns.MaxMsgSize)
	copy(long, framed(t, id)) // what comes after the question is ignored
	binary.BigEndian.PutUint16(long, dns.MaxMsgSize)
	return long
}
