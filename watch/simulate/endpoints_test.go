package simulate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestEndpoints(t *testing.T) {
	service := func(change func(*corev1.ServiceSpec)) *corev1.Service {
		s := headlessService("s", "a")
		if change != nil {
			change(&s.Spec)
		}
		return s
	}
	unready := func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	}
	port := func(name string, target intstr.IntOrString, protocol corev1.Protocol) func(*corev1.ServiceSpec) {
		return func(s *corev1.ServiceSpec) {
			s.Ports = append(s.Ports, corev1.ServicePort{Name: name, Port: 80, TargetPort: target, Protocol: protocol})
		}
	}
	opens := func(name string, number int32, protocol corev1.Protocol) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: name, ContainerPort: number, Protocol: protocol}}}}
		}
	}
	called := func(hostname, subdomain string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Hostname, p.Spec.Subdomain = hostname, subdomain }
	}
	always := corev1.ContainerRestartPolicyAlways
	for _, tt := range []struct {
		name, reason string
		objects      []runtime.Object
		want         string
	}{
		{"ready", "a pod of which nothing is said", []runtime.Object{service(nil), written("p", "a", nil)}, "IPv4  p ready serving"},
		{"unready", "the written condition", []runtime.Object{service(nil), written("p", "a", unready)}, "IPv4  p"},
		{"published", "ready by publishNotReadyAddresses, serving by the condition",
			[]runtime.Object{service(func(s *corev1.ServiceSpec) { s.PublishNotReadyAddresses = true }), written("p", "a", unready)}, "IPv4  p ready"},
		{"terminating", "it serves, and is not ready", []runtime.Object{service(nil), written("p", "a", func(p *corev1.Pod) {
			p.DeletionTimestamp = new(metav1.Now())
		})}, "IPv4  p serving terminating"},
		{"ended", "no endpoint, though it has an address still", []runtime.Object{service(nil), written("p", "a", func(p *corev1.Pod) {
			p.Status.Phase, p.Status.PodIP = corev1.PodSucceeded, "10.0.0.1"
		})}, "IPv4  none"},
		{"pending", "written as not begun, and so without address", []runtime.Object{service(nil), written("p", "a", func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodPending
		})}, "IPv4  none"},
		{"other label", "not selected", []runtime.Object{service(nil), written("p", "b", nil)}, "IPv4  none"},
		{"other namespace", "not selected", []runtime.Object{service(nil), written("p", "a", func(p *corev1.Pod) { p.Namespace = "other" })}, "IPv4  none"},
		{"all labels", "one of two does not do", []runtime.Object{service(func(s *corev1.ServiceSpec) {
			s.Selector = map[string]string{"app": "a", "tier": "x"}
		}), written("p", "a", nil), written("q", "a", func(p *corev1.Pod) { p.Labels["tier"] = "x" })}, "IPv4  q ready serving"},
		{"no selector", "nothing is made", []runtime.Object{service(func(s *corev1.ServiceSpec) { s.Selector = nil }), written("p", "a", nil)}, ""},
		{"external", "nothing is made", []runtime.Object{service(func(s *corev1.ServiceSpec) { s.Type = corev1.ServiceTypeExternalName }), written("p", "a", nil)}, ""},
		{"hostname", "with the Service as subdomain", []runtime.Object{service(nil), written("p", "a", called("h", "s"))}, "IPv4  p host:h ready serving"},
		{"other subdomain", "no hostname", []runtime.Object{service(nil), written("p", "a", called("h", "t"))}, "IPv4  p ready serving"},
		{"no hostname", "a subdomain alone gives none", []runtime.Object{service(nil), written("p", "a", called("", "s"))}, "IPv4  p ready serving"},
		{"both families", "a slice for each", []runtime.Object{service(func(s *corev1.ServiceSpec) {
			s.IPFamilyPolicy = new(corev1.IPFamilyPolicyRequireDualStack)
		}), written("p", "a", nil)}, "IPv4  p ready serving\nIPv6  p ready serving"},
		{"one address", "a written address is all that a pod has", []runtime.Object{service(func(s *corev1.ServiceSpec) {
			s.IPFamilyPolicy = new(corev1.IPFamilyPolicyRequireDualStack)
		}), written("p", "a", func(p *corev1.Pod) { p.Status.PodIP = "10.0.0.1" })}, "IPv4  p ready serving\nIPv6  none"},
		{"same port", "without targetPort it is the Service's", []runtime.Object{service(port("http", intstr.IntOrString{}, "")), written("p", "a", nil)},
			"IPv4 http=80/TCP p ready serving"},
		{"number", "a port that no container names", []runtime.Object{service(port("http", intstr.FromInt32(8080), "UDP")), written("p", "a", nil)},
			"IPv4 http=8080/UDP p ready serving"},
		{"name", "looked up in the containers", []runtime.Object{service(port("http", intstr.FromString("web"), "")), written("p", "a", opens("web", 8080, "TCP"))},
			"IPv4 http=8080/TCP p ready serving"},
		{"other protocol", "the name of another protocol's port", []runtime.Object{service(port("http", intstr.FromString("web"), "")), written("p", "a", opens("web", 8080, "UDP"))},
			"IPv4  p ready serving"},
		{"different ports", "a slice for each set of ports", []runtime.Object{
			service(port("http", intstr.FromString("web"), "")),
			written("p", "a", opens("web", 1, "")), written("q", "a", opens("web", 2, "")), written("r", "a", opens("web", 1, "")),
		}, "IPv4 http=1/TCP p ready serving\nIPv4 http=1/TCP r ready serving\nIPv4 http=2/TCP q ready serving"},
		{"sidecar", "an init container that always restarts has ports", []runtime.Object{
			service(port("http", intstr.FromString("web"), "")),
			written("p", "a", func(p *corev1.Pod) {
				opens("web", 8080, "")(p)
				p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers, nil
				p.Spec.InitContainers[0].RestartPolicy = &always
			}),
		}, "IPv4 http=8080/TCP p ready serving"},
		{"init", "another has none", []runtime.Object{
			service(port("http", intstr.FromString("web"), "")),
			written("p", "a", func(p *corev1.Pod) {
				opens("web", 8080, "")(p)
				p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers, nil
			}),
		}, "IPv4  p ready serving"},
		{"zone", "of the pod's node", []runtime.Object{
			service(nil), node("n", func(n *corev1.Node) { n.Labels[corev1.LabelTopologyZone] = "z" }), written("p", "a", nil),
		}, "IPv4  p zone:z ready serving"},
		{"unknown node", "a node that is not written has no zone", []runtime.Object{
			service(nil), written("p", "a", func(p *corev1.Pod) { p.Spec.NodeName = "x" }),
		}, "IPv4  p ready serving"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, describe(expandAll(t, tt.objects...), "s")); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s\nreason: %s", diff, tt.reason)
			}
		})
	}
}

// TestReadiness: what is said of one pod stands over what is written, and that
// over the default.
func TestReadiness(t *testing.T) {
	condition := func(is corev1.ConditionStatus) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "True"}, {Type: corev1.PodReady, Status: is}}
		}
	}
	w := &World{
		Objects: []runtime.Object{
			headlessService("s", "a"), written("silent", "a", nil), written("yes", "a", condition("True")), written("no", "a", condition("False")),
			written("no-yes", "a", condition("False")), written("yes-no", "a", condition("True")), statefulSet("a", "s", 2),
		},
		Ready: map[types.NamespacedName]bool{
			{Namespace: ns, Name: "no-yes"}: true, {Namespace: ns, Name: "yes-no"}: false, {Namespace: ns, Name: "a-1"}: true,
		},
	}
	for notReady, want := range map[bool]string{false: "a-0 a-1 no-yes silent yes", true: "a-1 no-yes yes"} {
		w.NotReady = notReady
		c := expand(t, w)
		var ready []string
		for _, p := range strings.Fields(podNames(c)) {
			for _, e := range c.EndpointSlices[0].Endpoints {
				if e.TargetRef.Name == p && *e.Conditions.Ready {
					ready = append(ready, p)
				}
			}
		}
		if got := strings.Join(ready, " "); got != want {
			t.Errorf("NotReady %t: ready are %q, want %q", notReady, got, want)
		}
	}
}

// TestSlices: 100 endpoints go into one slice, in the order of the ordinals;
// the slices have the Service's labels, and names that stay.
func TestSlices(t *testing.T) {
	s := headlessService("s", "web")
	s.Labels = map[string]string{"team": "x"}
	c := expandAll(t, s, statefulSet("web", "s", 230))
	var sizes []int
	names := make(map[string]bool)
	next := 0
	for _, slice := range c.EndpointSlices {
		sizes = append(sizes, len(slice.Endpoints))
		names[slice.Name] = true
		for _, e := range slice.Endpoints {
			if want := fmt.Sprintf("web-%d", next); *e.Hostname != want {
				t.Fatalf("endpoint %d is %s, want %s", next, *e.Hostname, want)
			}
			next++
		}
		want := "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io kubernetes.io/service-name=s service.kubernetes.io/headless= team=x"
		if got := strings.Join(sortedLabels(slice.Labels), " "); got != want {
			t.Errorf("labels %q, want %q", got, want)
		}
	}
	if fmt.Sprint(sizes) != "[100 100 30]" || len(names) != 3 {
		t.Errorf("slices of %v endpoints with %d names, want 100, 100 and 30 with 3", sizes, len(names))
	}
}

// TestSliced: a Service for which slices are written gets none.
func TestSliced(t *testing.T) {
	c := expand(t, &World{
		Objects: []runtime.Object{headlessService("s", "a"), headlessService("r", "a"), written("p", "a", nil)},
		Sliced:  map[types.NamespacedName]bool{{Namespace: ns, Name: "s"}: true},
	})
	if describe(c, "s") != "" || describe(c, "r") != "IPv4  p ready serving" {
		t.Errorf("endpoints of s %q and of r %q", describe(c, "s"), describe(c, "r"))
	}
}
