package zone

import (
	"testing"

	"github.com/miekg/dns"
)

// A Service's records have the TTL, those of endpoints the headless one, and so
// it stays when a Service turns from one kind to the other.
func TestHeadlessTTL(t *testing.T) {
	const ttl, short = 30, 5
	// The slice has the Service's own address: the record that stays changes its TTL.
	endpoint := slice("ns/db-x", "db", "sql/tcp/1", "10.0.0.9 host=db-0")
	c := testConfig()
	c.TTL, c.HeadlessTTL = ttl, short
	z := newZone(t, c, endpoint)
	tests := []struct {
		name    string
		service *Service
		want    map[string]uint32
		reason  string
	}{
		{"a ClusterIP Service", clusterIP("ns/db", "10.0.0.9", "sql/tcp/1"), map[string]uint32{
			"db.ns.svc.cluster.local A": ttl, "_sql._tcp.db.ns.svc.cluster.local SRV": ttl,
			"db-0.db.ns.svc.cluster.local A": short, "9.0.0.10.in-addr.arpa PTR": short,
		}, "a ClusterIP outlives pods, an endpoint's own name does not"},
		{"turns headless", headless("ns/db"), map[string]uint32{
			"db.ns.svc.cluster.local A": short, "_sql._tcp.db.ns.svc.cluster.local SRV": short,
			"db-0.db.ns.svc.cluster.local A": short, "9.0.0.10.in-addr.arpa PTR": short,
		}, "all that it has now is its endpoints'"},
		{"and back", clusterIP("ns/db", "10.0.0.9", "sql/tcp/1"), map[string]uint32{
			"db.ns.svc.cluster.local A": ttl, "_sql._tcp.db.ns.svc.cluster.local SRV": ttl,
		}, "the same address is the Service's again"},
	}
	for _, tt := range tests {
		z.Apply(Event{Op: Put, Object: tt.service})
		for question, want := range tt.want {
			o, m := exchange(t, z.Snapshot(), ask{text: question})
			if o != Success || len(m.Answer) == 0 {
				t.Fatalf("%s: %s: %s\nreason: %s", tt.name, question, render(o, m), tt.reason)
			}
			for _, rr := range append(m.Answer, glue(m)...) {
				if got := rr.Header().Ttl; got != want {
					t.Errorf("%s: %s: TTL %d, want %d\nreason: %s", tt.name, rr, got, want, tt.reason)
				}
			}
		}
	}
}

// glue returns the addresses of the additional section.
func glue(m *dns.Msg) (rrs []dns.RR) {
	for _, rr := range m.Extra {
		if rr.Header().Rrtype == dns.TypeA {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}
