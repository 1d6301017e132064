package corefiles

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestEarly asks for pods before they exist, with "cache 30" and no disable: each
// must be answered within 50 ms of its EndpointSlice's creation. As the machine may be
// busy it is enough that one of several is; and it is not parallel for that reason. A
// denial that is kept would be for a second at the least, and each time.
func TestEarly(t *testing.T) {
	const tries, bar, most = 5, 50 * time.Millisecond, 20 * time.Second
	s := start(t, trial{name: "eks"})
	if !slices.Contains(s.lines, "cache 30") || slices.Contains(s.lines, "disable denial cluster.local") {
		t.Fatalf("the Corefile %q is not one that caches denials", s.lines)
	}
	ctx, namespace := t.Context(), shared.Namespace(t)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "ring"},
		Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Name: "p", Port: 7000}}},
	}
	if _, err := shared.Client().CoreV1().Services(namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	for i := range tries {
		hostname := fmt.Sprintf("ring-%d", i)
		question := hostname + ".ring." + namespace + ".svc.cluster.local. A"
		for range 3 {
			if reply := s.mustAsk(t, question); reply.Rcode != dns.RcodeNameError {
				t.Fatalf("asked too early: got\n%v\nwant NXDOMAIN", reply)
			}
		}
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Name: hostname, Labels: map[string]string{discoveryv1.LabelServiceName: "ring"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.200.9.%d", i+1)}, Hostname: &hostname}},
		}
		if _, err := shared.Client().DiscoveryV1().EndpointSlices(namespace).Create(ctx, slice, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		created := time.Now()
		for len(s.mustAsk(t, question).Answer) != 1 {
			if time.Since(created) > most {
				t.Fatalf("%s is not answered after %v", question, most)
			}
			time.Sleep(time.Millisecond)
		}
		waits = append(waits, time.Since(created))
	}
	t.Logf("from creation to answer: %v", waits)
	if slices.Min(waits) > bar {
		t.Errorf("all of %v are over %v", waits, bar)
	}
}
