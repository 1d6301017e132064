package watch

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// TestLatency puts objects one after another, as a watch brings them, with a
// clock that stands at 12:00:10.
func TestLatency(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return noon.Add(10 * time.Second) }
	service := func(clusterIP string, selector map[string]string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", CreationTimestamp: metav1.NewTime(noon)},
			Spec:       corev1.ServiceSpec{ClusterIP: clusterIP, Selector: selector},
		}
	}
	app := map[string]string{"app": "web"}
	slice := func(f func(*discoveryv1.EndpointSlice)) *discoveryv1.EndpointSlice {
		s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
			CreationTimestamp: metav1.NewTime(noon),
		}}
		if f != nil {
			f(s)
		}
		return s
	}
	triggeredAt := func(d time.Duration) func(*discoveryv1.EndpointSlice) {
		return func(s *discoveryv1.EndpointSlice) {
			s.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: noon.Add(d).Format(time.RFC3339Nano)}
		}
	}
	managedAt := func(d time.Duration) func(*discoveryv1.EndpointSlice) {
		return func(s *discoveryv1.EndpointSlice) {
			at := metav1.NewTime(noon.Add(d))
			s.ManagedFields = []metav1.ManagedFieldsEntry{{}, {Time: &at}, {Time: ptr(metav1.NewTime(noon))}}
		}
	}
	for _, tt := range []struct {
		name   string
		reason string
		list   []any // what the initial list has
		puts   []any
		kind   serviceKind
		want   []float64 // seconds observed, all of that kind
	}{
		{"cluster IP", "from the creation of a Service that is new", nil, []any{service("10.0.0.1", app)}, clusterIP, []float64{10}},
		{"cluster IP changed", "only the first time", nil, []any{service("10.0.0.1", app), service("10.0.0.1", app)}, clusterIP, []float64{10}},
		{"cluster IP listed", "a list says nothing of when", []any{service("10.0.0.1", app)}, []any{service("10.0.0.1", app)}, clusterIP, nil},
		{"slice of a cluster IP", "its endpoints do not change what the name means", []any{service("10.0.0.1", app)}, []any{slice(triggeredAt(0))}, clusterIP, nil},
		{"headless", "from the annotation, of which the controller says when its cause was", []any{service("None", app)},
			[]any{slice(triggeredAt(8 * time.Second)), slice(triggeredAt(9500 * time.Millisecond))}, headlessWithSelector, []float64{2, 0.5}},
		{"headless, no news", "the same annotation again tells of another change", []any{service("None", app)},
			[]any{slice(triggeredAt(8 * time.Second)), slice(triggeredAt(8 * time.Second))}, headlessWithSelector, []float64{2}},
		{"headless, no annotation", "nothing to measure from", []any{service("None", app)}, []any{slice(nil)}, headlessWithSelector, nil},
		{"clock behind", "no negative time", []any{service("None", app)}, []any{slice(triggeredAt(time.Minute))}, headlessWithSelector, []float64{0}},
		{"slice before its Service", "can't be told headless", nil, []any{slice(triggeredAt(0))}, headlessWithSelector, nil},
		{"by hand, new", "from its creation", []any{service("None", nil)}, []any{slice(nil)}, headlessWithoutSelector, []float64{10}},
		{"by hand, changed", "from the API server's note of the last write", []any{service("None", nil), slice(nil)},
			[]any{slice(managedAt(7 * time.Second))}, headlessWithoutSelector, []float64{3}},
		{"by hand, changed without note", "nothing to measure from", []any{service("None", nil), slice(nil)}, []any{slice(nil)}, headlessWithoutSelector, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			m, err := newAPIMetrics(reg)
			if err != nil {
				t.Fatal(err)
			}
			sink, trim := newMemSink(), new(trimmer)
			stores := make(map[zone.Kind]*store)
			for _, k := range []zone.Kind{zone.Services, zone.EndpointSlices} {
				stores[k] = &store{
					kind: k, sink: sink, trimmer: trim, metrics: m, log: quietLog,
					latency: &latency{now: now, sink: sink, metrics: m},
					track:   &tracker{kind: k, log: quietLog, now: now, metrics: m},
				}
			}
			storeOf := func(o any) *store {
				if _, ok := o.(*corev1.Service); ok {
					return stores[zone.Services]
				}
				return stores[zone.EndpointSlices]
			}
			for _, o := range tt.list {
				s := storeOf(o)
				obj, err := s.Transformer()(o)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Replace([]any{obj}, "1"); err != nil {
					t.Fatal(err)
				}
			}
			for _, o := range tt.puts {
				if err := storeOf(o).Update(o); err != nil {
					t.Fatal(err)
				}
			}
			var count, sum float64
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == "coredns_kubernetes_dns_programming_duration_seconds" {
					for _, s := range f.GetMetric() {
						count += float64(s.GetHistogram().GetSampleCount())
						if got := s.GetLabel()[0].GetValue(); got != string(tt.kind) {
							t.Errorf("service_kind %q, want %q", got, tt.kind)
						}
						sum += s.GetHistogram().GetSampleSum()
					}
				}
			}
			var want float64
			for _, w := range tt.want {
				want += w
			}
			if count != float64(len(tt.want)) || sum != want {
				t.Errorf("%v observations of %v s, want %v; reason: %s", count, sum, tt.want, tt.reason)
			}
		})
	}
}

func TestRegisterShares(t *testing.T) {
	reg := prometheus.NewRegistry()
	a, err := newAPIMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newAPIMetrics(reg)
	if err != nil {
		t.Fatalf("a second source can't share the registry: %v", err)
	}
	a.errors.WithLabelValues("services").Inc()
	b.errors.WithLabelValues("services").Inc()
	if got := metric(t, reg, "rollcall_watch_errors_total", "services"); got != 2 {
		t.Errorf("counted %v, want 2", got)
	}
}
