package kubernetes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/zone"
)

// TestExplain sees what clients are told where explain is configured.
func TestExplain(t *testing.T) {
	tests := []struct {
		name, qname string
		typ         uint16
		explain     bool
		edns        uint16 // the size of a reply; 0 for no EDNS
		want        *dns.EDNS0_EDE
		reason      string
	}{
		{"no name", "nothing.default.svc.cluster.local", dns.TypeA, true, 1232, &dns.EDNS0_EDE{ExtraText: "no such Service in the Namespace"}, "RFC 8914 section 4.1: Other Error with a text"},
		{"no data", "db.default.svc.cluster.local", dns.TypeAAAA, true, 1232, &dns.EDNS0_EDE{ExtraText: "the name has addresses of the other family alone"}, "any rcode may have one: RFC 8914 section 1"},
		{"the end of an alias", "gone.default.svc.cluster.local", dns.TypeA, true, 1232, &dns.EDNS0_EDE{ExtraText: "the name that this ExternalName Service leads to: no such Service in the Namespace"}, "the rcode is of the last name"},
		{"success", "web.default.svc.cluster.local", dns.TypeA, true, 1232, nil, "there is nothing to explain"},
		{"not configured", "nothing.default.svc.cluster.local", dns.TypeA, false, 1232, nil, "asked for by the directive alone"},
		{"elsewhere", "example.com", dns.TypeA, true, 1232, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNotAuthoritative}, "it is not ours to tell"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &kubernetes.Handler{Zone: dnstest.Zone(t), Explain: tt.explain, Next: resolver.Refuse{}}
			m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question(tt.qname, tt.typ), tt.edns))
			var got *dns.EDNS0_EDE
			for _, o := range m.IsEdns0().Option {
				got, _ = o.(*dns.EDNS0_EDE)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
	t.Run("without EDNS", func(t *testing.T) {
		h := &kubernetes.Handler{Zone: dnstest.Zone(t), Explain: true, Next: resolver.Refuse{}}
		m := dnstest.Serve(t, h, dnstest.Question("nothing.default.svc.cluster.local", dns.TypeA))
		if m.Rcode != dns.RcodeNameError || m.IsEdns0() != nil {
			t.Errorf("%s, want NXDOMAIN without an OPT record (RFC 6891 section 7)", m)
		}
	})
	t.Run("fallthrough", func(t *testing.T) {
		h := &kubernetes.Handler{Zone: dnstest.Zone(t), Explain: true, Fallthrough: []zone.Name{dnstest.Name(t, ".")}, Next: resolver.Refuse{}}
		m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("nothing.default.svc.cluster.local", dns.TypeA), 1232))
		if got := summary(m); got != "REFUSED 0 answers EDE 20" {
			t.Errorf("%s, want the next handler's own error", got)
		}
	})
}

// Denials cost nothing more where nobody is told why.
func TestExplainAllocations(t *testing.T) {
	tests := []struct {
		name    string
		explain bool
		edns    bool
	}{
		{"not configured", false, true},
		{"client without EDNS", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &kubernetes.Handler{Zone: dnstest.Zone(t), Explain: tt.explain, Next: resolver.Refuse{}}
			for _, m := range []*dns.Msg{
				dnstest.Question("nothing.default.svc.cluster.local", dns.TypeA),
				dnstest.Question("db.default.svc.cluster.local", dns.TypeAAAA),
			} {
				if tt.edns {
					m = dnstest.EDNS(m, 1232)
				}
				packet, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				responder := resolver.Responder{Handler: h}
				x, buf := new(resolver.Exchange), make([]byte, 0, wire.MaxUDP)
				if n := testing.AllocsPerRun(200, func() { responder.Respond(x, packet, buf) }); n != 0 {
					t.Errorf("%s: allocates %v times, want 0", m.Question[0].Name, n)
				}
			}
		})
	}
}
