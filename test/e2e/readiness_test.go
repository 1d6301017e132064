package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// One pod in two headless Services, of which one publishes addresses that are
// not ready. The test decides when the pod is ready and when it goes.
const heldPod = `
apiVersion: v1
kind: Service
metadata: {name: strict}
spec: {clusterIP: None, selector: {app: held}, ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: early}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: held}, ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  labels: {app: held}
  annotations: {rollcall.test/hold-ready: "", rollcall.test/hold-deletion: ""}
spec: {hostname: p, subdomain: strict, containers: [{name: c, image: c}]}
`

func TestReadiness(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ctx := t.Context()
	apply(t, ns, heldPod)
	var ip string
	eventually(t, "the pod's address", func(ctx context.Context) error {
		pod, err := shared.Client().CoreV1().Pods(ns).Get(ctx, "p", metav1.GetOptions{})
		if err == nil && pod.Status.PodIP == "" {
			err = fmt.Errorf("%w: %s", errNotYet, pod.Status.Phase)
		}
		if err == nil {
			ip = pod.Status.PodIP
		}
		return err
	})

	// The endpoint carries the pod's hostname only in the Service that is the
	// pod's subdomain; in the other it is named by its address.
	label := dashed(ip)
	shown := func(service, host, reason string) []row {
		target := host + "." + service
		return []row{
			{ask: service + " A", want: []string{service + " A " + ip}, reason: reason},
			{ask: service + " AAAA", reason: reason},
			{ask: target + " A", want: []string{target + " A " + ip}, reason: reason},
			{
				ask: "_web._tcp." + service + " SRV", want: []string{"_web._tcp." + service + " SRV 0 0 80 " + target},
				extra: []string{target + " A " + ip}, reason: reason,
			},
		}
	}
	hidden := func(service, host, reason string) (rows []row) {
		for _, ask := range []string{service + " A", service + " AAAA", host + "." + service + " A", "_web._tcp." + service + " SRV"} {
			rows = append(rows, row{ask: ask, rcode: nxdomain, reason: reason})
		}
		return rows
	}
	pointers := func(names ...string) row {
		r := row{ask: reverse(ip) + " PTR", reason: "the names that lead there"}
		for _, name := range names {
			r.want = append(r.want, reverse(ip)+" PTR "+name)
		}
		return r
	}
	early := shown("early", label, "publishNotReadyAddresses")

	steps := []struct {
		name string
		do   func() error
		rows []row
	}{
		{
			"not ready", func() error { return nil },
			append(append(hidden("strict", "p", "2.4.1: not ready"), early...), pointers(label+".early")),
		},
		{
			"ready", func() error { return shared.SetReady(ctx, ns, "p", true) },
			append(append(shown("strict", "p", "2.4.1: ready"), early...), pointers("p.strict", label+".early")),
		},
		{
			"not ready again", func() error { return shared.SetReady(ctx, ns, "p", false) },
			append(append(hidden("strict", "p", "2.4.1: not ready"), early...), pointers(label+".early")),
		},
		{
			"ready again", func() error { return shared.SetReady(ctx, ns, "p", true) },
			append(append(shown("strict", "p", "2.4.1: ready"), early...), pointers("p.strict", label+".early")),
		},
		{
			"terminating", func() error {
				return shared.Client().CoreV1().Pods(ns).Delete(ctx, "p", metav1.DeleteOptions{})
			},
			append(append(hidden("strict", "p", "terminating is not ready, though it serves"), early...), pointers(label+".early")),
		},
		{
			"gone", func() error { return shared.ReleaseDeletion(ctx, ns, "p") },
			append(hidden("strict", "p", "gone"), hidden("early", label, "gone")...),
		},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		t.Run(step.name, func(t *testing.T) { verify(t, ns, step.rows...) })
		if t.Failed() {
			break // what follows would only repeat it
		}
	}
}

// TestReadyPodsWithoutHostname is about pods without hostnames, behind both kinds of
// Service.
func TestReadyPodsWithoutHostname(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: flock}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, selector: {app: bird}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {clusterIP: 10.96.0.80, selector: {app: bird}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bird}
spec:
  replicas: 2
  selector: {matchLabels: {app: bird}}
  template:
    metadata: {labels: {app: bird}}
    spec: {containers: [{name: c, image: c}]}
`)
	var pods []corev1.Pod
	eventually(t, "two running pods", func(ctx context.Context) error {
		list, err := shared.Client().CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		pods = list.Items
		for _, pod := range pods {
			if len(pod.Status.PodIPs) != 2 {
				return fmt.Errorf("%w: %s has %d addresses", errNotYet, pod.Name, len(pod.Status.PodIPs))
			}
		}
		if len(pods) != 2 {
			return fmt.Errorf("%w: %d pods", errNotYet, len(pods))
		}
		return nil
	})
	all4 := row{ask: "flock A", reason: "2.4.1"}
	all6 := row{ask: "flock AAAA", reason: "2.4.1"}
	srv := row{ask: "_web._tcp.flock SRV", reason: "one target for each address, at the pod's port"}
	rows := []row{{ask: "front A", want: []string{"front A 10.96.0.80"}, reason: "2.3.1"}}
	for _, pod := range pods {
		ip4, ip6 := podAddresses(pod)
		all4.want = append(all4.want, "flock A "+ip4)
		all6.want = append(all6.want, "flock AAAA "+ip6)
		for _, ip := range []string{ip4, ip6} {
			host := dashed(ip) + ".flock"
			record := host + " " + addr(ip)
			srv.want = append(srv.want, "_web._tcp.flock SRV 0 0 8080 "+host)
			srv.extra = append(srv.extra, record)
			typ, _, _ := strings.Cut(addr(ip), " ")
			rows = append(rows, row{ask: host + " " + typ, want: []string{record}, reason: "the address with dashes"})
		}
		rows = append(rows,
			row{ask: dashed(ip4) + ".flock AAAA", reason: "exists in the other family"},
			row{ask: reverse(ip6) + " PTR", want: []string{reverse(ip6) + " PTR " + dashed(ip6) + ".flock"}, reason: "2.4.3"},
			row{ask: reverse(ip4) + " PTR", want: []string{reverse(ip4) + " PTR " + dashed(ip4) + ".flock", reverse(ip4) + " PTR " + dashed(ip4) + ".front"}, reason: "every Service of the address"})
	}
	verify(t, ns, append(rows, all4, all6, srv)...)
}
