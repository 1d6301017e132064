package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestAddressesStay pins addresses: tests of other people may rely on them.
func TestAddressesStay(t *testing.T) {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	s.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyRequireDualStack)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-0"}}
	c := expandAll(t, s, p)
	for name, want := range map[string]string{
		"web-0": "[{10.244.246.69} {fd00:10:244::f645}]",
		"web":   "[10.110.9.102 fd00:10:96::966]",
	} {
		if got := addressOf(t, c, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	if got, want := fmt.Sprint(internalIPs(c.Nodes[0])), "[172.18.36.55 fd00:172:18::2437]"; got != want {
		t.Errorf("the first node has %s, want %s", got, want)
	}
}

// TestOrder: the order of objects has no influence on anything.
func TestOrder(t *testing.T) {
	objects := []runtime.Object{
		headlessService("s", "web"), headlessService("t", "api"), &corev1.Service{ObjectMeta: meta("u")}, &corev1.Service{ObjectMeta: meta("v")},
		statefulSet("web", "s", 3), deployment("api", 4), daemonSet("agent"), job("work", nil), replicaSet("rs", 2),
		written("a", "web", nil), written("b", "rs", nil), written("c", "rs", nil), node("n1", nil), node("n2", nil),
	}
	want := expandAll(t, objects...)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		if diff := cmp.Diff(want, expandAll(t, objects...)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// TestUnrelated: an address does not depend on which other objects there are.
func TestUnrelated(t *testing.T) {
	alone := expandAll(t, statefulSet("web", "s", 2), &corev1.Service{ObjectMeta: meta("v")})
	crowd := expandAll(t, statefulSet("web", "s", 9), &corev1.Service{ObjectMeta: meta("v")},
		deployment("api", 40), &corev1.Service{ObjectMeta: meta("a")}, written("p", "x", nil), node("n", nil))
	for _, name := range []string{"web-0", "web-1", "v"} {
		if a, b := addressOf(t, alone, name), addressOf(t, crowd, name); a != b {
			t.Errorf("%s has %s alone, and %s among others", name, a, b)
		}
	}
}

// TestWrittenAddresses: a written address is given to no other.
func TestWrittenAddresses(t *testing.T) {
	wants := expandAll(t, written("p", "a", nil), &corev1.Service{ObjectMeta: meta("s")})
	pod, service := wants.Pods[0].Status.PodIP, wants.Services[0].Spec.ClusterIP
	for _, tt := range []struct {
		name, reason string
		world        World
	}{
		{"pod", "another pod has its address", World{Objects: []runtime.Object{
			written("q", "a", func(p *corev1.Pod) { p.Status.PodIP = pod }),
		}}},
		{"slice", "an endpoint of a written slice", World{Taken: []netip.Addr{netip.MustParseAddr(pod)}}},
		{"cluster IP", "another Service has its address", World{Objects: []runtime.Object{
			&corev1.Service{ObjectMeta: meta("r"), Spec: corev1.ServiceSpec{ClusterIP: service}},
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.world.Objects = append(tt.world.Objects, written("p", "a", nil), &corev1.Service{ObjectMeta: meta("s")})
			c := expand(t, &tt.world)
			is := func(name, had string) bool { return strings.Contains(addressOf(t, c, name), had) }
			if is("p", pod) && is("s", service) {
				t.Errorf("p has %s and s has %s still; reason: %s", pod, service, tt.reason)
			}
		})
	}
}

// TestClash: where two names ask for one address, the first in order gets it,
// and who asks for the other's next one is not moved by that.
func TestClash(t *testing.T) {
	pool := newPool(podRange)
	byHost := make(map[uint32]string)
	var first, second string
	for i := 0; second == ""; i++ {
		key := fmt.Sprintf("ns/p%06d", i)
		host := pool.wanted(claim{key: key})
		if first = byHost[host]; first != "" && byte(host) != 0 && byte(host) < 254 {
			second = key
		}
		byHost[host] = key
	}
	host := pool.wanted(claim{key: first})
	next := ""
	for i := 0; next == ""; i++ {
		if key := fmt.Sprintf("ns/z%06d", i); pool.wanted(claim{key: key}) == host+1 {
			next = key
		}
	}
	given := make(map[string]string)
	var claims []claim
	for _, key := range []string{next, second, first} {
		claims = append(claims, claim{key: key, give: func(ips []string) { given[key] = ips[0] }})
	}
	if err := pool.allocate(claims); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		first: pool.addr4(host).String(), next: pool.addr4(host + 1).String(), second: pool.addr4(host + 2).String(),
	}
	if byte(host+2) == 255 {
		want[second] = pool.addr4(host + 4).String()
	}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExhausted: a range that is full is an error that says so.
func TestExhausted(t *testing.T) {
	pool := newPool(addressRange{"pods", netip.MustParsePrefix("192.0.2.0/29"), netip.MustParsePrefix("2001:db8::/64")})
	var claims []claim
	given := make(map[string]bool)
	for i := range 8 {
		claims = append(claims, claim{key: fmt.Sprint("ns/p", i), give: func(ips []string) { given[ips[0]] = true }})
	}
	err := pool.allocate(claims)
	if err == nil || !strings.Contains(err.Error(), "192.0.2.0/29 and 2001:db8::/64 have no address left for ns/p") {
		t.Errorf("error %v", err)
	}
	if len(given) != 7 {
		t.Errorf("%d addresses were given, want all 7 but that of the network", len(given))
	}
}
