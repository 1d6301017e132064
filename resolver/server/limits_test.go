package server_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// dialFrom connects to s by TCP from a host.
func dialFrom(t *testing.T, s *server.Server, host string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	c, err := d.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// answered reports whether s answers on a connection.
func answered(t *testing.T, c net.Conn) bool {
	t.Helper()
	_, _ = c.Write(framed(t, 1)) // a closed connection shows in what is read
	_, err := readFrame(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("neither answered nor closed")
	}
	return err == nil
}

// TestDefaults sees that a server that is told nothing has all bounds and timeouts
// (CVE-2025-68151).
func TestDefaults(t *testing.T) {
	c := server.WithDefaults(server.Config{})
	for name, n := range map[string]int{
		"MaxConns": c.MaxConns, "MaxConnsPerSource": c.MaxConnsPerSource, "MaxPerConn": c.MaxPerConn, "MaxWaiting": c.MaxWaiting,
	} {
		if n <= 0 || n > 1<<16 {
			t.Errorf("%s is %d", name, n)
		}
	}
	for name, d := range map[string]time.Duration{"IdleTimeout": c.IdleTimeout, "ReadTimeout": c.ReadTimeout, "WriteTimeout": c.WriteTimeout} {
		if d <= 0 || d > time.Minute {
			t.Errorf("%s is %v", name, d)
		}
	}
}

// TestMaxConns opens more connections than there may be: none takes anything (CVE-2025-68151).
func TestMaxConns(t *testing.T) {
	tests := []struct {
		name          string
		config        server.Config
		first, second []string // from where connections come; those of second are closed
		reason        string
	}{
		{
			name: "in all", config: server.Config{MaxConns: 3},
			first: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, second: []string{"127.0.0.1", "127.0.0.4"},
			reason: "RFC 9210 section 4.3: a limit of connections",
		},
		{
			name: "of one source", config: server.Config{MaxConnsPerSource: 2},
			first: []string{"127.0.0.1", "127.0.0.1", "127.0.0.2"}, second: []string{"127.0.0.1"},
			reason: "RFC 7766 section 6.2.2: no client takes all",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, records(1), tt.config)
			var open []net.Conn
			for _, host := range tt.first {
				c := dialFrom(t, s, host)
				if open = append(open, c); !answered(t, c) {
					t.Fatalf("a connection from %s below the limit is closed", host)
				}
			}
			for _, host := range tt.second {
				if answered(t, dialFrom(t, s, host)) {
					t.Errorf("%s: a connection from %s over the limit is answered", tt.reason, host)
				}
			}
			if r := dnstest.Ask(t, "udp", s.Addr().String(), dnstest.Question("name.example.", dns.TypeA)); r.Rcode != dns.RcodeSuccess {
				t.Errorf("by UDP meanwhile: %v", r)
			}
			for _, c := range open {
				if !answered(t, c) {
					t.Error("an open connection was closed for others")
				}
			}
			open[0].Close()
			dnstest.Eventually(t, "a connection in the place of a closed one", func() bool {
				return answered(t, dialFrom(t, s, tt.first[0]))
			})
		})
	}
}

// TestGarbage sends by UDP what is no query, a query after each: that must be
// answered, and what is to get silence must have got it.
func TestGarbage(t *testing.T) {
	const id = 4242 // of the queries in between
	query := framed(t, 1)[2:]
	reply := slices.Clone(query)
	reply[2] |= 0x80
	// Each begins as a query does, up to somewhere: what is parsed last is
	// everything from the header to what comes after the question.
	random := make([][]byte, 500)
	for i, rng := 0, rand.New(rand.NewPCG(1, 2)); i < len(random); i++ {
		b := make([]byte, rng.IntN(600))
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		copy(b, query[:rng.IntN(len(query)+1)])
		random[i] = b
	}
	tests := []struct {
		name    string
		packets [][]byte
		silence bool
		reason  string
	}{
		{"nothing", [][]byte{{}}, true, "an empty packet asks nothing"},
		{"short", [][]byte{{0}, query[:11], bytes.Repeat([]byte{0xff}, 11)}, true, "shorter than a header: RFC 1035 section 4.1.1"},
		{"a reply", [][]byte{reply, reply[:12]}, true, "replies are not answered, or two servers could loop"},
		{"random", random, false, "nothing that comes can end a reader"},
	}
	s := start(t, records(1), server.Config{Readers: 1})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, "udp", s)
			rcodes := make(map[int]int) // of replies to garbage
			for _, b := range tt.packets {
				// The server has one reader, so that replies come in this order.
				write(t, c, b)
				write(t, c, framed(t, id)[2:])
				for {
					m, err := (&dns.Conn{Conn: c, UDPSize: 4096}).ReadMsg()
					if err != nil {
						t.Fatalf("%s: after %x: %v", tt.reason, b, err)
					}
					if m.Id == id {
						if len(m.Answer) != 1 {
							t.Fatalf("%s: after %x:\n%v", tt.reason, b, m)
						}
						break
					}
					if rcodes[m.Rcode]++; tt.silence || !m.Response {
						t.Errorf("%s: a reply to %x:\n%v", tt.reason, b, m)
					}
				}
			}
			if tt.silence {
				return
			}
			for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeFormatError, dns.RcodeNotImplemented} {
				if rcodes[rcode] == 0 {
					t.Errorf("no packet got %s: they do not reach all of the parser", dns.RcodeToString[rcode])
				}
			}
		})
	}
}

// TestMalformed sends what is to be answered with an rcode of its own.
func TestMalformed(t *testing.T) {
	query := framed(t, 7)[2:]
	edit := func(f func(b []byte) []byte) []byte { return f(slices.Clone(query)) }
	tests := []struct {
		name   string
		packet []byte
		rcode  int
		reason string
	}{
		{"header alone", query[:12], dns.RcodeFormatError, "QDCOUNT 1 and no question"},
		{"cut question", query[:len(query)-1], dns.RcodeFormatError, "RFC 1035 section 4.1.1"},
		{"opcode", edit(func(b []byte) []byte { b[2] |= 0x78; return b }), dns.RcodeNotImplemented, "RFC 8906 section 3.1.4"},
		{"two questions", edit(func(b []byte) []byte { b[5] = 2; return append(b, b[12:]...) }), dns.RcodeFormatError, "RFC 9619"},
		{"long", append(slices.Clone(query), make([]byte, 8000)...), dns.RcodeSuccess, "what comes after the message is ignored, cut or not"},
	}
	s := start(t, records(1), server.Config{})
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			t.Run(network+" "+tt.name, func(t *testing.T) {
				c := &dns.Conn{Conn: dial(t, network, s)}
				if _, err := c.Write(tt.packet); err != nil {
					t.Fatal(err)
				}
				m, err := c.ReadMsg()
				if err != nil {
					t.Fatal(err)
				}
				if m.Rcode != tt.rcode || m.Id != 7 || !m.Response {
					t.Errorf("%s: want %s:\n%v", tt.reason, dns.RcodeToString[tt.rcode], m)
				}
			})
		}
	}
}
