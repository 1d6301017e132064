package forward_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// TestFaults is of what an attacker, or a server at fault, sends before the reply,
// or in its place.
func TestFaults(t *testing.T) {
	const right, wrong = "192.0.2.1", "192.0.2.66"
	// before sends what change makes of a reply, packed, and then the right one.
	before := func(change func(t *testing.T, w dns.ResponseWriter, m, r *dns.Msg) []byte) func(*testing.T) dns.HandlerFunc {
		return func(t *testing.T) dns.HandlerFunc {
			return func(w dns.ResponseWriter, m *dns.Msg) {
				if b := change(t, w, m, reply(m, wrong)); b != nil {
					_, _ = w.Write(b)
				}
				_ = w.WriteMsg(reply(m, right))
			}
		}
	}
	always := func(h dns.HandlerFunc) func(*testing.T) dns.HandlerFunc {
		return func(*testing.T) dns.HandlerFunc { return h }
	}
	tests := []struct {
		name    string
		handler func(*testing.T) dns.HandlerFunc
		want    string
		tcp     bool // it is asked by TCP in the end
		reason  string
	}{
		{"none", always(answers(right)), right, false, "the plain case"},
		{"wrong ID", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Id++
			return dnstest.Pack(t, r)
		}), right, false, "RFC 5452 section 9.1, CVE-2023-28452"},
		{"wrong name", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Question[0].Name = "xxx.example.org."
			return dnstest.Pack(t, r)
		}), right, false, "RFC 5452 section 9.1"},
		{"other case", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Question[0].Name = "WWW.example.org."
			return dnstest.Pack(t, r)
		}), right, false, "the question comes back as it was asked"},
		{"wrong type", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Question[0].Qtype = dns.TypeAAAA
			return dnstest.Pack(t, r)
		}), right, false, "RFC 5452 section 9.1"},
		{"wrong class", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Question[0].Qclass = dns.ClassCHAOS
			return dnstest.Pack(t, r)
		}), right, false, "RFC 5452 section 9.1"},
		{"no question", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Question = nil
			return dnstest.Pack(t, r)
		}), right, false, "RFC 5452 section 9.1"},
		{"a query", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Response = false
			return dnstest.Pack(t, r)
		}), right, false, "QR is not set"},
		{"another opcode", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			r.Opcode = dns.OpcodeUpdate
			return dnstest.Pack(t, r)
		}), right, false, "a reply has the query's opcode"},
		{"cut short", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			b := dnstest.Pack(t, r)
			return b[:len(b)-3]
		}), right, false, "malformed, with ID and question right"},
		{"counts too high", before(func(t *testing.T, _ dns.ResponseWriter, _, r *dns.Msg) []byte {
			b := dnstest.Pack(t, r)
			binary.BigEndian.PutUint16(b[6:], 999)
			return b
		}), right, false, "malformed, with ID and question right"},
		{"short", before(func(*testing.T, dns.ResponseWriter, *dns.Msg, *dns.Msg) []byte { return []byte{1, 2, 3} }), right, false, "not even a header"},
		{"spoofed source", before(func(t *testing.T, w dns.ResponseWriter, _, r *dns.Msg) []byte {
			c, err := net.Dial("udp", w.RemoteAddr().String()) // from another port
			if err != nil {
				t.Error(err)
				return nil
			}
			defer c.Close()
			_, _ = c.Write(dnstest.Pack(t, r))
			return nil
		}), right, false, "RFC 5452 section 9.1: from elsewhere, all else right"},
		{"only malformed", always(func(w dns.ResponseWriter, m *dns.Msg) {
			b, _ := reply(m, wrong).Pack()
			_, _ = w.Write(b[:len(b)-3])
		}), "SERVFAIL", false, "nothing else comes"},
		{"silent", always(silent), "SERVFAIL", false, "nothing comes"},
		{"truncated", always(func(w dns.ResponseWriter, m *dns.Msg) {
			r := reply(m, right)
			if w.RemoteAddr().Network() == "udp" {
				r.Truncated, r.Answer = true, nil
			}
			_ = w.WriteMsg(r)
		}), right, true, "RFC 7766 section 5: TC is asked for again by TCP"},
		{"truncated always", always(func(w dns.ResponseWriter, m *dns.Msg) {
			r := reply(m, right)
			r.Truncated = true
			_ = w.WriteMsg(r)
		}), right, true, "part of an answer is better than none"},
		{"closing", always(func(w dns.ResponseWriter, m *dns.Msg) {
			if w.RemoteAddr().Network() == "tcp" {
				_ = w.Close()
				return
			}
			r := reply(m, right)
			r.Truncated = true
			_ = w.WriteMsg(r)
		}), right, true, "likewise: it closes in place of an answer"},
		{"without EDNS", always(func(w dns.ResponseWriter, m *dns.Msg) {
			r := reply(m, right)
			if m.IsEdns0() != nil {
				r = new(dns.Msg)
				r.SetRcode(m, dns.RcodeFormatError)
			}
			_ = w.WriteMsg(r)
		}), right, false, "RFC 6891 section 7: FORMERR without OPT is asked again without"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.handler(t))
			c := config(t, s.target)
			if tt.want != right {
				c.ReadTimeout = soon
			}
			got := ask(t, start(t, c, forward.Deps{}), resolver.UDP, question())
			if got.addr() != tt.want || (s.tcp.Load() > 0) != tt.tcp {
				t.Errorf("%s: got %s, want %s; %d queries by TCP", tt.reason, got.addr(), tt.want, s.tcp.Load())
			}
			if relayed := tt.want == right; got.relayed != relayed || !got.RecursionAvailable || (got.err == nil) != relayed {
				t.Errorf("%s: relayed %v, RA %v, error %v", tt.reason, got.relayed, got.RecursionAvailable, got.err)
			}
			if got.relayed && got.labels["forward/upstream"] != s.addr() {
				t.Errorf("labels %v", got.labels)
			}
		})
	}
}

// TestFaultsOverTCP is of a stream, where nobody else can write.
func TestFaultsOverTCP(t *testing.T) {
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		late := reply(m, "192.0.2.66")
		late.Id++
		_ = w.WriteMsg(late)
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	if got := ask(t, start(t, config(t, s.target), forward.Deps{}), resolver.TCP, question()); got.addr() != "192.0.2.1" || s.udp.Load() > 0 {
		t.Errorf("got %s, %d queries by UDP", got.addr(), s.udp.Load())
	}
}

// TestTransport is of the transport that an upstream is asked by.
func TestTransport(t *testing.T) {
	tests := []struct {
		via         resolver.Transport
		force, udp  bool
		byUDP, byTC int64
		reason      string
	}{
		{resolver.UDP, false, false, 1, 0, "the client's"},
		{resolver.TCP, false, false, 0, 1, "the client's"},
		{resolver.UDP, true, false, 0, 1, "force_tcp"},
		{resolver.TCP, false, true, 1, 0, "prefer_udp"},
		{resolver.UDP, true, true, 0, 1, "force_tcp has precedence"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, answers("192.0.2.1"))
			c := config(t, s.target)
			c.ForceTCP, c.PreferUDP = tt.force, tt.udp
			ask(t, start(t, c, forward.Deps{}), tt.via, question())
			if s.udp.Load() != tt.byUDP || s.tcp.Load() != tt.byTC {
				t.Errorf("%s: %d by UDP, %d by TCP", tt.reason, s.udp.Load(), s.tcp.Load())
			}
		})
	}
}

// TestWhatGoesOut is of the query that an upstream gets.
func TestWhatGoesOut(t *testing.T) {
	asked := make(chan *dns.Msg, 1)
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		asked <- m
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	h := start(t, config(t, s.target), forward.Deps{})
	tests := []struct {
		change func(*dns.Msg)
		want   string
		reason string
	}{
		{func(m *dns.Msg) {}, "WwW.example.org. rd 1232", "EDNS of our own, and the name as it was written"},
		{func(m *dns.Msg) { m.RecursionDesired = false }, "WwW.example.org. 1232", "RD is the client's"},
		{func(m *dns.Msg) { m.CheckingDisabled, m.AuthenticatedData = true, true }, "WwW.example.org. rd cd ad 1232", "CD and AD are"},
		{func(m *dns.Msg) { m.SetEdns0(4096, true) }, "WwW.example.org. rd do 1232", "DO is, the size is not"},
		{func(m *dns.Msg) {
			m.SetEdns0(4096, false)
			m.IsEdns0().Option = []dns.EDNS0{
				&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"},
				&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(198, 51, 100, 0)},
				&dns.EDNS0_PADDING{Padding: make([]byte, 8)},
				&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}},
			}
		}, "WwW.example.org. rd 1232 8 65001", "options of a single hop stay"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			m := dnstest.Question("WwW.example.org", dns.TypeA)
			tt.change(m)
			got := ask(t, h, resolver.UDP, m)
			if diff := cmp.Diff(tt.want, outline(dnstest.Receive(t, "a query", asked))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if got.Question[0].Name != "WwW.example.org." || got.Id != m.Id {
				t.Errorf("%s:\n%v", tt.reason, got.Msg)
			}
		})
	}
}

// outline returns what matters of a query.
func outline(m *dns.Msg) string {
	words := []string{m.Question[0].Name}
	opt := m.IsEdns0()
	for _, f := range []struct {
		name string
		set  bool
	}{{"rd", m.RecursionDesired}, {"cd", m.CheckingDisabled}, {"ad", m.AuthenticatedData}, {"do", opt.Do()}} {
		if f.set {
			words = append(words, f.name)
		}
	}
	words = append(words, fmt.Sprint(opt.UDPSize()))
	for _, o := range opt.Option {
		words = append(words, fmt.Sprint(o.Option()))
	}
	return strings.Join(words, " ")
}

// TestWhatComesBack is of what a client gets of an upstream's reply.
func TestWhatComesBack(t *testing.T) {
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		r := reply(m, "192.0.2.1")
		r.AuthenticatedData = true
		r.Answer[0].Header().Ttl = math.MaxUint32
		r.IsEdns0().Option = []dns.EDNS0{
			&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"},
			&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer, ExtraText: "old"},
		}
		_ = w.WriteMsg(r)
	})
	h := start(t, config(t, s.target), forward.Deps{})
	plain := ask(t, h, resolver.UDP, question())
	if plain.AuthenticatedData || len(plain.Extra) > 0 || !plain.RecursionAvailable || plain.Authoritative {
		t.Errorf("without EDNS and AD:\n%v", plain)
	}
	if ttl := plain.Answer[0].Header().Ttl; ttl != math.MaxInt32 {
		t.Errorf("TTL %d, want 2^31-1 (RFC 2181 section 8)", ttl)
	}
	m := dnstest.EDNS(question(), 1232)
	m.AuthenticatedData = true
	full := ask(t, h, resolver.UDP, m)
	if !full.AuthenticatedData {
		t.Errorf("AD was asked for (RFC 6840 section 5.7):\n%v", full)
	}
	want := []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer, ExtraText: "old"}}
	if diff := cmp.Diff(want, full.IsEdns0().Option); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

// TestEntropy fails where IDs or ports can be guessed (CVE-2019-19794).
func TestEntropy(t *testing.T) {
	var mu sync.Mutex
	ids, ports := map[uint16]int{}, map[string]int{}
	var low [16]int
	s := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		mu.Lock()
		ids[m.Id]++
		low[m.Id&15]++
		ports[w.RemoteAddr().String()]++
		mu.Unlock()
		_ = w.WriteMsg(reply(m, "192.0.2.1"))
	})
	h := start(t, config(t, s.target), forward.Deps{})
	const n = 1600
	for range n {
		ask(t, h, resolver.UDP, question())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ids) < n*9/10 || len(ports) < n*8/10 {
		t.Errorf("%d IDs and %d ports in %d exchanges", len(ids), len(ports), n)
	}
	chi := 0.0
	for _, k := range low {
		d := float64(k) - n/16
		chi += d * d / (n / 16)
	}
	if chi > 60 { // 15 degrees of freedom: less than once in a million runs
		t.Errorf("the low bits of IDs are not even: %v", low)
	}
}
