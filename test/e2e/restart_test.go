package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

const lasting = `
apiVersion: v1
kind: Service
metadata: {name: lasting}
spec: {clusterIP: 10.96.0.130, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: set}
spec: {clusterIP: None, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: set-1, labels: {kubernetes.io/service-name: set}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}]
endpoints: [{addresses: [10.200.20.1], hostname: one, conditions: {ready: true}}]
`

var lastingRows = []row{
	{ask: "lasting A", want: []string{"lasting A 10.96.0.130"}, reason: "2.3.1"},
	{ask: "lasting AAAA", reason: "2.3.1"},
	{ask: "set A", want: []string{"set A 10.200.20.1"}, reason: "2.4.1"},
	{ask: "one.set A", want: []string{"one.set A 10.200.20.1"}, reason: "2.4.1"},
	{ask: "nobody A", rcode: nxdomain, reason: "it is known that there is none"},
	pointer("10.200.20.1", []string{"one.set"}),
}

// TestAPIServerAway is not parallel: it takes the API server away from everyone.
func TestAPIServerAway(t *testing.T) {
	ctx := t.Context()
	ns := shared.Namespace(t)
	apply(t, ns, lasting)
	verify(t, ns, lastingRows...)

	if err := shared.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // as long as its reconnects fail
		for _, r := range lastingRows {
			for _, tcp := range []bool{false, true} {
				if err := r.check(ctx, ns, tcp); err != nil {
					t.Errorf("while the API server is away: %v", err)
				}
			}
		}
	}
	if *peer == "rollcall" { // a second server is not part of checking the tests
		startsWithoutAPIServer(t, ns)
	} else if err := shared.StartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}

	apply(t, ns, strings.NewReplacer("10.200.20.1", "10.200.20.2", "10.96.0.130, ports", "10.96.0.130, externalIPs: [192.0.2.9], ports").Replace(lasting))
	verify(t, ns,
		row{ask: "lasting A", want: []string{"lasting A 10.96.0.130"}, reason: "what stayed"},
		row{ask: "set A", want: []string{"set A 10.200.20.2"}, reason: "what changed after the restart"},
		row{ask: "one.set A", want: []string{"one.set A 10.200.20.2"}, reason: "what changed after the restart"},
		pointer("10.200.20.1", nil), pointer("10.200.20.2", []string{"one.set"}))
}

// startsWithoutAPIServer starts a second rollcall while there is no API server:
// it answers nothing that it does not know, and says so. Then it starts the API
// server, and the second rollcall has to learn of it.
func startsWithoutAPIServer(t *testing.T, namespace string) {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	conf := filepath.Join(dir, "Corefile")
	if err := writeCorefile(conf, directives(kubeconfig)); err != nil {
		t.Fatal(err)
	}
	second := rollcall.Start(t, program, "serve", "-conf", conf)
	for _, name := range []string{"lasting", "nobody", reverse("10.200.20.1")} {
		q := dnsquery.Question{Name: absolute(name, namespace), Type: "A"}
		got, err := second.Dig(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rcode != "SERVFAIL" || !strings.HasPrefix(got.EDE, "14 ") {
			t.Errorf("%s before anything is known: %s with EDE %q, want SERVFAIL with 14 (Not Ready)", q, got.Rcode, got.EDE)
		}
	}
	if err := shared.StartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second server has synced", func(ctx context.Context) error {
		got, err := second.Dig(ctx, dnsquery.Question{Name: absolute("lasting", namespace), Type: "A"})
		if err == nil && len(got.Answer) != 1 {
			err = fmt.Errorf("%w: %s", errNotYet, got.Rcode)
		}
		return err
	})
}
