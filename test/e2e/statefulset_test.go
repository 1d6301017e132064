package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
)

// The headless Service and the StatefulSet of the Kubernetes tutorial
// "StatefulSet Basics", in both address families.
const tutorial = `
apiVersion: v1
kind: Service
metadata: {name: nginx, labels: {app: nginx}}
spec:
  ports: [{port: 80, name: web}]
  clusterIP: None
  ipFamilyPolicy: RequireDualStack
  selector: {app: nginx}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 0
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: nginx, image: "registry.k8s.io/nginx-slim:0.21", ports: [{containerPort: 80, name: web}]}]
`

func TestStatefulSet(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ctx := t.Context()
	apply(t, ns, tutorial)
	scale := func(n int) func() error {
		return func() error { return patchSet(ctx, ns, fmt.Sprintf(`{"spec":{"replicas":%d}}`, n)) }
	}
	steps := []struct {
		name string
		do   func() error
		pods int
	}{
		{"none", scale(0), 0},
		{"up to three", scale(3), 3},
		{"rolled over", func() error {
			return patchSet(ctx, ns, `{"spec":{"template":{"metadata":{"annotations":{"rolled":"over"}}}}}`)
		}, 3},
		{lost, func() error {
			return shared.Client().CoreV1().Pods(ns).Delete(ctx, "web-1", *metav1.NewDeleteOptions(0))
		}, 3},
		{"down to one", scale(1), 1},
		{"up again", scale(3), 3},
		{"down to none", scale(0), 0},
	}
	var before []corev1.Pod
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		pods := rolledOut(t, ns, step.pods, before, step.name == lost)
		t.Logf("%s: %s", step.name, describe(pods))
		rows := tutorialRows(pods)
		for i := len(pods); i < 4; i++ {
			for _, typ := range []string{"A", "AAAA", "SRV", "TXT"} {
				rows = append(rows, row{ask: fmt.Sprintf("web-%d.nginx %s", i, typ), rcode: nxdomain, reason: step.name + ": no such pod"})
			}
		}
		verify(t, ns, rows...)
		verifyStub(t, ns, tutorialLookups(pods, ns)...)
		forgotten(t, ns, before, pods)
		before = pods
	}
}

// lost is the step whose new pod has an old one's name.
const lost = "one pod lost"

// tutorialRows is what the zone holds for the Service nginx, given the pods that
// are there, all of them ready.
func tutorialRows(pods []corev1.Pod) (rows []row) {
	if len(pods) == 0 {
		for _, ask := range []string{"nginx A", "nginx AAAA", "nginx SRV", "_web._tcp.nginx SRV", "_tcp.nginx A"} {
			rows = append(rows, row{ask: ask, rcode: nxdomain, reason: "2.4.1: no ready endpoint"})
		}
		return rows
	}
	var service4, service6, named, bare, glue []string
	for _, pod := range pods {
		host := pod.Name + ".nginx"
		ip4, ip6 := podAddresses(pod)
		v4, v6 := host+" A "+ip4, host+" AAAA "+ip6
		rows = append(rows,
			row{ask: host + " A", want: []string{v4}, reason: "2.4.1: the pod's own name"},
			row{ask: host + " AAAA", want: []string{v6}, reason: "2.4.1: the pod's own name"},
			row{ask: strings.ToUpper(host) + " TXT", reason: "exists, but not for this type"},
			row{ask: "x." + host + " A", rcode: nxdomain, reason: "nothing below a pod"},
			row{ask: reverse(ip4) + " PTR", want: []string{reverse(ip4) + " PTR " + host}, reason: "2.4.3"},
			row{ask: reverse(ip6) + " PTR", want: []string{reverse(ip6) + " PTR " + host}, reason: "2.4.3"},
		)
		service4 = append(service4, "nginx A "+ip4)
		service6 = append(service6, "nginx AAAA "+ip6)
		named = append(named, "_web._tcp.nginx SRV 0 0 80 "+host)
		bare = append(bare, "nginx SRV 0 0 80 "+host)
		glue = append(glue, v4, v6)
	}
	return append(rows,
		row{ask: "nginx A", want: service4, reason: "2.4.1: every ready pod"},
		row{ask: "nginx AAAA", want: service6, reason: "2.4.1: every ready pod"},
		row{ask: "_web._tcp.nginx SRV", want: named, extra: glue, reason: "2.4.2: with the targets' addresses"},
		row{ask: "nginx SRV", want: bare, extra: glue, reason: "peer finders ask at the bare name"},
		row{ask: "_tcp.nginx A", reason: "an empty non-terminal is NODATA"},
		row{ask: "_web._tcp.nginx A", reason: "exists for SRV"},
		row{ask: "_http._tcp.nginx SRV", rcode: nxdomain, reason: "no such port"},
		row{ask: "_web._udp.nginx SRV", rcode: nxdomain, reason: "no such protocol"},
	)
}

// tutorialLookups are the same facts as Go programs look for them in a pod.
func tutorialLookups(pods []corev1.Pod, namespace string) []lookup {
	service4, service6 := lookup{kind: "ip4", name: "nginx"}, lookup{kind: "ip6", name: "nginx"}
	srv := lookup{kind: "srv", name: "_web._tcp.nginx"}
	if len(pods) == 0 {
		// What is not found anywhere on the search path is asked for as an
		// absolute name in the end, which is in no zone here and gets REFUSED.
		// So names that must not be there are asked for in full.
		for _, l := range []*lookup{&service4, &service6, &srv} {
			l.name = absolute(l.name, namespace)
		}
	}
	lookups := []lookup{{kind: "ip4", name: absolute("web-3.nginx", namespace)}}
	for _, pod := range pods {
		ip4, ip6 := podAddresses(pod)
		full := absolute(pod.Name+".nginx", namespace)
		lookups = append(lookups,
			lookup{"ip4", pod.Name + ".nginx", []string{ip4}},
			lookup{"ip6", pod.Name + ".nginx", []string{ip6}},
			lookup{"ip4", pod.Name + ".nginx." + namespace, []string{ip4}},
			lookup{"ip4", pod.Name + ".nginx." + namespace + ".svc", []string{ip4}},
			lookup{"ptr", ip4, []string{full}},
			lookup{"ptr", ip6, []string{full}})
		service4.want = append(service4.want, ip4)
		service6.want = append(service6.want, ip6)
		srv.want = append(srv.want, "80 "+full)
	}
	return append(lookups, service4, service6, srv)
}

// rolledOut waits for the StatefulSet's controller to be done, and returns its
// pods. If one was lost, a pod of the same name but another one has to be there.
func rolledOut(t *testing.T, namespace string, n int, before []corev1.Pod, replaced bool) (pods []corev1.Pod) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d pods", n), func(ctx context.Context) error {
		set, err := shared.Client().AppsV1().StatefulSets(namespace).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		list, err := shared.Client().CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=nginx"})
		if err != nil {
			return err
		}
		pods = list.Items
		slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
		if !settled(set, int32(n)) || len(pods) != n {
			return fmt.Errorf("%w: %d pods, status %+v", errNotYet, len(pods), set.Status)
		}
		// The set's status may not know yet that a pod was lost.
		if replaced && pods[1].UID == before[1].UID {
			return fmt.Errorf("%w: the old %s", errNotYet, pods[1].Name)
		}
		for _, pod := range pods {
			if !ready(pod) || pod.DeletionTimestamp != nil {
				return fmt.Errorf("%w: %s", errNotYet, pod.Name)
			}
		}
		return nil
	})
	return pods
}

func settled(set *appsv1.StatefulSet, n int32) bool {
	s := set.Status
	return s.ObservedGeneration == set.Generation && s.CurrentRevision == s.UpdateRevision &&
		s.Replicas == n && s.ReadyReplicas == n && s.AvailableReplicas == n
}

func ready(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// forgotten checks that no address that a pod had and has no more still leads to
// this namespace. It may belong to another test's pod by now.
func forgotten(t *testing.T, namespace string, before, now []corev1.Pod) {
	t.Helper()
	kept := make(map[string]bool)
	for _, pod := range now {
		kept[pod.Status.PodIP] = true
	}
	for _, pod := range before {
		if kept[pod.Status.PodIP] {
			continue
		}
		q := dnsquery.Question{Name: reverse(pod.Status.PodIP), Type: "PTR"}
		got, err := server.Dig(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.Join(got.Answer, " "), "."+namespace+".") {
			t.Errorf("the address of the old %s still has %q", pod.Name, got.Answer)
		}
	}
}

func patchSet(ctx context.Context, namespace, patch string) error {
	_, err := shared.Client().AppsV1().StatefulSets(namespace).Patch(ctx, "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// podAddresses returns a pod's address of each family.
func podAddresses(pod corev1.Pod) (ip4, ip6 string) {
	for _, ip := range pod.Status.PodIPs {
		if strings.Contains(ip.IP, ":") {
			ip6 = ip.IP
		} else {
			ip4 = ip.IP
		}
	}
	return ip4, ip6
}

func describe(pods []corev1.Pod) string {
	text := "no pods"
	for i, pod := range pods {
		if i == 0 {
			text = ""
		}
		ip4, ip6 := podAddresses(pod)
		text += fmt.Sprintf("%s %s %s; ", pod.Name, ip4, ip6)
	}
	return text
}
