package clients

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// TestLookups asks every client for every row, in a pod whose cluster DNS is
// Rollcall: with kubeadm's Corefile, and where it walks the search path in the
// clients' place, which must come to the same.
func TestLookups(t *testing.T) {
	for _, server := range []struct{ name, addr string }{{"kubeadm", clusterDNS}, {"autopath", walking}} {
		for _, c := range all(t) {
			t.Run(server.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				a := c.start(t, pod{servers: []string{server.addr}})
				for _, r := range rows() {
					if err := r.check(c, a); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestWalks checks that the search path is walked: the answer comes with the first
// question.
func TestWalks(t *testing.T) {
	t.Parallel()
	m := new(dns.Msg).SetQuestion("host.example.org.default.svc.cluster.local.", dns.TypeA)
	for addr, rcode := range map[string]int{clusterDNS: dns.RcodeNameError, walking: dns.RcodeSuccess} {
		reply, _, err := new(dns.Client).Exchange(m, addr+":53")
		if err != nil {
			t.Fatal(err)
		}
		walked := slices.ContainsFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Name == "host.example.org." })
		if reply.Rcode != rcode || walked != (addr == walking) {
			t.Errorf("from %s came\n%v", addr, reply)
		}
	}
}
