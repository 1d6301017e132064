package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// secret is in every place of an object where a secret may be.
const secret = "s3cr3t-word"

// secretive are a Service with endpoints that controllers made, and what no zone is
// made of.
const secretive = `
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {note: s3cr3t-word}, labels: {team: s3cr3t-word}}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, annotations: {note: s3cr3t-word}}
spec:
  serviceName: web
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, team: s3cr3t-word}, annotations: {note: s3cr3t-word}}
    spec:
      containers:
      - {name: web, image: web, env: [{name: PASSWORD, value: s3cr3t-word}], ports: [{name: http, containerPort: 8080}]}
`

// TestFreeze has the zones of a cluster, and of the manifests that it is frozen into,
// be the same.
func TestFreeze(t *testing.T) {
	ns := shared.Namespace(t)
	apply(t, ns, secretive)
	for _, w := range append(append([]world(nil), services[:2]...), handMade...) {
		if strings.Contains(w.objects, "clusterIP: 10.") {
			continue // which TestServices has in use
		}
		apply(t, shared.Namespace(t), w.objects)
	}
	file := filepath.Join(t.TempDir(), "frozen.yaml")
	for _, flags := range [][]string{nil, {"-zone", "example.org"}} {
		var before, after, frozen string
		for deadline := time.Now().Add(time.Minute); ; {
			before = zoneOf(t, append(flags, "-kubeconfig", kubeconfig)...)
			frozen = zoneOf(t, append(flags, "-kubeconfig", kubeconfig, "-o", "manifests")...)
			after = zoneOf(t, append(flags, "-kubeconfig", kubeconfig)...)
			done := true // the controllers are
			for _, pod := range []string{"web-0", "web-1", "web-2"} {
				done = done && strings.Contains(after, "\n"+pod+".web."+ns+".svc.")
			}
			if done && before == after {
				break // nothing changed meanwhile
			}
			if time.Now().After(deadline) {
				t.Fatalf("the cluster does not come to rest (-before +after):\n%s\n%s", cmp.Diff(before, after), after)
			}
		}
		if err := os.WriteFile(file, []byte(frozen), 0o600); err != nil {
			t.Fatal(err)
		}
		thawed := zoneOf(t, append(flags, "-manifests", file)...)
		if diff := cmp.Diff(withoutSOA(after), withoutSOA(thawed)); diff != "" || !strings.Contains(thawed, "web-2.web."+ns) {
			t.Errorf("%v: zones (-cluster +manifests):\n%s", flags, diff)
		}
		if strings.Contains(frozen, secret) || !strings.Contains(frozen, "hostname: web-2") {
			t.Errorf("%v: with a secret, or without a pod:\n%s", flags, frozen)
		}
		if again := zoneOf(t, append(flags, "-manifests", file, "-o", "manifests")...); again != frozen {
			t.Errorf("%v: frozen again (-first +second):\n%s", flags, cmp.Diff(frozen, again))
		}
	}
}

// zoneOf returns what rollcall zone prints.
func zoneOf(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var log strings.Builder
	cmd := exec.CommandContext(ctx, program, append([]string{"zone"}, args...)...)
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rollcall zone %q: %v\n%s", args, err, log.String())
	}
	return string(out)
}

// withoutSOA returns a zone's lines but those with its serial, which counts changes.
func withoutSOA(zone string) (lines []string) {
	for line := range strings.Lines(zone) {
		if !strings.Contains(line, "\tSOA\t") {
			lines = append(lines, line)
		}
	}
	return lines
}
