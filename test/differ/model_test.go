package differ

import (
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
)

// owners are all names that exist in the zones that the world means: those that
// have records by the specification, with true, and their ancestors without any,
// with false. It is written down here a third time, apart from what both servers
// make of the world, since it decides which of them is right about a name.
func (w *world) owners() map[string]bool {
	owners := make(map[string]bool)
	add := func(name string) {
		owners[name] = true
		for name = parent(name); name != "."; name = parent(name) {
			if _, ok := owners[name]; !ok {
				owners[name] = false
			}
		}
	}
	reverse := func(address string) {
		name, err := dns.ReverseAddr(address)
		if err != nil {
			panic(err) // an address that this package wrote
		}
		add(name)
	}
	const zone = "cluster.local."
	for _, name := range []string{
		zone, "in-addr.arpa.", "ip6.arpa.", "dns-version." + zone, "ns.dns." + zone,
		// The API server's own Service, and the names that pods insecure spells.
		"kubernetes.default.svc." + zone, "_https._tcp.kubernetes.default.svc." + zone, "192-0-2-1.kubernetes.default.svc." + zone,
		"10-0-0-1.alpha.pod." + zone, "fd00--1.alpha.pod." + zone,
	} {
		add(name)
	}
	reverse("10.96.0.1")
	reverse("192.0.2.1")
	for _, namespace := range append(w.namespaces, "default", "kube-system", "kube-public", "kube-node-lease") {
		for _, below := range []string{".svc.", ".pod."} {
			if name := namespace + below + zone; !owners[name] {
				owners[name] = false // a namespace's name exists, without records
			}
		}
	}

	services := make(map[string]*corev1.Service)
	for _, s := range w.services {
		base := s.Name + "." + s.Namespace + ".svc." + zone
		services[base] = s
		switch {
		case s.Spec.Type == corev1.ServiceTypeExternalName:
			add(base)
		case s.Spec.ClusterIP != corev1.ClusterIPNone:
			add(base)
			for _, ip := range append(s.Spec.ClusterIPs, s.Spec.ClusterIP) {
				reverse(ip)
			}
			for _, p := range s.Spec.Ports {
				if p.Name != "" {
					add("_" + p.Name + "._" + strings.ToLower(string(p.Protocol)) + "." + base)
				}
			}
		}
	}
	for _, slice := range w.slices {
		base := slice.Labels["kubernetes.io/service-name"] + "." + slice.Namespace + ".svc." + zone
		service := services[base]
		if service == nil {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			label := dashed(e.Addresses[0])
			if e.Hostname != nil {
				label = *e.Hostname
			}
			add(label + "." + base)
			reverse(e.Addresses[0])
			if service.Spec.ClusterIP != corev1.ClusterIPNone {
				continue
			}
			add(base)
			for _, p := range slice.Ports {
				add("_" + *p.Name + "._" + strings.ToLower(string(*p.Protocol)) + "." + base)
			}
		}
	}
	return owners
}

// aliases are the ExternalNames' targets, by the Services' names.
func (w *world) aliases() map[string]string {
	aliases := make(map[string]string)
	for _, s := range w.services {
		if s.Spec.Type == corev1.ServiceTypeExternalName {
			aliases[s.Name+"."+s.Namespace+".svc.cluster.local."] = s.Spec.ExternalName + "."
		}
	}
	return aliases
}

// parent is a name without its first label.
func parent(name string) string {
	if at := strings.IndexByte(name, '.'); at < len(name)-1 {
		return name[at+1:]
	}
	return "."
}
