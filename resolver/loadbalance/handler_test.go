package loadbalance_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
)

// TestEachIsFirst asks in the ways in which clients choose IDs: each address
// must be first about equally often in all of them.
func TestEachIsFirst(t *testing.T) {
	const queries = 3000
	tests := []struct {
		name   string
		id     func(i int) uint16
		fresh  bool // an Exchange for each query, as on a TCP connection
		reason string
	}{
		{"one ID", func(int) uint16 { return 0 }, false, "as over HTTPS"},
		{"one ID, new connections", func(int) uint16 { return 0 }, true, "as over HTTPS"},
		{"IDs one after the other", func(i int) uint16 { return uint16(i) }, false, "small stubs count"},
		{"IDs counted down", func(i int) uint16 { return uint16(-i) }, false, "no pattern of IDs may undo the turning"},
		{"IDs by two, new connections", func(i int) uint16 { return uint16(3 * i) }, true, "no pattern of IDs may undo the turning"},
	}
	responder := resolver.Responder{Handler: &loadbalance.Handler{
		Next: &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first := map[string]int{}
			x := dnstest.Exchange()
			for i := range queries {
				if tt.fresh {
					x = dnstest.Exchange()
				}
				m := dnstest.Question("db.default.svc.cluster.local.", dns.TypeA)
				m.Id = tt.id(i)
				r := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
				first[r.Answer[0].(*dns.A).A.String()]++
			}
			// A tenth of all off is 11 standard deviations: never by chance.
			for _, addr := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
				if n := first[addr]; n < queries*7/30 || n > queries*13/30 {
					t.Errorf("%s: %s is first in %d of %d answers", tt.reason, addr, n, queries)
				}
			}
		})
	}
}

// TestSameSet sees that nothing is lost or doubled by turning, and that other
// records stay in their places.
func TestSameSet(t *testing.T) {
	plain := &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}
	h := &loadbalance.Handler{Next: plain}
	tests := []struct {
		question string
		typ      uint16
		inOrder  bool
		reason   string
	}{
		{"db.default.svc.cluster.local.", dns.TypeA, false, "addresses are turned"},
		{"in.default.svc.cluster.local.", dns.TypeA, true, "a CNAME stays before what it leads to"},
		{"_sql._tcp.db.default.svc.cluster.local.", dns.TypeSRV, true, "SRV records have priorities and weights of their own"},
	}
	for _, tt := range tests {
		t.Run(tt.question, func(t *testing.T) {
			want := dnstest.Text(dnstest.Serve(t, plain, dnstest.Question(tt.question, tt.typ)).Answer)
			for range 50 {
				got := dnstest.Text(dnstest.Serve(t, h, dnstest.Question(tt.question, tt.typ)).Answer)
				if !tt.inOrder {
					slices.Sort(got)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", tt.reason, diff)
				}
			}
		})
	}
}

func ExampleHandler() {
	turned := false
	h := &loadbalance.Handler{Next: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		turned = r.Rotate == q.Turn
		return resolver.NoData
	})}
	packet, err := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	responder := resolver.Responder{Handler: h}
	responder.Respond(new(resolver.Exchange), packet, nil)
	fmt.Println(turned)
	// Output: true
}
