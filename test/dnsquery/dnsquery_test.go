package dnsquery_test

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
)

func TestMain(m *testing.M) {
	dnsquery.Child()
	os.Exit(m.Run())
}

// server answers from a fixed set of records and notes each question.
type server struct {
	dnsquery.Server
	mu    sync.Mutex
	asked []string // "TRANSPORT NAME TYPE"
}

const zone = `
a.ns.svc.cluster.local. 7 IN A 10.0.0.2
a.ns.svc.cluster.local. 7 IN A 10.0.0.1
a.ns.svc.cluster.local. 7 IN AAAA fd00::1
_p._tcp.a.ns.svc.cluster.local. 7 IN SRV 0 50 80 b.a.ns.svc.cluster.local.
1.0.0.10.in-addr.arpa. 7 IN PTR b.a.ns.svc.cluster.local.
`

func serve(t *testing.T) *server {
	t.Helper()
	udp, tcp := listen(t)
	var records []dns.RR
	for line := range strings.Lines(strings.TrimSpace(zone)) {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	s := &server{Server: dnsquery.Server{Addr: netip.MustParseAddrPort(udp.LocalAddr().String())}}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		question := q.Question[0]
		s.mu.Lock()
		s.asked = append(s.asked, w.LocalAddr().Network()+" "+question.Name+" "+dns.TypeToString[question.Qtype])
		s.mu.Unlock()
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		exists := false
		for _, rr := range records {
			if strings.EqualFold(rr.Header().Name, question.Name) {
				exists = true
				if rr.Header().Rrtype == question.Qtype {
					m.Answer = append(m.Answer, rr)
				}
			}
		}
		if !exists {
			m.Rcode = dns.RcodeNameError
			soa, _ := dns.NewRR("cluster.local. 1 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1")
			m.Ns = append(m.Ns, soa)
		}
		w.WriteMsg(m)
	})
	for _, d := range []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}} {
		go d.ActivateAndServe()
		t.Cleanup(func() { d.Shutdown() })
	}
	return s
}

// listen opens a port for both transports. One that is free for UDP may be
// taken for TCP.
func listen(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			return udp, tcp
		}
		udp.Close()
	}
	t.Fatal("no port is free for both transports")
	return nil, nil
}

func TestDig(t *testing.T) {
	s := serve(t)
	tests := []struct {
		name   string
		q      dnsquery.Question
		want   dnsquery.Answer
		reason string
	}{
		{
			name: "sorted answer",
			q:    dnsquery.Question{Name: "a.ns.svc.cluster.local", Type: "A"},
			want: dnsquery.Answer{
				Rcode: "NOERROR", Flags: []string{"aa", "qr", "rd"}, Question: "a.ns.svc.cluster.local. A",
				Answer: []string{"a.ns.svc.cluster.local. 7 A 10.0.0.1", "a.ns.svc.cluster.local. 7 A 10.0.0.2"},
			},
			reason: "the server sends .2 first",
		},
		{
			name: "negative over TCP, no recursion",
			q:    dnsquery.Question{Name: "B.ns.svc.cluster.local.", Type: "AAAA", TCP: true, Options: []string{"+norecurse"}},
			want: dnsquery.Answer{
				Rcode: "NXDOMAIN", Flags: []string{"aa", "qr"}, Question: "B.ns.svc.cluster.local. AAAA",
				Authority: []string{"cluster.local. 1 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1"},
			},
			reason: "case and authority section are kept",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := s.Dig(t.Context(), test.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
	if want, got := "tcp B.ns.svc.cluster.local. AAAA", s.asked[len(s.asked)-1]; got != want {
		t.Errorf("the server was last asked %q, want %q", got, want)
	}
}

func TestStubUsesTheSearchPath(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		transport := map[bool]string{false: "udp", true: "tcp"}[tcp]
		t.Run(transport, func(t *testing.T) {
			s := serve(t)
			before, err := os.ReadFile("/etc/resolv.conf")
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Stub(t.Context(), []string{"other.svc.cluster.local", "svc.cluster.local"}, tcp,
				dnsquery.Lookup{Kind: "ip4", Name: "a.ns"},
				dnsquery.Lookup{Kind: "ip6", Name: "a.ns"},
				dnsquery.Lookup{Kind: "srv", Name: "_p._tcp.a.ns"},
				dnsquery.Lookup{Kind: "ptr", Name: "10.0.0.1"},
				dnsquery.Lookup{Kind: "ip4", Name: "b.ns"})
			if err != nil {
				t.Fatal(err)
			}
			want := []dnsquery.Found{
				{Values: []string{"10.0.0.1", "10.0.0.2"}},
				{Values: []string{"fd00::1"}},
				{Values: []string{"0 50 80 b.a.ns.svc.cluster.local."}},
				{Values: []string{"b.a.ns.svc.cluster.local."}},
				{NotFound: true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			// The miss in the first element of the path, and then the hit.
			wantAsked := []string{transport + " a.ns.other.svc.cluster.local. A", transport + " a.ns.svc.cluster.local. A"}
			if diff := cmp.Diff(wantAsked, s.asked[:2]); diff != "" {
				t.Errorf("the server was asked (-want +got):\n%s", diff)
			}
			after, err := os.ReadFile("/etc/resolv.conf")
			if err != nil {
				t.Fatal(err)
			}
			if string(after) != string(before) {
				t.Error("the machine's /etc/resolv.conf has changed")
			}
		})
	}
}
