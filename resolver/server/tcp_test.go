package server_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

func TestFraming(t *testing.T) {
	one, two, three := framed(t, 1), framed(t, 2), framed(t, 3)
	all := slices.Concat(one, two, three)
	empty := []byte{0, 0}
	tests := []struct {
		name     string
		segments [][]byte
		want     []uint16
		reason   string
	}{
		{"one", [][]byte{one}, []uint16{1}, "RFC 1035 section 4.2.2"},
		{"together", [][]byte{all}, []uint16{1, 2, 3}, "RFC 7766 section 6.2.1.1: pipelined"},
		{"apart", [][]byte{one, two, three}, []uint16{1, 2, 3}, "RFC 7766 section 6.2.1: one connection for many"},
		{"in the length", [][]byte{all[:1], all[1:]}, []uint16{1, 2, 3}, "RFC 7766 section 8: a stream has no segments"},
		{"in the message", [][]byte{all[:len(one)+5], all[len(one)+5:]}, []uint16{1, 2, 3}, "RFC 7766 section 8"},
		{"byte by byte", slices.Collect(slices.Chunk(all, 1)), []uint16{1, 2, 3}, "RFC 7766 section 8"},
		{"an empty message", [][]byte{slices.Concat(one, empty, two)}, []uint16{1, 2}, "no query, and so no reply; the rest is in step"},
		{"a response", [][]byte{slices.Concat(response(t), two)}, []uint16{2}, "RFC 1035 section 7.3: not answered, or servers could loop"},
	}
	s := start(t, records(1), server.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, "tcp", s)
			for _, b := range tt.segments {
				write(t, c, b)
			}
			for _, id := range tt.want {
				wantReply(t, c, id)
			}
			// What comes next is the next question's: nothing was answered beyond.
			write(t, c, framed(t, 99))
			wantReply(t, c, 99)
		})
	}
}

// response returns a message with QR set, framed.
func response(t *testing.T) []byte {
	b := framed(t, 1)
	b[2+2] |= 0x80
	return b
}

// TestOneWrite sees that a reply's length and message come together.
func TestOneWrite(t *testing.T) {
	s := start(t, records(1), server.Config{})
	for range 20 {
		c := dial(t, "tcp", s)
		write(t, c, framed(t, 1))
		b := make([]byte, 512)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if want := 2 + int(binary.BigEndian.Uint16(b)); n != want {
			t.Fatalf("the first segment has %d bytes of a reply of %d (RFC 7766 section 8)", n, want)
		}
		c.Close()
	}
}

func TestHalfClosed(t *testing.T) {
	s := start(t, records(1), server.Config{})
	c := dial(t, "tcp", s)
	write(t, c, slices.Concat(framed(t, 1), framed(t, 2), framed(t, 3)[:7]))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wantReply(t, c, 1)
	wantReply(t, c, 2)
	if b, err := readFrame(c); err != io.EOF {
		t.Errorf("after the last whole message: %x, error %v, want EOF", b, err)
	}
}

func TestLongMessage(t *testing.T) {
	tests := []struct {
		name    string
		records int // of the reply
		want    int // answers
		tc      bool
		reason  string
	}{
		{"query", 1, 1, false, "RFC 1035 section 4.2.2: up to 65535 octets"},
		{"query and reply", 4092, 4092, false, "as many as fit"},
		{"cut reply", 5000, 4094, true, "no longer than its length can say, and TC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, records(tt.records), server.Config{})
			c := dial(t, "tcp", s)
			long := longest(t, 7)
			for range 3 { // in step afterwards
				write(t, c, long)
				b, err := readFrame(c)
				if err != nil {
					t.Fatal(err)
				}
				m := dnstest.Unpack(t, b)
				if len(m.Answer) != tt.want || m.Truncated != tt.tc || m.Id != 7 {
					t.Fatalf("%s: %d bytes, %d answers, TC %t, want %d, %t",
						tt.reason, len(b), len(m.Answer), m.Truncated, tt.want, tt.tc)
				}
			}
		})
	}
}

func TestIdleTimeout(t *testing.T) {
	const idle = 100 * time.Millisecond
	s := open(t, records(1), server.Config{IdleTimeout: idle})
	c := dial(t, "tcp", s)
	write(t, c, framed(t, 1))
	serve(t, s)
	t.Run("at first", func(t *testing.T) {
		wantClosed(t, dial(t, "tcp", s))
	})
	t.Run("after a message", func(t *testing.T) {
		wantReply(t, c, 1)
		wantClosed(t, c)
	})
	t.Run("restarted by each message", func(t *testing.T) {
		steadily(t, idle, func() func() error {
			c := dial(t, "tcp", s)
			return func() error {
				_, _ = c.Write(framed(t, 1)) // an error shows in what is read
				_, err := readFrame(c)
				return err
			}
		})
	})
}

// TestReadTimeout has a client that sends, but no whole message (CVE-2026-32934).
func TestReadTimeout(t *testing.T) {
	s := start(t, records(1), server.Config{IdleTimeout: time.Minute, ReadTimeout: 100 * time.Millisecond})
	tests := []struct {
		name, reason string
		first        []byte
	}{
		{"first message", "a message must be whole in time, however often a byte comes", nil},
		{"later message", "the time is for each message", framed(t, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, "tcp", s)
			write(t, c, append(slices.Clone(tt.first), 0xff, 0xff))
			if tt.first != nil {
				wantReply(t, c, 1)
			}
			dnstest.Eventually(t, "the connection is closed: "+tt.reason, func() bool {
				_, err := c.Write([]byte{0})
				return err != nil
			})
		})
	}
}

// TestReadTimeoutIsForAMessage has a client whose segments each end in the
// middle of a message, for longer than one message may take.
func TestReadTimeoutIsForAMessage(t *testing.T) {
	const limit = 200 * time.Millisecond
	s := start(t, records(1), server.Config{ReadTimeout: limit})
	steadily(t, limit, func() func() error {
		c := dial(t, "tcp", s)
		message := framed(t, 1)
		write(t, c, message[:9])
		return func() error {
			_, _ = c.Write(slices.Concat(message[9:], message[:9]))
			_, err := readFrame(c)
			return err
		}
	})
}

// steadily repeats the steps of a new connection for longer than a limit, which
// must not end it. Where a step fails because the machine stood still for as
// long as the limit is, it begins anew.
func steadily(t *testing.T, limit time.Duration, connect func() (step func() error)) {
	t.Helper()
	for range 20 {
		before := time.Now() // the last step but one: the server's time is from some point in the last one
		step := connect()
		begin := time.Now()
		for last := begin; ; before, last = last, time.Now() {
			if err := step(); err != nil && time.Since(before) < limit/2 {
				t.Fatalf("after %s in steps that are shorter than %s: %v", time.Since(begin), limit/2, err)
			} else if err != nil {
				break
			}
			if time.Since(begin) > 3*limit {
				return
			}
		}
	}
	t.Fatalf("the machine stands still for longer than %s, again and again", limit)
}

// TestWriteTimeout has a client that asks for much and reads nothing.
func TestWriteTimeout(t *testing.T) {
	s := start(t, records(4000), server.Config{WriteTimeout: 100 * time.Millisecond})
	c := dial(t, "tcp", s)
	var err error
	for err == nil {
		_, err = c.Write(framed(t, 1))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
	if r := dnstest.Ask(t, "udp", s.Addr().String(), dnstest.Question("name.example.", dns.TypeA)); r.Rcode != dns.RcodeSuccess {
		t.Errorf("by UDP meanwhile: %v", r)
	}
}

// TestSlowHandlerOfOne sees that a connection waits for its own queries alone.
func TestSlowHandlerOfOne(t *testing.T) {
	slow, release := make(chan struct{}), make(chan struct{})
	s := start(t, resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if q.ID == 1 {
			close(slow)
			<-release
		}
		return records(1).Serve(q, r)
	}), server.Config{})
	waiting, other := dial(t, "tcp", s), dial(t, "tcp", s)
	write(t, waiting, framed(t, 1))
	dnstest.Receive(t, "the slow query", slow)
	write(t, other, framed(t, 2))
	wantReply(t, other, 2)
	close(release)
	wantReply(t, waiting, 1)
}
