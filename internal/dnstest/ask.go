package dnstest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
)

// Client is who asks in questions that come by no socket.
var Client = netip.MustParseAddrPort("192.0.2.1:5353")

// timeout bounds whatever a test waits for. It is long, as it only tells a
// failure from a success.
const timeout = 30 * time.Second

// Question returns a question for a name's records of a type, with RD and ID 1.
func Question(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg)
	m.Id, m.RecursionDesired = 1, true
	m.Question = []dns.Question{{Name: dns.Fqdn(name), Qtype: typ, Qclass: dns.ClassINET}}
	return m
}

// EDNS adds an OPT record with a UDP size to m, and returns m.
func EDNS(m *dns.Msg, size uint16) *dns.Msg { return m.SetEdns0(size, false) }

// Pack returns m in wire form.
func Pack(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatalf("packing %v: %v", m, err)
	}
	return b
}

// Unpack reads a message in wire form.
func Unpack(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("unpacking %x: %v", b, err)
	}
	return m
}

// Exchange returns an Exchange for packets from Client by UDP.
func Exchange() *resolver.Exchange {
	x := new(resolver.Exchange)
	x.Query.Client, x.Query.Local = Client, netip.MustParseAddrPort("127.0.0.1:53")
	x.Query.Received = time.Now()
	return x
}

// Serve has h answer m as if it came by UDP from Client. It returns nil for no
// reply.
func Serve(t testing.TB, h resolver.Handler, m *dns.Msg) *dns.Msg {
	t.Helper()
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(Exchange(), Pack(t, m), nil)
	if len(out) == 0 {
		return nil
	}
	return Unpack(t, out)
}

// Ask asks the server at addr, by the network "udp" or "tcp". An error ends the
// test.
func Ask(t testing.TB, network, addr string, m *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: timeout}
	r, _, err := client.Exchange(m, addr)
	if err != nil {
		t.Fatalf("asking %s by %s: %v", addr, network, err)
	}
	return r
}

// Text returns records as their zone-file lines, with single spaces for tabs.
func Text(records []dns.RR) []string {
	var lines []string
	for _, r := range records {
		lines = append(lines, spaced(r.String()))
	}
	return lines
}

func spaced(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '\t' {
			b[i] = ' '
		}
	}
	return string(b)
}
