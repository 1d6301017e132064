package clients

import "testing"

// TestLookups asks every client for every row, in a pod whose cluster DNS is
// Rollcall with kubeadm's Corefile.
func TestLookups(t *testing.T) {
	for _, c := range all(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := c.start(t, pod{servers: []string{clusterDNS}})
			for _, r := range rows() {
				if err := r.check(c, a); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
