package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// DefaultNdots is the ndots option that the kubelet writes for a pod.
const DefaultNdots = 5

// A Path is how a pod's resolver makes domain names of what it is asked for, as its
// resolv.conf says (resolv.conf(5)).
type Path struct {
	Search []zone.Name
	Ndots  int
	// Elsewhere is set where the pod does not ask the cluster's DNS: why.
	Elsewhere Cause
	// Usual is the path of pods that say nothing of their resolver, where this one
	// searches less: Unusual says why, in a sentence.
	Usual   *Path
	Unusual string
	// Hosts are the names in the pod's /etc/hosts, where programs look first.
	Hosts []string
	Notes []string
}

// ClusterFirst is the path of a pod of a namespace of which nothing else is said: the
// three search domains of a cluster whose zone is apex.
func ClusterFirst(namespace string, apex zone.Name) Path {
	p := Path{Ndots: DefaultNdots}
	svc, _ := apex.Child("svc")
	if ns, ok := svc.Child(strings.ToLower(namespace)); ok {
		p.Search = append(p.Search, ns)
	}
	p.Search = append(p.Search, svc, apex)
	return p
}

// PathOf is the path of a Pod, by its dnsPolicy and dnsConfig. Search domains of its
// node, which the kubelet puts behind those of the cluster, are not known.
func PathOf(pod *corev1.Pod, apex zone.Name) Path {
	object := "Pod " + pod.Namespace + "/" + pod.Name
	policy := pod.Spec.DNSPolicy
	var p Path
	switch {
	case policy == corev1.DNSDefault:
		p = Path{Ndots: 1, Elsewhere: Cause{
			Code:    "dns-policy",
			Text:    object + " has dnsPolicy Default: its resolver asks the servers of its node, and not the cluster's DNS.",
			Hints:   []string{"dnsPolicy ClusterFirst, which is the one of pods that name none, asks the cluster's DNS."},
			Objects: []string{object},
		}}
	case pod.Spec.HostNetwork && (policy == corev1.DNSClusterFirst || policy == ""):
		p = Path{Ndots: 1, Elsewhere: Cause{
			Code:    "dns-policy",
			Text:    object + " is on the network of its node (hostNetwork) with dnsPolicy ClusterFirst, which then is as Default: its resolver asks the servers of the node, and not the cluster's DNS.",
			Hints:   []string{"dnsPolicy ClusterFirstWithHostNet asks the cluster's DNS."},
			Objects: []string{object},
		}}
	case policy == corev1.DNSNone:
		usual := ClusterFirst(pod.Namespace, apex)
		p = Path{Ndots: 1, Usual: &usual, Unusual: object + " has dnsPolicy None, and searches the domains of its dnsConfig alone."}
	default:
		p = ClusterFirst(pod.Namespace, apex)
	}
	p.configure(pod)
	p.Hosts = hosts(pod, apex)
	return p
}

// hosts returns the names that the kubelet writes into a pod's /etc/hosts: those of
// hostAliases and, on a network of its own, the pod's.
func hosts(pod *corev1.Pod, apex zone.Name) (names []string) {
	for _, a := range pod.Spec.HostAliases {
		names = append(names, a.Hostnames...)
	}
	if pod.Spec.HostNetwork {
		return names
	}
	own := cmp.Or(pod.Spec.Hostname, pod.Name)
	if pod.Spec.Subdomain != "" {
		names = append(names, strings.Join([]string{own, pod.Spec.Subdomain, pod.Namespace, "svc", strings.TrimSuffix(apex.String(), ".")}, "."))
	}
	return append(names, own, "localhost")
}

// configure adds what dnsConfig says.
func (p *Path) configure(pod *corev1.Pod) {
	c := pod.Spec.DNSConfig
	if c == nil {
		return
	}
	for _, text := range c.Searches {
		if text == "." {
			continue
		}
		name, err := zone.ParseName(text)
		if err != nil {
			p.Notes = append(p.Notes, fmt.Sprintf("the search domain %q of dnsConfig is left out: %v", text, err))
			continue
		}
		if !slices.Contains(p.Search, name) {
			p.Search = append(p.Search, name)
		}
	}
	for _, o := range c.Options {
		if o.Name != "ndots" || o.Value == nil {
			continue
		}
		if n, err := strconv.Atoi(*o.Value); err == nil && n >= 0 {
			const most = 15 // glibc's RES_MAXNDOTS
			p.Ndots = min(n, most)
		}
	}
	if len(c.Nameservers) > 0 {
		p.Notes = append(p.Notes, "dnsConfig has the resolver ask "+strings.Join(c.Nameservers, ", ")+
			": whether that is the cluster's DNS is not known here")
	}
}

// A step is a name that a resolver asks for.
type step struct {
	name   zone.Name
	text   string    // of name, or of what can be none
	suffix zone.Name // what the search path added; "" for none
	err    error     // why it is no domain name
}

// walk returns the names in the order in which a resolver asks for them: a name with
// a final dot alone, one with at least ndots dots as it is first, and any other as it
// is last (resolv.conf(5), options ndots).
func (p *Path) walk(text string) []step {
	asked := step{text: strings.TrimSuffix(text, ".") + "."}
	asked.name, asked.err = zone.ParseName(text)
	if strings.HasSuffix(text, ".") {
		return []step{asked}
	}
	var steps []step
	for _, domain := range p.Search {
		s := step{text: text + "." + strings.TrimPrefix(domain.String(), "."), suffix: domain}
		s.name, s.err = zone.ParseName(s.text)
		steps = append(steps, s)
	}
	if strings.Count(text, ".") >= p.Ndots {
		return append([]step{asked}, steps...)
	}
	return append(steps, asked)
}
