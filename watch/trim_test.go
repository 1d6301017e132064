package watch

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

func ptr[T any](v T) *T { return &v }

func addrs(s ...string) []netip.Addr {
	out := make([]netip.Addr, 0, len(s))
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// cmpObjects compares trimmed objects; addresses compare by value.
var cmpObjects = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestTrimService(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "ns", Name: "web", ResourceVersion: "7"}
	zmeta := zone.Meta{Namespace: "ns", Name: "web", ResourceVersion: 7}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		reason string
		in     corev1.Service
		want   zone.Service
		bad    int
	}{{
		name:   "cluster IP",
		reason: "clusterIPs and ports in the API's order, protocol defaults to TCP",
		in: corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", ResourceVersion: "7", CreationTimestamp: metav1.NewTime(created)},
			Spec: corev1.ServiceSpec{
				ClusterIP: "10.0.0.1", ClusterIPs: []string{"10.0.0.1", "fd00::1"},
				Selector: map[string]string{"a": "b"},
				Ports:    []corev1.ServicePort{{Name: "HTTP", Port: 80}, {Name: "dns", Protocol: "UDP", Port: 53}},
			},
		},
		want: zone.Service{
			Meta: zmeta, ClusterIPs: addrs("10.0.0.1", "fd00::1"), HasSelector: true, Created: created,
			Ports: []zone.Port{{Name: "http", Protocol: zone.TCP, Number: 80}, {Name: "dns", Protocol: zone.UDP, Number: 53}},
		},
	}, {
		name:   "only the old field",
		reason: "clusterIP stands for clusterIPs where that is empty",
		in:     corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: "LoadBalancer", ClusterIP: "10.0.0.1"}},
		want:   zone.Service{Meta: zmeta, ClusterIPs: addrs("10.0.0.1")},
	}, {
		name:   "not allocated",
		reason: "a ClusterIP Service without address is no headless one",
		in:     corev1.Service{ObjectMeta: meta},
		want:   zone.Service{Meta: zmeta},
	}, {
		name:   "headless",
		reason: "clusterIP None",
		in:     corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIP: "None", ClusterIPs: []string{"None"}}},
		want:   zone.Service{Meta: zmeta, Type: zone.Headless},
	}, {
		name:   "headless by clusterIPs alone",
		reason: "either field says None",
		in:     corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIPs: []string{"None"}}},
		want:   zone.Service{Meta: zmeta, Type: zone.Headless},
	}, {
		name:   "headless ExternalName",
		reason: "the type goes before clusterIP None",
		in:     corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: "ExternalName", ClusterIP: "None", ExternalName: "Example.org."}},
		want:   zone.Service{Meta: zmeta, Type: zone.ExternalName, ExternalName: "Example.org."},
	}, {
		name:   "parts that can't be used",
		reason: "bad addresses, ports and protocols are left out and counted, the rest stands; one address a family",
		in: corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			ClusterIPs: []string{"10.0.0.300", "10.0.0.1", "10.0.0.2"},
			Ports:      []corev1.ServicePort{{Port: 0}, {Port: 70000}, {Port: 1, Protocol: "QUIC"}, {Port: 2, Protocol: "SCTP"}},
		}},
		want: zone.Service{Meta: zmeta, ClusterIPs: addrs("10.0.0.1"), Ports: []zone.Port{{Protocol: zone.SCTP, Number: 2}}},
		bad:  5,
	}, {
		name:   "no version",
		reason: "a resourceVersion that is no number is none, so that the object is never taken for unchanged",
		in:     corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "x", ResourceVersion: "abc"}},
		want:   zone.Service{Meta: zone.Meta{Name: "x"}},
	}} {
		t.Run(tt.name, func(t *testing.T) { checkTrim(t, tt.reason, &tt.in, &tt.want, tt.bad) })
	}
}

func TestTrimEndpointSlice(t *testing.T) {
	trigger := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	for _, tt := range []struct {
		name   string
		reason string
		in     discoveryv1.EndpointSlice
		want   zone.EndpointSlice
		bad    int
	}{{
		name:   "everything",
		reason: "labels, annotation, ports, hostname in lower case, pod, topology zone",
		in: discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: "web-1", ResourceVersion: "9",
				Labels: map[string]string{
					"kubernetes.io/service-name":                "web",
					"multicluster.kubernetes.io/service-name":   "far",
					"multicluster.kubernetes.io/source-cluster": "c1",
				},
				Annotations: map[string]string{"endpoints.kubernetes.io/last-change-trigger-time": trigger.Format(time.RFC3339Nano)},
			},
			AddressType: "IPv4",
			Ports:       []discoveryv1.EndpointPort{{Name: ptr("Web"), Port: ptr[int32](80), Protocol: ptr(corev1.ProtocolTCP)}, {}},
			Endpoints: []discoveryv1.Endpoint{{
				Addresses: []string{"10.1.0.1", "::ffff:10.1.0.2"}, Hostname: ptr("Web-0"), Zone: ptr("eu-1"),
				TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: "web-0"},
				Conditions: discoveryv1.EndpointConditions{Ready: ptr(true), Serving: ptr(true), Terminating: ptr(false)},
			}},
		},
		want: zone.EndpointSlice{
			Meta:    zone.Meta{Namespace: "ns", Name: "web-1", ResourceVersion: 9},
			Service: "web", ImportedService: "far", Cluster: "c1", Triggered: trigger,
			Ports: []zone.Port{{Name: "web", Protocol: zone.TCP, Number: 80}},
			Endpoints: []zone.Endpoint{{
				Addresses: addrs("10.1.0.1", "10.1.0.2"), Hostname: "web-0", Pod: "web-0", Zone: "eu-1", Ready: true, Serving: true,
			}},
		},
	}, {
		name:   "conditions",
		reason: "EndpointConditions: ready nil is true, serving nil is ready, terminating nil is false",
		in: discoveryv1.EndpointSlice{AddressType: "IPv6", Endpoints: []discoveryv1.Endpoint{
			{},
			{Conditions: discoveryv1.EndpointConditions{Ready: ptr(false)}},
			{Conditions: discoveryv1.EndpointConditions{Ready: ptr(false), Serving: ptr(true), Terminating: ptr(true)}},
			{Conditions: discoveryv1.EndpointConditions{Serving: ptr(false)}},
		}},
		want: zone.EndpointSlice{Endpoints: []zone.Endpoint{
			{Ready: true, Serving: true}, {}, {Serving: true, Terminating: true}, {Ready: true},
		}},
	}, {
		name:   "targets that are no pods",
		reason: "only a Pod's name names an endpoint; an IPv6 scope means nothing here",
		in: discoveryv1.EndpointSlice{AddressType: "IPv6", Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"fe80::1%eth0", "nonsense"}, TargetRef: &corev1.ObjectReference{Kind: "Node", Name: "n"}},
		}},
		want: zone.EndpointSlice{Endpoints: []zone.Endpoint{{Addresses: addrs("fe80::1"), Ready: true, Serving: true}}},
		bad:  1,
	}, {
		name:   "FQDN",
		reason: "such a slice has no addresses",
		in: discoveryv1.EndpointSlice{AddressType: "FQDN", Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"example.org"}},
		}},
	}, {
		name:   "annotation that is no time",
		reason: "no trigger time rather than an error",
		in: discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
			Annotations: map[string]string{"endpoints.kubernetes.io/last-change-trigger-time": "yesterday"},
		}},
	}} {
		t.Run(tt.name, func(t *testing.T) { checkTrim(t, tt.reason, &tt.in, &tt.want, tt.bad) })
	}
}

func TestTrimOthers(t *testing.T) {
	pod := func(phase corev1.PodPhase) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"},
			Status:     corev1.PodStatus{Phase: phase, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}, {IP: "fd00::1"}}},
		}
	}
	pmeta := zone.Meta{Namespace: "ns", Name: "p"}
	for _, tt := range []struct {
		name   string
		reason string
		in     any
		want   zone.Object
		bad    int
	}{
		{"namespace", "only its name", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, &zone.Namespace{Meta: zone.Meta{Name: "a"}}, 0},
		{"running pod", "podIPs", pod(corev1.PodRunning), &zone.Pod{Meta: pmeta, Addresses: addrs("10.0.0.1", "fd00::1")}, 0},
		{"succeeded pod", "its address may be another's", pod(corev1.PodSucceeded), &zone.Pod{Meta: pmeta}, 0},
		{"failed pod", "its address may be another's", pod(corev1.PodFailed), &zone.Pod{Meta: pmeta}, 0},
		{
			"pod with podIP alone", "the old field", &corev1.Pod{Status: corev1.PodStatus{PodIP: "10.0.0.1"}},
			&zone.Pod{Addresses: addrs("10.0.0.1")}, 0,
		},
		{
			"imported headless", "KEP-1645: a headless import is answered by its endpoints",
			&serviceImport{Spec: serviceImportSpec{Type: "Headless", IPs: []string{"10.0.0.1"}}}, &zone.ServiceImport{Type: zone.Headless}, 0,
		},
		{
			"imported", "KEP-1645: ips and ports",
			&serviceImport{Spec: serviceImportSpec{
				Type: "ClusterSetIP", IPs: []string{"10.0.0.1"}, Ports: []serviceImportPort{{Name: "p", Protocol: "TCP", Port: 1}, {Port: -1}},
			}},
			&zone.ServiceImport{ClusterIPs: addrs("10.0.0.1"), Ports: []zone.Port{{Name: "p", Protocol: zone.TCP, Number: 1}}}, 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) { checkTrim(t, tt.reason, tt.in, tt.want, tt.bad) })
	}
	if _, _, err := new(trimmer).trim(&corev1.Node{}); err == nil {
		t.Error("a Node was trimmed; want an error: it has no meaning for DNS")
	}
}

func checkTrim(t *testing.T, reason string, in any, want zone.Object, wantBad int) {
	t.Helper()
	got, bad, err := new(trimmer).trim(in)
	if err != nil {
		t.Fatalf("%v; reason: %s", err, reason)
	}
	if diff := cmp.Diff(want, got, cmpObjects, equateEmpty); diff != "" {
		t.Errorf("-want +got; reason: %s\n%s", reason, diff)
	}
	if bad != wantBad {
		t.Errorf("%d parts left out, want %d; reason: %s", bad, wantBad, reason)
	}
}

// equateEmpty takes nil slices for empty ones.
var equateEmpty = cmp.FilterValues(func(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return x.IsValid() && y.IsValid() && x.Kind() == reflect.Slice && y.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0
}, cmp.Comparer(func(_, _ any) bool { return true }))

// TestTrimPinsNothing lays every string of an API object into one buffer, as a
// decoder that does not copy would, and looks for a string of the trimmed
// object that still points there: it would keep the whole buffer alive.
func TestTrimPinsNothing(t *testing.T) {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web-1", Labels: map[string]string{
			discoveryv1.LabelServiceName: "web", labelImportedService: "far", labelSourceCluster: "c1",
		}},
		AddressType: "IPv6",
		Ports:       []discoveryv1.EndpointPort{{Name: ptr("http"), Port: ptr[int32](80), Protocol: ptr(corev1.ProtocolTCP)}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"fe80::1%eth0"}, Hostname: ptr("web-0"), Zone: ptr("eu-1"),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "web-0"},
		}},
	}
	external := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ext"},
		Spec:       corev1.ServiceSpec{Type: "ExternalName", ExternalName: "example.org", Ports: []corev1.ServicePort{{Name: "http", Protocol: "UDP", Port: 1}}},
	}
	for _, obj := range []any{
		slice, external,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"}, Status: corev1.PodStatus{PodIP: "fe80::1%eth0"}},
		&serviceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "i"}, Spec: serviceImportSpec{Type: "Headless", Ports: []serviceImportPort{{Name: "p", Protocol: "SCTP", Port: 1}}}},
	} {
		text, err := json.Marshal(obj)
		if err != nil {
			t.Fatal(err)
		}
		buffer := string(text)
		moved := intoBuffer(t, reflect.ValueOf(obj), buffer)
		if moved == 0 {
			t.Fatalf("%T: no string was laid into the buffer", obj)
		}
		trimmed, _, err := new(trimmer).trim(obj)
		if err != nil {
			t.Fatal(err)
		}
		eachString(reflect.ValueOf(trimmed), func(v reflect.Value) {
			if s := v.String(); within(s, buffer) {
				t.Errorf("%T: the string %q still points into the message", trimmed, s)
			}
		})
	}
}

// intoBuffer makes every string of v that stands in buffer point there.
func intoBuffer(t *testing.T, v reflect.Value, buffer string) (moved int) {
	t.Helper()
	eachString(v, func(v reflect.Value) {
		if i := strings.Index(buffer, v.String()); v.CanSet() && v.Len() > 0 && i >= 0 {
			v.SetString(buffer[i : i+v.Len()])
			moved++
		}
	})
	return moved
}

// eachString calls f for each string in v, those of map values too.
func eachString(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		f(v)
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Location]() {
			eachString(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachString(v.Field(i), f)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			eachString(v.Index(i), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			eachString(e, f)
			v.SetMapIndex(k, e)
		}
	}
}

func within(s, buffer string) bool {
	if len(s) == 0 {
		return false
	}
	at, from := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(buffer)))
	return at >= from && at < from+uintptr(len(buffer))
}

func TestInternForgets(t *testing.T) {
	var i interner
	a := i.intern("namespace")
	if b := i.intern(strings.Clone("namespace")); unsafe.StringData(a) != unsafe.StringData(b) {
		t.Error("equal strings have two memories")
	}
	for n := range 3 * internLimit {
		i.intern(strings.Repeat("x", n%100) + time.Duration(n).String())
	}
	if len(i.seen) > internLimit {
		t.Errorf("%d strings remembered, want at most %d", len(i.seen), internLimit)
	}
}
