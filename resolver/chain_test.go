package resolver_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/zone"
)

// chain returns the handlers that kubeadm's directives configure, over a zone:
// prometheus, errors, loadbalance, kubernetes with a fallthrough.
func chain(t testing.TB, z *zone.Zone) resolver.Handler {
	t.Helper()
	var h resolver.Handler = &kubernetes.Handler{
		Zone:        z,
		Fallthrough: []zone.Name{dnstest.Name(t, "in-addr.arpa"), dnstest.Name(t, "ip6.arpa")},
		Next:        resolver.Refuse{},
	}
	h = &loadbalance.Handler{Next: h}
	h = errorlog.New(errorlog.Config{}, slog.New(slog.NewTextHandler(io.Discard, nil)), h)
	metrics, err := prometheus.NewMetrics(promclient.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	mux := &resolver.Mux{Otherwise: metrics.Handler("dns://:53", "", nil, resolver.Refuse{})}
	mux.Handle(wire.Root, metrics.Handler("dns://:53", "", []zone.Name{wire.Root}, h))
	return mux
}

func TestNoAllocations(t *testing.T) {
	tests := []struct {
		name     string
		question string
		typ      uint16
		rcode    int
		answers  int
	}{
		{"A", "web.default.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, 1},
		{"A of a headless Service", "db.default.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, 3},
		{"AAAA", "web.default.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, 1},
		{"SRV", "_sql._tcp.db.default.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, 3},
		{"PTR", "2.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, 1},
		{"CNAME followed", "in.default.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, 2},
		{"NXDOMAIN", "nothing.default.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, 0},
		{"NODATA", "db.default.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, 0},
		{"REFUSED", "example.com.", dns.TypeA, dns.RcodeRefused, 0},
	}
	responder := resolver.Responder{Handler: chain(t, dnstest.Zone(t))}
	x := dnstest.Exchange()
	dst := make([]byte, 0, wire.MaxUDP)
	for _, tt := range tests {
		for _, edns := range []bool{false, true} {
			name := tt.name
			m := dnstest.Question(tt.question, tt.typ)
			if edns {
				name += " with EDNS"
				m.SetEdns0(1232, true)
			}
			t.Run(name, func(t *testing.T) {
				packet := dnstest.Pack(t, m)
				r := dnstest.Unpack(t, responder.Respond(x, packet, dst))
				if r.Rcode != tt.rcode || len(r.Answer) != tt.answers {
					t.Fatalf("not the answer that is to be measured:\n%v", r)
				}
				if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, dst) }); n != 0 {
					t.Errorf("%v allocations, want none on the way of an authoritative answer", n)
				}
			})
		}
	}
}

func BenchmarkRespond(b *testing.B) {
	responder := resolver.Responder{Handler: chain(b, dnstest.Zone(b))}
	for _, name := range []string{"web.default.svc.cluster.local.", "nothing.default.svc.cluster.local."} {
		packet := dnstest.Pack(b, dnstest.EDNS(dnstest.Question(name, dns.TypeA), 1232))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				x, dst := dnstest.Exchange(), make([]byte, 0, wire.MaxUDP)
				for pb.Next() {
					responder.Respond(x, packet, dst)
				}
			})
		})
	}
}
