package prometheus_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// TestTruncated asks for a headless Service of 5,000 endpoints: 64 KiB do not hold
// its SRV records, nor 512 octets its addresses.
func TestTruncated(t *testing.T) {
	z := dnstest.Zone(t)
	const endpoints, each = 5000, 100
	ports := []zone.Port{{Name: "p", Protocol: zone.TCP, Number: 1}}
	z.Apply(zone.Event{Op: zone.Put, Object: &zone.Service{Meta: zone.Meta{Namespace: "default", Name: "big"}, Type: zone.Headless, Ports: ports}})
	for at := 0; at < endpoints; at += each {
		s := &zone.EndpointSlice{Meta: zone.Meta{Namespace: "default", Name: fmt.Sprint("big-", at)}, Service: "big", Ports: ports}
		for i := at; i < at+each; i++ {
			s.Endpoints = append(s.Endpoints, zone.Endpoint{
				Hostname: fmt.Sprint("pod-", i), Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})}, Ready: true, Serving: true,
			})
		}
		z.Apply(zone.Event{Op: zone.Put, Object: s})
	}
	registry, m := newMetrics(t)
	responder := resolver.Responder{Handler: counted(t, m, z)}
	ask := func(transport resolver.Transport, name string, typ uint16) (*dns.Msg, []byte) {
		x := dnstest.Exchange()
		x.Query.Transport = transport
		out := responder.Respond(x, dnstest.Pack(t, dnstest.Question(name, typ)), nil)
		return dnstest.Unpack(t, out), out
	}
	const srv = "_p._tcp.big.default.svc.cluster.local."
	reply, first := ask(resolver.TCP, srv, dns.TypeSRV)
	if n := len(reply.Answer); !reply.Truncated || n < 1000 || n == endpoints || len(reply.Extra) > 0 || len(first) > wire.MaxTCP {
		t.Errorf("by TCP %d SRV records and %d more in %d octets, TC %v; want those that fit", n, len(reply.Extra), len(first), reply.Truncated)
	}
	if _, second := ask(resolver.TCP, srv, dns.TypeSRV); !bytes.Equal(first, second) {
		t.Error("asked again, other records fit")
	}
	if reply, _ := ask(resolver.UDP, "big.default.svc.cluster.local.", dns.TypeA); !reply.Truncated {
		t.Error("by UDP 5,000 addresses fit")
	}
	ask(resolver.UDP, "web.default.svc.cluster.local.", dns.TypeA)
	ask(resolver.TCP, "other.local.", dns.TypeA)
	want := []string{
		`rollcall_replies_truncated_total{proto="tcp",server="dns://:53",view="",zone="cluster.local."} 2`,
		`rollcall_replies_truncated_total{proto="tcp",server="dns://:53",view="",zone="dropped"} 0`,
		`rollcall_replies_truncated_total{proto="tcp",server="dns://:53",view="",zone="local."} 0`,
		`rollcall_replies_truncated_total{proto="udp",server="dns://:53",view="",zone="cluster.local."} 1`,
		`rollcall_replies_truncated_total{proto="udp",server="dns://:53",view="",zone="dropped"} 0`,
		`rollcall_replies_truncated_total{proto="udp",server="dns://:53",view="",zone="local."} 0`,
	}
	if diff := cmp.Diff(want, scrape(t, registry, "rollcall_replies_truncated_total")); diff != "" {
		t.Errorf("there from the start, so that the first is a change (-want +got):\n%s", diff)
	}
}

// TestExtendedRcodes counts rcodes above those of the header as themselves.
func TestExtendedRcodes(t *testing.T) {
	registry, m := newMetrics(t)
	for _, rcode := range []wire.Rcode{wire.NotImp, wire.BadVers, 23, 3841} {
		h := m.Handler("dns://:53", "", nil, resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
			r.SetRcode(rcode)
			return resolver.Coded
		}))
		dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("a.", dns.TypeA), 1232))
	}
	want := []string{
		`coredns_dns_responses_total{plugin="",rcode="BADVERS",server="dns://:53",view="",zone="dropped"} 1`,
		`coredns_dns_responses_total{plugin="",rcode="NOTIMP",server="dns://:53",view="",zone="dropped"} 1`,
		`coredns_dns_responses_total{plugin="",rcode="RCODE23",server="dns://:53",view="",zone="dropped"} 2`,
	}
	if diff := cmp.Diff(want, scrape(t, registry, "coredns_dns_responses_total")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
