package server_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// TestShares has clients that ask for long replies which take long, and don't read
// them, so that every place for such queries would be theirs for ever. Those of
// another source are answered meanwhile, by new connections and by an old one.
func TestShares(t *testing.T) {
	const places, each = 512, 40 // more than the part of one
	one, lots := records(1), records(4000)
	late := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		switch {
		case !q.MayWait():
			return resolver.Later
		case q.ID == 1:
			return lots.Serve(q, r)
		}
		return one.Serve(q, r)
	})
	tests := []struct {
		name    string
		clients int
		source  func(i int) string
		reason  string
	}{
		{"one source", 36, func(int) string { return "127.0.1.1" }, "it has a part of the places"},
		{"many sources", 36, func(i int) string { return fmt.Sprint("127.0.1.", i+1) }, "each has a part of those that the others left"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			config, limits := watched(server.Config{MaxWaiting: places, WriteTimeout: time.Hour})
			s := start(t, late, config)
			old := dialFrom(t, s, "127.0.0.2")
			if !answered(t, old) {
				t.Fatal("no answer, with nobody else there")
			}
			for i := range tt.clients {
				c := dialFrom(t, s, tt.source(i))
				defer c.Close()
				if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
					t.Fatal(err)
				}
				write(t, c, queries(t, slices.Repeat([]uint16{1}, each)...))
			}
			if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyFromSourceWaiting {
				t.Errorf("limit %q, want %q", l, server.TooManyFromSourceWaiting)
			}
			for range 20 {
				for _, c := range []net.Conn{old, dialFrom(t, s, "127.0.0.2")} {
					if !answered(t, c) {
						t.Fatal("a connection of another source is closed")
					}
				}
			}
			if _, tcp := s.Waiting(); tcp >= places {
				t.Errorf("%s: all of %d places are taken", tt.reason, places)
			}
		})
	}
}

// TestShareGoesOn sees that places that are given back go to those who wait for one.
func TestShareGoesOn(t *testing.T) {
	p := newPatient()
	config, limits := watched(server.Config{MaxWaiting: 32})
	s := start(t, p, config)
	first, again := dialFrom(t, s, "127.0.0.2"), dialFrom(t, s, "127.0.0.2")
	write(t, first, queries(t, 1, 2, 3, 100))
	p.begun(t, 2)
	if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyFromSourceWaiting {
		t.Errorf("limit %q, want %q", l, server.TooManyFromSourceWaiting)
	}
	wantSilence(t, first, "what is behind a query without a place is not read")
	write(t, again, framed(t, 4))
	dnstest.Receive(t, "the limit", limits) // it is one source by whatever connection
	other := dialFrom(t, s, "127.0.0.3")
	write(t, other, framed(t, 5))
	p.begun(t, 1)
	if _, tcp := s.Waiting(); tcp != 3 {
		t.Errorf("%d places taken, want 3", tcp)
	}
	for range 2 {
		p.release <- struct{}{}
		p.begun(t, 1) // in the place of one that ended
	}
	close(p.release)
	wantReplies(t, first, 1, 2, 3, 100)
	wantReplies(t, again, 4)
	wantReplies(t, other, 5)
	dnstest.Eventually(t, "all places to be free", func() bool { _, tcp := s.Waiting(); return tcp == 0 && s.Sharers() == 0 })
}

// TestShareLeft ends connections that wait for a place.
func TestShareLeft(t *testing.T) {
	dnstest.NoLeaks(t)
	p := newPatient()
	config, limits := watched(server.Config{MaxWaiting: 1})
	s := start(t, p, config)
	first := dialFrom(t, s, "127.0.0.2")
	write(t, first, framed(t, 1))
	p.begun(t, 1)
	second := dialFrom(t, s, "127.0.0.3")
	write(t, second, framed(t, 2))
	if l := dnstest.Receive(t, "the limit", limits); l != server.TooManyWaiting {
		t.Errorf("limit %q, want %q", l, server.TooManyWaiting)
	}
	s.Close()
	dnstest.Eventually(t, "nobody to wait", func() bool { _, tcp := s.Waiting(); return tcp == 0 && s.Sharers() == 0 })
}
