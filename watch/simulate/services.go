package simulate

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// Host numbers of the Services that have a place of their own in kubeadm's
// clusters, which no other gets.
var wellKnown = map[string]uint32{"default/kubernetes": 1, "kube-system/kube-dns": 10}

// addressServices sets the IP families of Services, and gives ClusterIPs to
// those that want one, as the API server of a dual-stack cluster does whose
// first family is IPv4.
func (e *expansion) addressServices() error {
	pool := newPool(serviceRange)
	for _, s := range e.out.Services {
		normalize(s)
		if !headless(s) {
			pool.take(s.Spec.ClusterIPs...)
		}
	}
	var claims []claim
	for _, s := range e.out.Services {
		if s.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		setFamilies(s)
		if have := len(s.Spec.ClusterIPs); !headless(s) && have < len(s.Spec.IPFamilies) {
			claims = append(claims, claimOf(s, s.Spec.IPFamilies[have:]))
		}
	}
	return pool.allocateServices(claims)
}

// claimOf returns the claim of a Service to an address of each of families.
func claimOf(s *corev1.Service, families []corev1.IPFamily) claim {
	c := claim{key: nameOf(s).String()}
	for _, f := range families {
		c.v4 = c.v4 || f == corev1.IPv4Protocol
		c.v6 = c.v6 || f == corev1.IPv6Protocol
	}
	c.give = func(ips []string) {
		if len(ips) == 2 && families[0] == corev1.IPv6Protocol {
			ips[0], ips[1] = ips[1], ips[0]
		}
		s.Spec.ClusterIPs = append(s.Spec.ClusterIPs[:len(s.Spec.ClusterIPs):len(s.Spec.ClusterIPs)], ips...)
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
	return c
}

// allocateServices gives the well-known Services their places first.
func (p *pool) allocateServices(claims []claim) error {
	rest := claims[:0:0]
	for _, c := range claims {
		if host, ok := wellKnown[c.key]; !ok || !p.give(c, host) {
			rest = append(rest, c)
		}
	}
	for _, host := range wellKnown {
		p.taken[p.addr4(host)], p.taken[p.addr6(host)] = true, true
	}
	return p.allocate(rest)
}

// normalize makes the two ways to write ClusterIPs one.
func normalize(s *corev1.Service) {
	switch spec := &s.Spec; {
	case len(spec.ClusterIPs) == 0 && spec.ClusterIP != "":
		spec.ClusterIPs = []string{spec.ClusterIP}
	case len(spec.ClusterIPs) > 0 && spec.ClusterIP == "":
		spec.ClusterIP = spec.ClusterIPs[0]
	}
}

func headless(s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }

// setFamilies sets ipFamilyPolicy and ipFamilies: those that are written, those
// of the ClusterIPs, else IPv4; and the other one too, if the policy allows it.
// A headless Service without selector is dual-stack by default.
func setFamilies(s *corev1.Service) {
	spec := &s.Spec
	var families []corev1.IPFamily
	families = append(families, spec.IPFamilies...)
	if !headless(s) {
		for i := len(families); i < len(spec.ClusterIPs); i++ {
			families = append(families, familyOf(spec.ClusterIPs[i]))
		}
	}
	if len(families) == 0 {
		families = append(families, corev1.IPv4Protocol)
	}
	if spec.IPFamilyPolicy == nil {
		policy := corev1.IPFamilyPolicySingleStack
		if headless(s) && len(spec.Selector) == 0 {
			policy = corev1.IPFamilyPolicyRequireDualStack
		}
		if len(families) > 1 {
			policy = corev1.IPFamilyPolicyRequireDualStack // both are written
		}
		spec.IPFamilyPolicy = &policy
	}
	if *spec.IPFamilyPolicy != corev1.IPFamilyPolicySingleStack && len(families) == 1 {
		other := corev1.IPv6Protocol
		if families[0] == other {
			other = corev1.IPv4Protocol
		}
		families = append(families, other)
	}
	spec.IPFamilies = families
}

func familyOf(ip string) corev1.IPFamily {
	if a, err := netip.ParseAddr(ip); err == nil && a.Unmap().Is6() {
		return corev1.IPv6Protocol
	}
	return corev1.IPv4Protocol
}
