package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// records answers each question with n address records.
func records(n int) resolver.Handler {
	var set []byte
	for i := range n {
		set = wire.AppendRR(set, wire.TypeA, 5, binary.BigEndian.AppendUint32(nil, 0x0a000001+uint32(i)))
	}
	return resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.Authoritative = true
		r.Records(wire.Answer, wire.Question, set)
		return resolver.Answered
	})
}

// start serves handler on 127.0.0.1, or where config says, until the test ends.
func start(t testing.TB, handler resolver.Handler, config server.Config) *server.Server {
	t.Helper()
	s := open(t, handler, config)
	serve(t, s)
	return s
}

// open listens as start does, and does not serve yet: what a client sends first is
// there when the server's timeouts begin, however busy the machine is.
func open(t testing.TB, handler resolver.Handler, config server.Config) *server.Server {
	t.Helper()
	if config.Addr == "" {
		config.Addr = "127.0.0.1:0"
	}
	config.Responder = &resolver.Responder{Handler: handler}
	s, err := listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// serve serves what open has opened, until the test ends.
func serve(t testing.TB, s *server.Server) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Serve()
	}()
	t.Cleanup(func() {
		s.Close()
		dnstest.Receive(t, "Serve's end", ended)
	})
}

// dial connects to s. Reads and writes end the test's patience, not the test.
func dial(t testing.TB, network string, s *server.Server) net.Conn {
	t.Helper()
	c, err := net.Dial(network, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// framed returns a question in wire form, with the length before it that TCP
// has. The ID tells it from others.
func framed(t testing.TB, id uint16) []byte {
	t.Helper()
	m := dnstest.Question("name.example.", dns.TypeA)
	m.Id = id
	b := dnstest.Pack(t, m)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func write(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// readFrame returns the next message of a stream.
func readFrame(c io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// wantReply ends the test unless the next message answers the question id.
func wantReply(t testing.TB, c io.Reader, id uint16) {
	t.Helper()
	b, err := readFrame(c)
	if err != nil {
		t.Fatalf("reading the reply to %d: %v", id, err)
	}
	if m := dnstest.Unpack(t, b); m.Id != id || !m.Response || m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
		t.Fatalf("reply to %d:\n%v", id, m)
	}
}

// wantClosed fails the test unless the server has closed the connection, rather
// than that the test's patience has ended.
func wantClosed(t testing.TB, c io.Reader) {
	t.Helper()
	if n, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open, and gave %d bytes", n)
	}
}

func TestTransportsAgree(t *testing.T) {
	tests := []struct {
		name   string
		msg    *dns.Msg
		reason string
	}{
		{"plain", dnstest.Question("Name.Example.", dns.TypeA), "RFC 1035 section 4.2: one message format"},
		{"EDNS", dnstest.EDNS(dnstest.Question("name.example.", dns.TypeA), 1232), "RFC 6891 section 6.2.1"},
	}
	s := start(t, records(3), server.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			udp := dnstest.Ask(t, "udp", s.Addr().String(), tt.msg)
			tcp := dnstest.Ask(t, "tcp", s.Addr().String(), tt.msg)
			if diff := cmp.Diff(udp.String(), tcp.String()); diff != "" || len(udp.Answer) != 3 {
				t.Errorf("%s (-udp +tcp):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestQueryView(t *testing.T) {
	type view struct {
		transport     resolver.Transport
		client, local string
		received      bool
	}
	seen := make(chan view, 1)
	s := start(t, resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		seen <- view{q.Transport, q.Client.String(), q.Local.String(), time.Since(q.Received) < time.Minute}
		return resolver.NoData
	}), server.Config{})
	for network, transport := range map[string]resolver.Transport{"udp": resolver.UDP, "tcp": resolver.TCP} {
		t.Run(network, func(t *testing.T) {
			c := &dns.Conn{Conn: dial(t, network, s)}
			if err := c.WriteMsg(dnstest.Question("name.example.", dns.TypeA)); err != nil {
				t.Fatal(err)
			}
			want := view{transport, c.LocalAddr().String(), s.Addr().String(), true}
			if got := dnstest.Receive(t, "the query", seen); got != want {
				t.Errorf("handlers see %+v, want %+v", got, want)
			}
		})
	}
}

func TestListen(t *testing.T) {
	s := start(t, records(1), server.Config{})
	if port := s.Addr().Port(); port == 0 {
		t.Error("port 0 was not replaced by the one that was chosen")
	}
	addr := s.Addr().String()
	inUse := fmt.Sprintf("listening: listen tcp4 %s: bind: address already in use", addr)
	responder := &resolver.Responder{Handler: resolver.Refuse{}}
	tests := []struct {
		name   string
		config server.Config
		want   string
	}{
		{"in use", server.Config{Addr: addr, Responder: responder}, inUse},
		{"no port", server.Config{Addr: "127.0.0.1", Responder: responder}, "listening: address 127.0.0.1: missing port in address"},
		{"no responder", server.Config{Addr: "127.0.0.1:0"}, "server: no Responder"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := listen(tt.config)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestListenTCPInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	responder := &resolver.Responder{Handler: resolver.Refuse{}}
	for range 2 { // a second time, as the first must not leave the UDP socket open
		_, err := listen(server.Config{Addr: taken.Addr().String(), Responder: responder})
		var op *net.OpError
		if !errors.As(err, &op) || op.Net != "tcp4" {
			t.Fatalf("error %v, want one of TCP", err)
		}
	}
}

// TestWildcard asks by addresses that the kernel would not choose to reply from:
// clients take only a reply from whom they asked.
func TestWildcard(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		t.Run(addr, func(t *testing.T) {
			s := start(t, records(1), server.Config{Addr: addr})
			hosts := []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}
			if addr != "0.0.0.0:0" {
				hosts = append(hosts, "::1")
			}
			for _, host := range hosts {
				at := net.JoinHostPort(host, fmt.Sprint(s.Addr().Port()))
				for _, network := range []string{"udp", "tcp"} {
					if r := dnstest.Ask(t, network, at, dnstest.Question("name.example.", dns.TypeA)); len(r.Answer) != 1 {
						t.Errorf("%s by %s: %v", at, network, r)
					}
				}
			}
		})
	}
}

func Example() {
	s, err := listen(server.Config{
		Addr:      "127.0.0.1:0",
		Responder: &resolver.Responder{Handler: resolver.Refuse{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	question := new(dns.Msg).SetQuestion("example.com.", dns.TypeA)
	reply, err := dns.Exchange(question, s.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dns.RcodeToString[reply.Rcode])
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// REFUSED
	// <nil>
}
