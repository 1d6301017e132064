package watch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dns/rollcall/zone"
)

// freeze returns the manifests of objects.
func freeze(t testing.TB, objects []zone.Object) string {
	t.Helper()
	var b bytes.Buffer
	if err := Freeze(&b, objects); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// thaw returns the objects that Manifests reads of a text, in order.
func thaw(t testing.TB, text string) (objects []zone.Object) {
	t.Helper()
	m := newTestManifests(t, ManifestsConfig{Paths: []string{"-"}, Stdin: strings.NewReader(text), Kinds: allKinds})
	events, err := m.Load(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, e := range events {
		objects = append(objects, e.Objects...)
	}
	return objects
}

// TestFreezeText is what is written of an object of each kind.
func TestFreezeText(t *testing.T) {
	addr := netip.MustParseAddr
	web := zone.Meta{Namespace: "default", Name: "web", ResourceVersion: 7}
	tests := []struct {
		object zone.Object
		want   string
		reason string
	}{
		{&zone.Namespace{Meta: zone.Meta{Name: "prod"}}, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n", "one without Services is NODATA"},
		{&zone.Service{Meta: web, ClusterIPs: []netip.Addr{addr("fd00::1"), addr("10.96.0.1")}, HasSelector: true}, `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  clusterIP: fd00::1
  clusterIPs: ['fd00::1', 10.96.0.1]
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv6, IPv4]
  selector: {frozen-by-rollcall: "true"}
`, "a selector of no pod; no resourceVersion"},
		{&zone.Service{Meta: web, Type: zone.Headless, Ports: []zone.Port{{Name: "dns", Protocol: zone.UDP, Number: 53}}}, `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  clusterIP: None
  ports:
    - name: dns
      protocol: UDP
      port: 53
`, "headless, without a selector"},
		{&zone.EndpointSlice{Meta: web, Service: "web", Endpoints: []zone.Endpoint{
			{Addresses: []netip.Addr{addr("fd00::1")}, Hostname: "yes", Pod: "web-0", Zone: "eu-1", Serving: true, Terminating: true},
			{Ready: true},
		}}, `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web
  namespace: default
  labels:
    kubernetes.io/service-name: web
addressType: IPv6
endpoints:
  - addresses: ['fd00::1']
    hostname: "yes"
    zone: eu-1
    targetRef: {kind: Pod, name: web-0}
    conditions: {ready: false, serving: true, terminating: true}
`, "an endpoint without an address has no name"},
		{&zone.EndpointSlice{Meta: web}, "", "a slice of no Service has none either"},
		{&zone.Pod{Meta: web, Addresses: []netip.Addr{addr("10.0.0.1")}}, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: default\nstatus:\n  podIPs:\n    - ip: 10.0.0.1\n", "for pods verified"},
		{&zone.Pod{Meta: web}, "", "a Pod without an address has no name"},
		{&zone.ServiceImport{Meta: web, Type: zone.Headless}, "apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata:\n  name: web\n  namespace: default\nspec:\n  type: Headless\n", "for multi-cluster zones"},
	}
	for _, tt := range tests {
		got := freeze(t, []zone.Object{tt.object})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// TestFreezeRandom has random objects come back from their manifests as they were.
func TestFreezeRandom(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		objects := randomObjects(rng)
		text := freeze(t, objects)
		want := slices.Clone(objects)
		slices.SortFunc(want, func(a, b zone.Object) int {
			return strings.Compare(orderOf(a), orderOf(b))
		})
		got := thaw(t, text)
		slices.SortFunc(got, func(a, b zone.Object) int { return strings.Compare(orderOf(a), orderOf(b)) })
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Fatalf("seed %d (-frozen +read):\n%s\n%s", seed, diff, text)
		}
		rng.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		if other := freeze(t, objects); other != text {
			t.Fatalf("seed %d: in another order, other text:\n%s", seed, cmp.Diff(text, other))
		}
		if again := freeze(t, got); again != text {
			t.Fatalf("seed %d: frozen again, other text:\n%s", seed, cmp.Diff(text, again))
		}
	}
}

func orderOf(o zone.Object) string { return fmt.Sprint(o.Kind(), o.Key()) }

// randomObjects are of every kind, as a cluster has them: words that YAML takes for
// something else among their names.
func randomObjects(rng *rand.Rand) (objects []zone.Object) {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	addrs := func(texts ...string) (out []netip.Addr) {
		for _, text := range texts {
			out = append(out, netip.MustParseAddr(text))
		}
		return out
	}
	ports := func() (out []zone.Port) {
		for i := range rng.IntN(4) {
			out = append(out, zone.Port{
				Name:     fmt.Sprintf("%s%d", pick("p", "null-", "1e"), i),
				Protocol: []zone.Protocol{zone.TCP, zone.UDP, zone.SCTP}[rng.IntN(3)],
				Number:   uint16(1 + i*1000 + rng.IntN(1000)),
			})
		}
		if len(out) == 1 && rng.IntN(2) == 0 {
			out[0].Name = ""
		}
		return out
	}
	types := []zone.ServiceType{zone.ClusterIP, zone.Headless, zone.ExternalName}
	for _, namespace := range []string{"default", "no", "123"} {
		objects = append(objects, &zone.Namespace{Meta: zone.Meta{Name: namespace}})
		for _, name := range []string{"web", "true", "10-1-0-1", "0x1f", "1e3"} {
			meta := zone.Meta{Namespace: namespace, Name: name}
			service := &zone.Service{Meta: meta, Type: types[rng.IntN(3)], Ports: ports(), HasSelector: rng.IntN(2) == 0}
			switch service.Type {
			case zone.ClusterIP:
				service.ClusterIPs = [][]netip.Addr{addrs("10.96.0.1"), addrs("fd00::1"), addrs("10.96.0.2", "fd00::2"), addrs("fd00::3", "10.96.0.3")}[rng.IntN(4)]
			case zone.ExternalName:
				service.ExternalName = pick("www.example.com", "db.default.svc.cluster.local.", "10.0.0.1", "12.5")
			}
			imported := &zone.ServiceImport{Meta: meta, Type: types[rng.IntN(2)], Ports: ports()}
			if imported.Type == zone.ClusterIP {
				imported.ClusterIPs = addrs("10.97.0.1", "fd00:97::1")
			}
			// The controller of EndpointSlices has each Service with a selector have one.
			slice := &zone.EndpointSlice{Meta: meta, Service: name, Ports: ports()}
			if rng.IntN(3) == 0 {
				slice.ImportedService, slice.Cluster = pick("web", "null"), pick("", "east")
			}
			base := pick("10.1.0.", "fd00:1::")
			for i := range rng.IntN(4) {
				slice.Endpoints = append(slice.Endpoints, zone.Endpoint{
					Addresses: addrs(fmt.Sprint(base, i+1)), Hostname: pick("", "web-0", "off", "07"), Pod: pick("", "web-0", "2024-01-01"),
					Zone: pick("", "eu-1", "~", "y"), Ready: rng.IntN(2) == 0, Serving: rng.IntN(2) == 0, Terminating: rng.IntN(2) == 0,
				})
			}
			pod := &zone.Pod{Meta: meta, Addresses: addrs("10.1.0.1", "fd00:1::1")[:1+rng.IntN(2)]}
			objects = append(objects, service, imported, slice, pod)
		}
	}
	return objects
}

// TestFreezeEmpty has a headless Service stay as empty as it was: of the pods that are
// there, none is taken for its own.
func TestFreezeEmpty(t *testing.T) {
	meta := zone.Meta{Namespace: "default", Name: "web"}
	pod := &zone.Pod{Meta: meta, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	for _, selector := range []bool{false, true} {
		for _, typ := range []zone.ServiceType{zone.Headless, zone.ClusterIP} {
			service := &zone.Service{Meta: meta, Type: typ, HasSelector: selector}
			if typ == zone.ClusterIP {
				service.ClusterIPs = []netip.Addr{netip.MustParseAddr("10.96.0.1")}
			}
			for _, o := range thaw(t, freeze(t, []zone.Object{service, pod})) {
				if s, ok := o.(*zone.EndpointSlice); ok && len(s.Endpoints) > 0 {
					t.Errorf("type %d, selector %t: endpoints %v", typ, selector, s.Endpoints)
				}
				if s, ok := o.(*zone.Service); ok && s.HasSelector != selector {
					t.Errorf("type %d, selector %t: it has %t", typ, selector, s.HasSelector)
				}
			}
		}
	}
}

// TestFreezeUnknown has an object of no kind that a zone has.
func TestFreezeUnknown(t *testing.T) {
	if err := Freeze(&bytes.Buffer{}, []zone.Object{stranger{new(zone.Namespace)}}); err == nil {
		t.Error("no error")
	}
}

type stranger struct{ *zone.Namespace }
