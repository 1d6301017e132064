package simulate

import (
	"fmt"
	"regexp"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestClusterIPs: families and addresses by policy, as a dual-stack cluster has
// them whose first family is IPv4.
func TestClusterIPs(t *testing.T) {
	const four, six = `10\.(9[6-9]|10\d|11[01])\.\d+\.\d+`, `fd00:10:96::[0-9a-f]+`
	policy := func(p corev1.IPFamilyPolicy, families ...corev1.IPFamily) corev1.ServiceSpec {
		return corev1.ServiceSpec{IPFamilyPolicy: &p, IPFamilies: families}
	}
	const single, prefer, require = corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack
	headless := func(s corev1.ServiceSpec, selector map[string]string) corev1.ServiceSpec {
		s.ClusterIP, s.Selector = "None", selector
		return s
	}
	for _, tt := range []struct {
		name, reason string
		spec         corev1.ServiceSpec
		want         string // families and addresses
	}{
		{"default", "one address, IPv4", corev1.ServiceSpec{}, `\[IPv4\] \[` + four + `\]`},
		{"single", "as by default", policy(single), `\[IPv4\] \[` + four + `\]`},
		{"single IPv6", "the family that is asked for", policy(single, "IPv6"), `\[IPv6\] \[` + six + `\]`},
		{"family alone", "without a policy", corev1.ServiceSpec{IPFamilies: []corev1.IPFamily{"IPv6"}}, `\[IPv6\] \[` + six + `\]`},
		{"prefer", "both", policy(prefer), `\[IPv4 IPv6\] \[` + four + ` ` + six + `\]`},
		{"require", "both", policy(require), `\[IPv4 IPv6\] \[` + four + ` ` + six + `\]`},
		{"IPv6 first", "the order of families", policy(prefer, "IPv6", "IPv4"), `\[IPv6 IPv4\] \[` + six + ` ` + four + `\]`},
		{"IPv6 and the other", "the missing one comes second", policy(require, "IPv6"), `\[IPv6 IPv4\] \[` + six + ` ` + four + `\]`},
		{"written", "a written address wins", corev1.ServiceSpec{ClusterIP: "10.1.2.3"}, `\[IPv4\] \[10.1.2.3\]`},
		{"written IPv6", "and says the family", corev1.ServiceSpec{ClusterIP: "fd01::1"}, `\[IPv6\] \[fd01::1\]`},
		{"one of two written", "the other is added", corev1.ServiceSpec{ClusterIP: "fd01::1", IPFamilyPolicy: new(prefer)}, `\[IPv6 IPv4\] \[fd01::1 ` + four + `\]`},
		{"both written", "nothing is added", corev1.ServiceSpec{ClusterIPs: []string{"10.1.2.3", "fd01::1"}}, `\[IPv4 IPv6\] \[10.1.2.3 fd01::1\]`},
		{"headless", "no address, and the family of endpoints", headless(corev1.ServiceSpec{}, app("a")), `\[IPv4\] \[None\]`},
		{"headless, both", "by policy", headless(policy(prefer), app("a")), `\[IPv4 IPv6\] \[None\]`},
		{"headless without selector", "both by default", headless(corev1.ServiceSpec{}, nil), `\[IPv4 IPv6\] \[None\]`},
		{"headless in the other field", "clusterIPs alone", corev1.ServiceSpec{ClusterIPs: []string{"None"}, Selector: app("a")}, `\[IPv4\] \[None\]`},
		{"external", "neither", corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}, `\[\] \[\]`},
		{"node port", "as a ClusterIP", corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}, `\[IPv4\] \[` + four + `\]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := expandAll(t, &corev1.Service{ObjectMeta: meta("s"), Spec: tt.spec}).Services[0]
			got := fmt.Sprint(s.Spec.IPFamilies, " ", s.Spec.ClusterIPs)
			if !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
				t.Errorf("got %s, want %s; reason: %s", got, tt.want, tt.reason)
			}
			if len(s.Spec.ClusterIPs) > 0 && s.Spec.ClusterIP != s.Spec.ClusterIPs[0] {
				t.Errorf("clusterIP %s is not the first of %v", s.Spec.ClusterIP, s.Spec.ClusterIPs)
			}
		})
	}
}

// TestWellKnownServices: two Services have the addresses that kubeadm gives
// them, which no other gets.
func TestWellKnownServices(t *testing.T) {
	service := func(namespace, name string) *corev1.Service {
		s := &corev1.Service{}
		s.Namespace, s.Name = namespace, name
		s.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyPreferDualStack)
		return s
	}
	var objects []runtime.Object
	for i := range 300 {
		objects = append(objects, service("ns", fmt.Sprint("s", i)))
	}
	c := expandAll(t, append(objects, service("default", "kubernetes"), service("kube-system", "kube-dns"))...)
	for name, want := range map[string]string{"kubernetes": "[10.96.0.1 fd00:10:96::1]", "kube-dns": "[10.96.0.10 fd00:10:96::a]"} {
		if got := addressOf(t, c, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	pool := newPool(serviceRange)
	if err := pool.allocateServices(nil); err != nil || pool.give(claim{v4: true, give: func([]string) {}}, 10) {
		t.Error("10.96.0.10 is given to another where kube-dns is not written")
	}
}
