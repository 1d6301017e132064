package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

func TestLoadWarnings(t *testing.T) {
	const in = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterip: None
---
apiVersion: networking.k8s.io/v1
kind: Ingress
---
apiVersion: networking.k8s.io/v1
kind: Ingress
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: lone}
addressType: IPv4
`
	var log logBuffer
	reg := prometheus.NewRegistry()
	m := newTestManifests(t, ManifestsConfig{Paths: []string{"-"}, Stdin: strings.NewReader(in), Logger: log.logger(), Registerer: reg})
	for range 2 {
		if _, err := m.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`<stdin>:5: unknown field \"spec.clusterip\" is ignored`,
		"kind=Ingress.networking.k8s.io first=<stdin>:7",
		"<stdin>:13: EndpointSlice default/lone has no label kubernetes.io/service-name",
	} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%q is logged %d times, want once; the log is\n%s", want, n, log.String())
		}
	}
	if got := metric(t, reg, "rollcall_manifests_objects_skipped_total", "Ingress"); got != 4 {
		t.Errorf("%v Ingresses counted as skipped, want 4", got)
	}
}

// sliceOf is the manifest of a slice of a Service, with one endpoint that is
// not ready.
func sliceOf(service string) string {
	return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + service + "-1, labels: {kubernetes.io/service-name: " +
		service + "}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]\n"
}

// setOf is the manifest of a StatefulSet whose pods have its name as label.
func setOf(name string, replicas int) string {
	return fmt.Sprintf("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: %[1]s}\nspec:\n  serviceName: %[1]s\n  replicas: %[2]d\n"+
		"  selector: {matchLabels: {app: %[1]s}}\n  template: {metadata: {labels: {app: %[1]s}}}\n", name, replicas)
}

// endpointsOf is the manifest of a Service's Endpoints, as they were written
// before there were slices.
func endpointsOf(service string) string {
	return "apiVersion: v1\nkind: Endpoints\nmetadata: {name: " + service + "}\nsubsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]\n"
}

// TestLoadAdvice has manifests that are valid, and hardly meant.
func TestLoadAdvice(t *testing.T) {
	const orphan, lone = "is not in the manifests", "has no selector and no EndpointSlice"
	for _, tt := range []struct {
		name, in, reason string
		want             string // in one warning; "" for none at all
	}{
		{"whole", headless("web") + "---\n" + sliceOf("web"), "nothing is wrong", ""},
		{"slice alone", headless("web") + "---\n" + sliceOf("web") + "---\n" + sliceOf("other"), "it has no names",
			"<stdin>:12: Service default/other, which the EndpointSlice belongs to, " + orphan},
		{"headless alone", headless("web"), "it has no names", "<stdin>:1: headless Service default/web " + lone},
		{"no such pods", strings.Replace(headless("web"), "None", "None, selector: {app: web}", 1), "it has no names",
			"<stdin>:1: headless Service default/web selects app=web, and no pod has these labels, so it has no names"},
		{"pods to come", strings.Replace(headless("web"), "None", "None, selector: {app: web}", 1) + "---\n" + setOf("web", 0),
			"a set that is scaled to nothing is meant", ""},
		{"set without Service", setOf("web", 1), "its pods have no names",
			"<stdin>:1: StatefulSet default/web has the serviceName web, and there is no such Service"},
		{"an address as name", "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec:\n  type: ExternalName\n  externalName: 192.0.2.7\n",
			"a CNAME leads to a name", "<stdin>:6: spec.externalName: \\\"192.0.2.7\\\" is an address"},
		{"FQDN", headless("web") + "---\n" + strings.NewReplacer("IPv4", "FQDN", "10.0.0.1", "a.example").Replace(sliceOf("web")), "DNS has no record for it",
			"<stdin>:9: addressType: FQDN has no records in DNS, so EndpointSlice default/web-1 has no names"},
		{"Endpoints", headless("web") + "---\n" + endpointsOf("web"), "they are mirrored", ""},
		{"Endpoints alone", endpointsOf("web"), "they have no names", "<stdin>:1: Endpoints default/web belongs to no Service in the manifests, so it has no names"},
		{"case", headless("web") + "---\n" + sliceOf("web") + "---\napiVersion: v1\nkind: service\nmetadata: {name: b}\n",
			"a slip", "<stdin>:12: kind \\\"service\\\" is not known and is skipped; did you mean Service?"},
		{"nothing", "# nothing\n", "a pipe that broke", "standard input has no object that DNS reads"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log logBuffer
			m := newTestManifests(t, ManifestsConfig{Paths: []string{"-"}, Stdin: strings.NewReader(tt.in), Logger: log.logger()})
			for range 2 { // said once
				if _, err := m.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			want := 1
			if tt.want == "" {
				want = 0
			}
			if n := strings.Count(log.String(), "level=WARN"); n != want || !strings.Contains(log.String(), tt.want) {
				t.Errorf("%d warnings, want %d with %s; reason: %s; the log is\n%s", n, want, tt.want, tt.reason, log.String())
			}
		})
	}
	t.Run("noendpoints", func(t *testing.T) {
		var log logBuffer
		m := newTestManifests(t, ManifestsConfig{
			Paths: []string{"-"}, Stdin: strings.NewReader(headless("web") + "---\n" + sliceOf("other")), Logger: log.logger(),
			Kinds: []zone.Kind{zone.Services},
		})
		if _, err := m.Load(t.Context()); err != nil || log.String() != "" {
			t.Errorf("error %v; slices are not wanted, so that none is missing:\n%s", err, log.String())
		}
	})
}

func TestLoadEmptyFolder(t *testing.T) {
	root := t.TempDir()
	full, empty := filepath.Join(root, "full"), filepath.Join(root, "empty")
	write(t, filepath.Join(full, "a.yaml"), headless("a")+"---\n"+sliceOf("a"))
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	m := newTestManifests(t, ManifestsConfig{Paths: []string{full, empty, filepath.Join(full, "a.yaml")}, Logger: log.logger()})
	if _, err := m.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !log.has(empty+" has no object that DNS reads") || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("want a warning of the empty folder and no other, not of a file that was read already:\n%s", &log)
	}
}

// TestPublishNotReady: the EndpointSlice controller writes ready for such a
// Service's endpoints, and so a manifest means it.
func TestPublishNotReady(t *testing.T) {
	for publish, want := range map[bool]bool{true: true, false: false} {
		in := strings.Replace(headless("web"), "clusterIP: None", fmt.Sprintf("clusterIP: None, publishNotReadyAddresses: %t", publish), 1)
		for _, docs := range []string{in + "---\n" + sliceOf("web"), sliceOf("web") + "---\n" + in} {
			sink := newMemSink()
			events, err := newTestManifests(t, ManifestsConfig{Paths: []string{"-"}, Stdin: strings.NewReader(docs)}).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sink.Apply(events...)
			s := sink.Object(zone.EndpointSlices, zone.Key{Namespace: "default", Name: "web-1"}).(*zone.EndpointSlice)
			if got := s.Endpoints[0].Ready; got != want {
				t.Errorf("publishNotReadyAddresses %t: ready %t, want %t", publish, got, want)
			}
		}
	}
}
