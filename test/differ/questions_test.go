package differ

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
)

// A question is asked of both servers, over UDP.
type question struct {
	name string
	typ  uint16
}

func (q question) String() string { return q.name + " " + dns.TypeToString[q.typ] }

// wanted is how many questions are asked.
const wanted = 13000

var types = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT, dns.TypePTR,
	dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeANY, dns.TypeHTTPS,
}

// questions are every name of the world, its ancestors and its near misses,
// for every type, in an order that is the same each time. There are more than
// are wanted: all are asked of the names that there is one of, and of the others
// a random choice.
func (w *world) questions() []question {
	random := rand.New(rand.NewPCG(1, 2))
	ask := func(names []string) (all []question) {
		for _, name := range names {
			for _, typ := range types {
				asked := name
				if random.IntN(8) == 0 {
					asked = mixCase(random, name)
				}
				all = append(all, question{asked, typ})
			}
		}
		return all
	}
	rest := ask(w.names())
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	all := append(ask(single), rest...)
	return all[:min(wanted, len(all))]
}

// single are names that the world has one of.
var single = []string{
	"cluster.local.", "in-addr.arpa.", "ip6.arpa.",
	"dns-version.cluster.local.", "ns.dns.cluster.local.", "dns.cluster.local.", "svc.cluster.local.", "pod.cluster.local.",
	"x.cluster.local.", "x.svc.cluster.local.", "x.pod.cluster.local.", "x.dns.cluster.local.", "dns-version.svc.cluster.local.",
	"10-0-0-1.alpha.pod.cluster.local.", "10-0-0-1.nobody.pod.cluster.local.", "10-0-0-999.alpha.pod.cluster.local.",
	"fd00--1.alpha.pod.cluster.local.", "10-0-0-1.pod.cluster.local.", "x.alpha.pod.cluster.local.",
	"_tcp.alpha.svc.cluster.local.", "_http._tcp.alpha.svc.cluster.local.", "*.alpha.svc.cluster.local.",
	"kubernetes.default.svc.cluster.local.", "_https._tcp.kubernetes.default.svc.cluster.local.",
	"orphan.beta.svc.cluster.local.", "one.orphan.beta.svc.cluster.local.", "254.254.201.10.in-addr.arpa.",
	"crowd.alpha.svc.cluster.local.", "_http._tcp.crowd.alpha.svc.cluster.local.",
	"group.alpha.svc.cluster.local.", "_http._tcp.group.alpha.svc.cluster.local.",
}

// names are the names of everything in the world, and names near those, sorted.
func (w *world) names() []string {
	const zone = "cluster.local."
	set := make(map[string]bool)
	add := func(name string) { set[name] = true }
	// addUp adds a name, and its ancestors down to the zone's apex.
	addUp := func(name, apex string) {
		for ; name != apex; name = name[strings.IndexByte(name, '.')+1:] {
			add(name)
		}
		add(apex)
	}
	addReverse := func(address string) {
		name, err := dns.ReverseAddr(address)
		if err != nil {
			panic(err) // an address that this package wrote
		}
		apex := "in-addr.arpa."
		if netip.MustParseAddr(address).Is6() {
			apex = "ip6.arpa."
		}
		addUp(name, apex)
		add("x." + name)
	}
	for _, namespace := range append(w.namespaces, "nobody", "kube-system") {
		add(namespace + ".svc." + zone)
		add(namespace + ".pod." + zone)
		add("x." + namespace + ".svc." + zone)
	}
	for _, s := range w.services {
		base := s.Name + "." + s.Namespace + ".svc." + zone
		addUp(base, zone)
		add("x" + base)   // near misses
		add("x." + base)  //
		add("_x." + base) //
		add("_tcp." + base)
		add("_x._tcp." + base)
		for _, p := range s.Spec.Ports {
			if p.Name == "" {
				continue
			}
			protocol := strings.ToLower(string(p.Protocol))
			addUp("_"+p.Name+"._"+protocol+"."+base, zone)
			add(p.Name + "." + protocol + "." + base)
			add("x._" + p.Name + "._" + protocol + "." + base)
		}
		for _, ip := range append(s.Spec.ClusterIPs, s.Spec.ClusterIP) {
			if ip != "" && ip != corev1.ClusterIPNone {
				addReverse(ip)
			}
		}
	}
	for _, s := range w.slices {
		base := s.Labels["kubernetes.io/service-name"] + "." + s.Namespace + ".svc." + zone
		add(base)
		for _, e := range s.Endpoints {
			if e.Hostname != nil {
				add(*e.Hostname + "." + base)
				add("x." + *e.Hostname + "." + base)
			}
			add(dashed(e.Addresses[0]) + "." + base)
			addReverse(e.Addresses[0])
		}
	}
	for _, name := range single {
		delete(set, name)
	}
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func mixCase(random *rand.Rand, name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && random.IntN(2) == 0 {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
