package assemble_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// These tests hold what docs/security.md says of advisories, where it takes more
// than one part of the program.

// A source is a server to forward to. Each name has the address 203.0.113.1, for
// as long as a TTL can be written.
type source struct {
	addr string

	mu    sync.Mutex
	asked []string // names; guarded by mu
}

func startSource(t *testing.T) *source {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &source{addr: c.LocalAddr().String()}
	server := &dns.Server{PacketConn: c, Handler: s}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		c.Close()
		dnstest.Receive(t, "the source's end", ended)
	})
	return s
}

// ServeDNS implements dns.Handler.
func (s *source) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	s.mu.Lock()
	s.asked = append(s.asked, strings.ToLower(m.Question[0].Name))
	s.mu.Unlock()
	r := new(dns.Msg).SetReply(m)
	r.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: math.MaxUint32},
		A:   net.IPv4(203, 0, 113, 1),
	}}
	_ = w.WriteMsg(r)
}

// queries returns the names that it was asked for.
func (s *source) queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// write writes a file into a new folder, and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNamespaceOfTLD is CVE-2022-2837 and CVE-2022-2835: whoever may make a
// namespace called "com" or "svc" gets no name outside of the cluster's zone. What
// a search path makes of such names is in the zone, and answered as any other.
func TestNamespaceOfTLD(t *testing.T) {
	objects := write(t, "objects.yaml", `
apiVersion: v1
kind: Service
metadata: {name: google, namespace: com}
spec: {clusterIP: 10.0.0.66, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: default, namespace: svc}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: default-1, namespace: svc, labels: {kubernetes.io/service-name: default}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.67], hostname: web}]
`)
	s := startSource(t)
	at := start(t, fmt.Sprintf(".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests %s\n}\nforward . %s\n}\n", objects, s.addr)).addr()
	tests := []struct{ name, want, reason string }{
		{"google.com.", "203.0.113.1", "the world's"},
		{"web.default.svc.", "203.0.113.1", "the world's, if it had such a domain"},
		{"com.", "203.0.113.1", "a namespace is no name"},
		{"google.com.svc.cluster.local.", "10.0.0.66", "the Service, by its name"},
		{"web.default.svc.svc.cluster.local.", "10.0.0.67", "the endpoint, by its name"},
		{"google.com.cluster.local.", "NXDOMAIN", "the zone has no such name"},
		{"google.com.default.svc.cluster.local.", "NXDOMAIN", "nor this one"},
	}
	for _, tt := range tests {
		if got := lookup(t, at, tt.name); got != tt.want {
			t.Errorf("%s (%s): got %s, want %s", tt.name, tt.reason, got, tt.want)
		}
	}
}

// TestFinalName is CVE-2026-26017: acl judges the name that is answered, whatever
// led there, and a reply from the cache like any other.
func TestFinalName(t *testing.T) {
	s := startSource(t)
	search := write(t, "search.conf", "search default.svc.cluster.local svc.cluster.local cluster.local\n")
	at := start(t, fmt.Sprintf(`.:0 {
    bind 127.0.0.1
    rewrite name exact open.example web.default.svc.cluster.local
    autopath %s
    acl web.default.svc.cluster.local {
        block
    }
    acl example.org {
        block net 127.0.0.2
    }
    template IN A alias.example {
        answer "{{ .Name }} 60 IN CNAME web.default.svc.cluster.local."
    }
    kubernetes cluster.local {
        manifests %s
    }
    cache 30
    forward . %s
}
`, search, manifest(t, "web=10.0.0.1", "open=10.0.0.2"), s.addr)).addr()
	tests := []struct{ name, from, want, reason string }{
		{"open.default.svc.cluster.local.", "127.0.0.1", "10.0.0.2", "nobody forbids it"},
		{"web.default.svc.cluster.local.", "127.0.0.1", "REFUSED", "forbidden"},
		{"WEB.Default.svc.cluster.LOCAL.", "127.0.0.1", "REFUSED", "in any case"},
		{"open.example.", "127.0.0.1", "REFUSED", "rewritten to what is forbidden"},
		{"alias.example.", "127.0.0.1", "NOERROR", "an alias of what is forbidden, without its address"},
		{"web.default.default.svc.cluster.local.", "127.0.0.1", "NXDOMAIN", "on the search path of what is forbidden"},
		{"www.example.org.", "127.0.0.1", "203.0.113.1", "allowed, and cached"},
		{"www.example.org.", "127.0.0.2", "REFUSED", "cached, and forbidden to this client"},
	}
	for _, tt := range tests {
		c := dns.Client{Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(tt.from)}, Timeout: 30 * time.Second}}
		reply, _, err := c.Exchange(dnstest.Question(tt.name, dns.TypeA), at)
		if err != nil {
			t.Fatal(err)
		}
		got := dns.RcodeToString[reply.Rcode]
		for _, rr := range reply.Answer {
			if a, ok := rr.(*dns.A); ok {
				got = a.A.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s from %s (%s): got %s, want %s", tt.name, tt.from, tt.reason, got, tt.want)
		}
	}
	if n := len(s.queries()); n != 1 {
		t.Errorf("the server behind was asked for %q, want one name", s.queries())
	}
}

// TestLongestTTL is CVE-2025-58063: whatever a TTL is made of, it is none that
// clients take for another (RFC 2181 section 8).
func TestLongestTTL(t *testing.T) {
	s := startSource(t)
	zone := write(t, "zone", "$TTL 4294967295\n@ SOA ns admin 1 60 60 60 4294967295\n@ NS ns\nns A 192.0.2.1\n")
	at := start(t, fmt.Sprintf(`.:0 {
    bind 127.0.0.1
    rewrite ttl exact rewritten.example 4294967295
    template IN A template.example {
        answer "{{ .Name }} 4294967295 IN A 192.0.2.1"
    }
    file %s file.example
    cache 2147483647
    forward . %s
}
`, zone, s.addr)).addr()
	for _, name := range []string{"template.example.", "ns.file.example.", "none.file.example.", "forwarded.example.", "rewritten.example."} {
		for range 2 { // the second may come from the cache
			reply := dnstest.Ask(t, "udp", at, dnstest.Question(name, dns.TypeA))
			records := append(reply.Answer, reply.Ns...)
			if len(records) == 0 {
				t.Errorf("%s: no record in\n%v", name, reply)
			}
			for _, rr := range records {
				if ttl := rr.Header().Ttl; ttl > math.MaxInt32 || ttl < math.MaxInt32-10 {
					t.Errorf("%s: TTL %d, want 2^31-1, or a bit less", rr.Header().Name, ttl)
				}
			}
		}
	}
	for _, text := range []string{"kubernetes cluster.local {\nttl 4294967296\n}", "hosts {\nttl 4294967296\n}", "cache 4294967296", "rewrite ttl exact a. 4294967296"} {
		if _, err := tryLoad(".:0 {\n" + text + "\n}\n"); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// A door is a way in: it sends a packet, and returns what comes back.
type door func(t *testing.T, packet []byte) []byte

// doors runs the same directives behind every scheme.
func doors(t *testing.T, directives string) map[string]door {
	t.Helper()
	cert, key, roots := dnstest.Certificate(t, t.TempDir(), "dns.example")
	block := func(scheme string) string {
		return fmt.Sprintf("%s://.:0 {\nbind 127.0.0.1\n%s\n}\n", scheme, directives)
	}
	secure := fmt.Sprintf("\ntls %s %s", cert, key)
	plain := start(t, block("dns")).addr()
	byTLS := start(t, strings.Replace(block("tls"), "\n", secure+"\n", 1)).addr()
	byHTTPS := start(t, strings.Replace(block("https"), "\n", secure+"\n", 1)).addr()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, Timeout: 30 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	over := func(dial func() (net.Conn, error)) door {
		return func(t *testing.T, packet []byte) []byte {
			t.Helper()
			c, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conn := &dns.Conn{Conn: c, UDPSize: 4096}
			if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(packet); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, dns.MaxMsgSize)
			n, err := conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			return b[:n]
		}
	}
	return map[string]door{
		"udp": over(func() (net.Conn, error) { return net.Dial("udp", plain) }),
		"tcp": over(func() (net.Conn, error) { return net.Dial("tcp", plain) }),
		"tls": over(func() (net.Conn, error) {
			return tls.Dial("tcp", byTLS, &tls.Config{RootCAs: roots, NextProtos: []string{"dot"}})
		}),
		"https": func(t *testing.T, packet []byte) []byte {
			t.Helper()
			r, err := client.Post("https://"+byHTTPS+"/dns-query", "application/dns-message", bytes.NewReader(packet))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != http.StatusOK {
				t.Fatalf("%s, %v: %s", r.Status, err, b)
			}
			return b
		},
	}
}

// TestEveryDoor is of advisories whose one cause was a second way in without the
// checks of the first: what none may let in, for all of them.
func TestEveryDoor(t *testing.T) {
	s := startSource(t)
	zone := write(t, "zone", "$TTL 60\n@ SOA ns admin 1 60 60 60 60\n@ NS ns\nns A 192.0.2.1\n")
	dir := manifest(t, "web=10.0.0.1")
	all := doors(t, fmt.Sprintf("file %s file.example\nkubernetes cluster.local {\nmanifests %s\n}\nforward . %s", zone, dir, s.addr))

	ask := func(name string, typ uint16) *dns.Msg { return dnstest.Question(name, typ) }
	opcode := func(m *dns.Msg, opcode int) []byte { m.Opcode = opcode; return dnstest.Pack(t, m) }
	signed := func(name, algorithm, secret string) []byte {
		m := ask("www.example.org.", dns.TypeA)
		m.SetTsig(name, algorithm, 300, time.Now().Unix())
		packet, _, err := dns.TsigGenerate(m, secret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		return packet
	}
	questions := binary.BigEndian.AppendUint16([]byte{0x12, 0x34, 1, 0}, 16377)
	questions = append(questions, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 0, 0, 1, 0, 1)
	for len(questions)+6 <= dns.MaxMsgSize {
		questions = append(questions, 0xc0, 0x0c, 0, 1, 0, 1)
	}
	tests := []struct {
		name   string
		packet []byte
		rcode  int
		reason string
	}{
		{"query", dnstest.Pack(t, ask("web.default.svc.cluster.local.", dns.TypeA)), dns.RcodeSuccess, "the plain case"},
		{"update", opcode(ask("example.org.", dns.TypeSOA), dns.OpcodeUpdate), dns.RcodeNotImplemented, "CVE-2026-86003: it would be forwarded with the server's own address"},
		{"status", opcode(ask("example.org.", dns.TypeSOA), dns.OpcodeStatus), dns.RcodeNotImplemented, "CVE-2026-86003: likewise"},
		{"iquery", opcode(ask("example.org.", dns.TypeSOA), dns.OpcodeIQuery), dns.RcodeNotImplemented, "CVE-2026-86003: likewise"},
		{"stateful", opcode(ask("example.org.", dns.TypeSOA), 6), dns.RcodeNotImplemented, "CVE-2026-86003: likewise"},
		{"notify", opcode(ask("file.example.", dns.TypeSOA), dns.OpcodeNotify), dns.RcodeNotAuth, "CVE-2026-86003: likewise"},
		{"signature", signed("key.example.", dns.HmacSHA256, "c2VjcmV0"), dns.RcodeNotAuth, "CVE-2026-33190, CVE-2026-35579: no signature can be verified"},
		{"many questions", questions, dns.RcodeFormatError, "CVE-2026-82399: refused by the header"},
		{"transfer", dnstest.Pack(t, ask("file.example.", dns.TypeAXFR)), dns.RcodeRefused, "CVE-2026-33489: no zone is transferred to anybody"},
		{"transfer of the cluster", dnstest.Pack(t, ask("Cluster.Local.", dns.TypeAXFR)), dns.RcodeRefused, "CVE-2026-33489: likewise"},
		{"transfer from elsewhere", dnstest.Pack(t, ask("example.org.", dns.TypeIXFR)), dns.RcodeRefused, "CVE-2026-33489: likewise"},
	}
	for way, send := range all {
		for _, tt := range tests {
			t.Run(way+" "+tt.name, func(t *testing.T) {
				if way == "udp" && len(tt.packet) > 4096 {
					tt.packet = tt.packet[:4096]
				}
				reply := dnstest.Unpack(t, send(t, tt.packet))
				if reply.Rcode != tt.rcode || reply.Id != binary.BigEndian.Uint16(tt.packet) {
					t.Errorf("%s: got\n%v\nwant %s", tt.reason, reply, dns.RcodeToString[tt.rcode])
				}
				if tt.name != "query" && len(reply.Answer) > 0 {
					t.Errorf("%s: got\n%v\nwant no records", tt.reason, reply)
				}
				if tt.name == "signature" {
					if sig := reply.IsTsig(); sig == nil || sig.Error != dns.RcodeBadKey || sig.MACSize != 0 {
						t.Errorf("%s: got\n%v\nwant BADKEY, unsigned (RFC 8945 section 5.2.1)", tt.reason, reply)
					}
				}
			})
		}
	}
	if n := s.queries(); len(n) > 0 {
		t.Errorf("the server behind was asked for %q, want nothing", n)
	}
}
