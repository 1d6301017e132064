package clients

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/process"
)

// TestReady asks every client for a pod that is not ready, then makes it ready, and
// asks the same processes again: nothing may be left of the denial.
func TestReady(t *testing.T) {
	const name, address = "late-0.late.shop", "10.244.1.30"
	lateSlice(t, false)
	clients := all(t)
	var askers []asker
	for _, c := range clients {
		askers = append(askers, c.start(t, pod{servers: []string{clusterDNS}}))
	}
	ask := func(r row) {
		t.Helper()
		for i, c := range clients {
			if err := r.check(c, askers[i]); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	r := row{name: name, full: "late-0.late" + inShop, reason: "the pod is not ready"}
	ask(r)
	lateSlice(t, true)
	r.want, r.reason = []string{address}, "the pod is ready"
	ask(r)
}

// lateSlice writes late.shop's manifest, and returns when Rollcall has read it.
func lateSlice(t *testing.T, ready bool) {
	t.Helper()
	// Readers see the old file or the new, nothing between.
	hidden, file := filepath.Join(manifests(), ".late.yaml"), filepath.Join(manifests(), "late.yaml")
	text := fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: late, namespace: shop}
spec: {clusterIP: None, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: late-1, namespace: shop, labels: {kubernetes.io/service-name: late}}
addressType: IPv4
endpoints:
- {addresses: [10.244.1.30], hostname: late-0, conditions: {ready: %v}}
- {addresses: [10.244.1.31], hostname: sign-%[1]v}
`, ready)
	if err := os.WriteFile(hidden, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, file); err != nil {
		t.Fatal(err)
	}
	sign := fmt.Sprintf("sign-%v.late%s.", ready, inShop)
	err := process.Within(t.Context(), 30*time.Second, func(ctx context.Context) error {
		m := new(dns.Msg)
		m.SetQuestion(sign, dns.TypeA)
		reply, _, err := new(dns.Client).ExchangeContext(ctx, m, clusterDNS+":53")
		if err == nil && len(reply.Answer) != 1 {
			err = fmt.Errorf("no address of %s", sign)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailures asks every client in pods whose cluster DNS does not know, or not
// everything. That must not pass for a denial, which programs take for the truth.
// Where each step of a search path would fail, the name is absolute: glibc and Go
// go on with the next then, and report what the last one gave.
func TestFailures(t *testing.T) {
	web := row{name: "web" + inShop + ".", full: "web" + inShop}
	type lookup struct {
		row     row
		outcome string
		reason  string
	}
	tests := []struct {
		name    string
		servers []string
		lookups []lookup
		but     []string // clients that ask no other server
	}{
		{"not synced", []string{unsynced}, []lookup{
			{web, failed, "SERVFAIL until the first full sync: the client does not know, and may ask again"},
		}, nil},
		{"not synced, and one that is", []string{unsynced, clusterDNS}, []lookup{
			{web, found, "SERVFAIL has the client ask the next server"},
		}, []string{"c-ares", nginx}},
		{"no upstream", []string{cutOff}, []lookup{
			{row{name: "web.shop", full: web.full}, found, "names of the cluster need no upstream"},
			{row{name: "nobody" + inShop + ".", full: "nobody" + inShop}, none, "nor do denials of the cluster's"},
			{row{name: "host.example.org", full: "host.example.org"}, failed, "SERVFAIL for names of the world outside"},
		}, nil},
	}
	for _, c := range all(t) {
		for _, test := range tests {
			if c.options != "" || slices.Contains(test.but, c.name) {
				continue
			}
			t.Run(c.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				p := pod{servers: test.servers}
				if len(p.servers) == 1 {
					p.options = "timeout:2" // musl asks again until that is over
				}
				a := c.start(t, p)
				for _, l := range test.lookups {
					for _, kind := range []string{"ip", "ip4", "one"} {
						if !c.can(kind) {
							continue
						}
						got, err := a.ask(kind, c.written(l.row))
						if err != nil {
							t.Fatal(err)
						}
						if got.outcome != l.outcome && !(l.outcome == failed && got.outcome == none && c.silent()) {
							t.Errorf("%s %s: got %s; want that it is %s (%s)", kind, c.written(l.row), got, l.outcome, l.reason)
						}
					}
				}
			})
		}
	}
}

// silent reports whether the client does not tell a failure from a denial.
func (c client) silent() bool { return c.name == "getent" }
