package watch

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// TestStoreReset: once the server's history proved to be behind ours, as after
// a restored backup, an equal version is no proof that nothing changed.
func TestStoreReset(t *testing.T) {
	m, err := newAPIMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	sink := newMemSink()
	s := &store{
		kind: zone.Services, sink: sink, trimmer: new(trimmer), metrics: m, log: quietLog,
		track: &tracker{kind: zone.Services, log: quietLog, now: time.Now, metrics: m},
	}
	service := func(ip string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", ResourceVersion: "5"},
			Spec:       corev1.ServiceSpec{ClusterIP: ip},
		}
	}
	relist := func(ip string) zone.Object {
		obj, err := s.Transformer()(service(ip))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Replace([]any{obj, nil}, "9"); err != nil {
			t.Fatal(err)
		}
		return sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "web"})
	}
	first := relist("10.0.0.1")
	if relist("10.0.0.1") != first {
		t.Fatal("an equal version gave another object than the live one")
	}
	lw := &listWatch{store: s}
	lw.failed(&apierrors.StatusError{ErrStatus: metav1.Status{
		Reason: metav1.StatusReasonTimeout, Message: "Too large resource version",
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}},
	}})
	second, ok := relist("10.0.0.2").(*zone.Service)
	if !ok || second.ClusterIPs[0].String() != "10.0.0.2" {
		t.Errorf("the relist after a reset gave %+v, want the new address", second)
	}
	if relist("10.0.0.2") != zone.Object(second) {
		t.Error("versions are not trusted again after the relist")
	}
}
