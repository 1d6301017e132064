package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestConformance asks what Kubernetes' own DNS tests ask (test/e2e/network/dns.go),
// over UDP and TCP, and looks at the whole answer, where those are content with
// any. Each row's reason is the name of the test.
func TestConformance(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: dns-test-service}
spec: {clusterIP: None, selector: {dns-test: "true"}, ports: [{name: http, port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {name: test-service-2}
spec: {clusterIP: 10.96.0.100, selector: {dns-test: "true"}, ports: [{name: http, port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {name: dns-test-service-2}
spec: {clusterIP: None, selector: {dns-test-hostname-attribute: "true"}, ports: [{name: http, port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: dns-test-a, labels: {dns-test: "true"}}
spec: {hostname: dns-querier-1, subdomain: dns-test-service, containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: dns-test-b, labels: {dns-test-hostname-attribute: "true"}}
spec: {hostname: dns-querier-2, subdomain: dns-test-service-2, containers: [{name: c, image: c}]}
`)
	one, two := podIP(t, ns, "dns-test-a"), podIP(t, ns, "dns-test-b")
	const (
		services  = "should provide DNS for services"
		subdomain = "should provide DNS for pods for Subdomain"
	)
	verify(t, ns,
		row{ask: "kubernetes.default.svc.cluster.local. A", want: []string{"kubernetes.default.svc.cluster.local. A 10.96.0.1"}, reason: "should provide DNS for the cluster"},
		row{ask: "dns-test-service A", want: []string{"dns-test-service A " + one}, reason: services},
		row{
			ask: "_http._tcp.dns-test-service SRV", want: []string{"_http._tcp.dns-test-service SRV 0 0 80 dns-querier-1.dns-test-service"},
			extra: []string{"dns-querier-1.dns-test-service A " + one}, reason: services,
		},
		row{
			ask: "_http._tcp.test-service-2 SRV", want: []string{"_http._tcp.test-service-2 SRV 0 0 80 test-service-2"},
			extra: []string{"test-service-2 A 10.96.0.100"}, reason: services,
		},
		pointer("10.96.0.100", []string{"test-service-2"}),
		row{ask: "dns-querier-1.dns-test-service A", want: []string{"dns-querier-1.dns-test-service A " + one}, reason: "should provide DNS for pods for Hostname"},
		row{ask: "dns-querier-2.dns-test-service-2 A", want: []string{"dns-querier-2.dns-test-service-2 A " + two}, reason: subdomain},
		row{ask: "dns-test-service-2 A", want: []string{"dns-test-service-2 A " + two}, reason: subdomain},
	)

	partial := []lookup{
		{"ip4", "kubernetes.default", []string{"10.96.0.1"}},
		{"ip4", "kubernetes.default.svc", []string{"10.96.0.1"}},
		{"ip4", "dns-test-service", []string{one}},
		{"ip4", "dns-test-service." + ns, []string{one}},
		{"ip4", "dns-test-service." + ns + ".svc", []string{one}},
		{"srv", "_http._tcp.dns-test-service." + ns + ".svc", []string{"80 " + absolute("dns-querier-1.dns-test-service", ns)}},
		{"srv", "_http._tcp.test-service-2." + ns + ".svc", []string{"80 " + absolute("test-service-2", ns)}},
		{"ptr", "10.96.0.100", []string{absolute("test-service-2", ns)}},
	}
	long := strings.Repeat("a", 55) + ".test"
	paths := map[string][]string{
		"should resolve DNS of partial qualified names for services":               search(ns),
		"should work with a search path containing an underscore and a single dot": append(search(ns), ".", "_sip._tcp.abc_d.example.com"),
		"should work with more than 6 search paths and 256 characters":             append(search(ns), "b."+long, "c."+long, "d."+long, "e."+long, "f."+long, "g."+long),
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) { verifySearch(t, path, partial...) })
	}
}

// TestConformanceExternalName is "should provide DNS for ExternalName services".
func TestConformanceExternalName(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	steps := []struct {
		name, spec string
		rows       []row
	}{
		{"foo", `{type: ExternalName, externalName: foo.example.com}`, []row{
			{ask: "dns-test-service-3 CNAME", want: []string{"dns-test-service-3 CNAME foo.example.com."}, reason: "2.5"},
		}},
		{"changed to bar", `{type: ExternalName, externalName: bar.example.com}`, []row{
			{ask: "dns-test-service-3 CNAME", want: []string{"dns-test-service-3 CNAME bar.example.com."}, reason: "2.5"},
		}},
		{"changed to ClusterIP", `{type: ClusterIP, clusterIP: 10.96.0.110, ports: [{name: http, port: 80, protocol: TCP}]}`, []row{
			{ask: "dns-test-service-3 A", want: []string{"dns-test-service-3 A 10.96.0.110"}, reason: "2.3.1"},
			{ask: "dns-test-service-3 AAAA", reason: "2.3.1"},
			{ask: "dns-test-service-3 CNAME", reason: "no alias any more"},
		}},
	}
	for _, step := range steps {
		apply(t, ns, "apiVersion: v1\nkind: Service\nmetadata: {name: dns-test-service-3}\nspec: "+step.spec+"\n")
		t.Run(step.name, func(t *testing.T) { verify(t, ns, step.rows...) })
	}
}

// TestConformanceDigitFirst is "should work with a service name that starts with
// a digit", which the API allows with RelaxedServiceNameValidation.
func TestConformanceDigitFirst(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, "apiVersion: v1\nkind: Service\nmetadata: {name: 1kubernetes}\nspec: {clusterIP: 10.96.0.120, ports: [{name: http, port: 80}]}\n")
	verify(t, ns, row{ask: "1kubernetes A", want: []string{"1kubernetes A 10.96.0.120"}, reason: "a label may begin with a digit (RFC 1123)"})
}

// podIP waits for a pod's address.
func podIP(t *testing.T, namespace, name string) (ip string) {
	t.Helper()
	eventually(t, "the address of "+name, func(ctx context.Context) error {
		pod, err := shared.Client().CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ip = pod.Status.PodIP; ip == "" {
			return fmt.Errorf("%w: %s", errNotYet, pod.Status.Phase)
		}
		return nil
	})
	return ip
}
