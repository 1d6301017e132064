//lint:file-ignore SA1019 Endpoints are deprecated, and mirrored by clusters all the same.

package simulate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// TestMirror: Endpoints become slices where nobody else makes them.
func TestMirror(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		change       func(*corev1.Service, *Endpoints)
		sliced       bool
		want         string
	}{
		{"plain", "a slice for each family", nil, false,
			"IPv4 192.0.2.1 host:a ready; 192.0.2.2; IPv6 2001:db8::1 ready"},
		{"families", "those of the Service do not matter", func(s *corev1.Service, _ *Endpoints) {
			s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol}
		}, false, "IPv4 192.0.2.1 host:a ready; 192.0.2.2; IPv6 2001:db8::1 ready"},
		{"published", "nor does publishNotReadyAddresses", func(s *corev1.Service, _ *Endpoints) {
			s.Spec.PublishNotReadyAddresses = true
		}, false, "IPv4 192.0.2.1 host:a ready; 192.0.2.2; IPv6 2001:db8::1 ready"},
		{"selector", "the Service's pods count, not these", func(s *corev1.Service, _ *Endpoints) { s.Spec.Selector = app("a") }, false, "IPv4"},
		{"sliced", "written slices win", nil, true, ""},
		{"skipped", "by a label", func(_ *corev1.Service, e *Endpoints) {
			e.Labels = map[string]string{"endpointslice.kubernetes.io/skip-mirror": "true"}
		}, false, ""},
		{"lock", "of a leader election", func(_ *corev1.Service, e *Endpoints) {
			e.Annotations = map[string]string{annotationLeader: "{}"}
		}, false, ""},
		{"other name", "of another Service", func(_ *corev1.Service, e *Endpoints) { e.Name = "t" }, false, ""},
		{"other ports", "a slice for each set of ports", func(_ *corev1.Service, e *Endpoints) {
			e.Subsets = append(e.Subsets, corev1.EndpointSubset{
				Addresses: []corev1.EndpointAddress{{IP: "192.0.2.3"}}, Ports: []corev1.EndpointPort{{Name: "sql", Port: 2}},
			}, corev1.EndpointSubset{
				Addresses: []corev1.EndpointAddress{{IP: "192.0.2.4"}}, Ports: []corev1.EndpointPort{{Name: "sql", Port: 1}},
			})
		}, false, "IPv4 192.0.2.1 host:a ready; 192.0.2.2; 192.0.2.4 ready; IPv4 192.0.2.3 ready; IPv6 2001:db8::1 ready"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &corev1.Service{ObjectMeta: meta("s"), Spec: corev1.ServiceSpec{ClusterIP: "None"}}
			e := &Endpoints{ObjectMeta: meta("s"), Subsets: []corev1.EndpointSubset{{
				Addresses:         []corev1.EndpointAddress{{IP: "192.0.2.1", Hostname: "a"}, {IP: "2001:db8::1"}},
				NotReadyAddresses: []corev1.EndpointAddress{{IP: "192.0.2.2"}},
				Ports:             []corev1.EndpointPort{{Name: "sql", Port: 1, Protocol: corev1.ProtocolTCP}},
			}}}
			if tt.change != nil {
				tt.change(s, e)
			}
			w := &World{Objects: []runtime.Object{e, s}, Sliced: map[types.NamespacedName]bool{{Namespace: ns, Name: "s"}: tt.sliced}}
			var got []string
			for _, slice := range expand(t, w).EndpointSlices {
				text := string(slice.AddressType)
				for i, e := range slice.Endpoints {
					if i > 0 {
						text += ";"
					}
					text += " " + e.Addresses[0]
					if e.Hostname != nil {
						text += " host:" + *e.Hostname
					}
					if *e.Conditions.Ready {
						text += " ready"
					}
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("slices (-want +got):\n%s\nreason: %s", diff, tt.reason)
			}
		})
	}
}

// TestMirroredAddress: an address in Endpoints is given to no pod.
func TestMirroredAddress(t *testing.T) {
	alone := addressOf(t, expandAll(t, written("p", "a", nil)), "p")
	ip := expandAll(t, written("p", "a", nil)).Pods[0].Status.PodIP
	e := &Endpoints{ObjectMeta: meta("s"), Subsets: []corev1.EndpointSubset{{NotReadyAddresses: []corev1.EndpointAddress{{IP: ip}}}}}
	if got := addressOf(t, expandAll(t, e, written("p", "a", nil)), "p"); got == alone {
		t.Errorf("the pod has %s, which is in Endpoints", got)
	}
}
