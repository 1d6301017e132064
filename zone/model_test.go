package zone

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// The model is the specification's text written down as plainly as can be: a
// function from all objects to a set of zone-file lines. It shares no code with
// the builder but the types of the objects.

// model is a set of records, each as name, type and RDATA.
type model map[string]bool

func (m model) add(name, typ, rdata string) { m[name+" "+typ+" "+rdata] = true }

func (m model) addr(name string, a netip.Addr) {
	if a.Is4() {
		m.add(name, "A", a.String())
	} else {
		m.add(name, "AAAA", a.String())
	}
}

func (m model) srv(name string, p Port, target string) {
	m.add(name, "SRV", fmt.Sprintf("0 100 %d %s", p.Number, target))
}

// srvNamed adds the SRV record of specification 2.3.2 and 2.4.2.
func (m model) srvNamed(service string, p Port, target string) {
	if p.Name != "" {
		m.srv("_"+p.Name+"._"+string(p.Protocol)+"."+service, p, target)
	}
}

// ptr adds the record of specification 2.3.3 and 2.4.3, if a zone has it.
func (m model) ptr(zones []string, a netip.Addr, target string) {
	name, err := dns.ReverseAddr(a.String())
	if err != nil {
		panic(err)
	}
	for _, z := range zones {
		if strings.HasSuffix(name, "."+z) {
			m.add(name, "PTR", target)
			return
		}
	}
}

// modelWorld is what a model is made of.
type modelWorld struct {
	config  Config
	objects map[Kind]map[Key]Object
}

// records returns the model of a world: forward zones without an import, whose
// first is cluster.local.
func (w modelWorld) records() model {
	m := model{}
	var forward, zones []string
	for _, z := range w.config.Zones {
		zones = append(zones, z.String())
		m.add(z.String(), "NS", "ns.dns.cluster.local.")
		if strings.HasSuffix(z.String(), ".arpa.") {
			continue
		}
		forward = append(forward, z.String())
		m.add("dns-version."+z.String(), "TXT", `"1.1.0"`)
		for _, a := range w.nameServer() {
			m.addr("ns.dns."+z.String(), a)
		}
	}
	for _, z := range forward {
		for _, o := range w.objects[Services] {
			s := o.(*Service)
			if !w.shown(s.Namespace) {
				continue
			}
			pointers := zones
			if z != forward[0] {
				pointers = nil
			}
			w.service(m, s, s.Name+"."+s.Namespace+".svc."+z, pointers)
		}
		for _, o := range w.objects[Pods] {
			p := o.(*Pod)
			for _, a := range p.Addresses {
				if w.config.Pods == PodsVerified && w.shown(p.Namespace) {
					m.addr(modelDashed(a)+"."+p.Namespace+".pod."+z, a)
				}
			}
		}
	}
	return m
}

// nameServer returns the addresses of ns.dns: those of kube-system/kube-dns, else
// of each Service that has one of ours as an endpoint, else ours.
func (w modelWorld) nameServer() (list []netip.Addr) {
	if s, ok := w.objects[Services][Key{"kube-system", "kube-dns"}].(*Service); ok && len(s.ClusterIPs) > 0 {
		return s.ClusterIPs
	}
	for _, o := range w.objects[EndpointSlices] {
		slice := o.(*EndpointSlice)
		for _, e := range slice.Endpoints {
			for _, a := range e.Addresses {
				if s, ok := w.objects[Services][Key{slice.Namespace, slice.Service}].(*Service); ok && slices.Contains(w.config.Self, a) {
					list = append(list, s.ClusterIPs...)
				}
			}
		}
	}
	if len(list) == 0 {
		return w.config.Self
	}
	return list
}

func (w modelWorld) shown(namespace string) bool {
	if len(w.config.Namespaces) > 0 && !slices.Contains(w.config.Namespaces, namespace) {
		return false
	}
	return !w.config.ListedNamespaces || w.objects[Namespaces][Key{Name: namespace}] != nil
}

// service adds all that a Service has: specification 2.3, 2.4 and 2.5.
func (w modelWorld) service(m model, s *Service, name string, pointers []string) {
	if s.Type == ExternalName {
		if _, err := netip.ParseAddr(s.ExternalName); err != nil {
			m.add(name, "CNAME", strings.TrimSuffix(s.ExternalName, ".")+".")
		}
		return
	}
	ready := false
	for _, o := range w.objects[EndpointSlices] {
		slice := o.(*EndpointSlice)
		if slice.Namespace != s.Namespace || slice.Service != s.Name {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Ready {
				ready = ready || len(e.Addresses) > 0
				w.endpoint(m, s, slice, e, name, pointers)
			}
		}
	}
	if s.Type == Headless || w.config.IgnoreEmpty && !ready {
		return
	}
	for _, a := range s.ClusterIPs {
		m.addr(name, a)
		m.ptr(pointers, a, name)
		for _, p := range s.Ports {
			m.srv(name, p, name)
			m.srvNamed(name, p, name)
		}
	}
}

// endpoint adds what a ready endpoint has.
func (w modelWorld) endpoint(m model, s *Service, slice *EndpointSlice, e Endpoint, service string, pointers []string) {
	for _, a := range e.Addresses {
		label := modelDashed(a)
		switch {
		case e.Hostname != "":
			label = e.Hostname
		case w.config.EndpointPodNames && e.Pod != "":
			label = e.Pod
		}
		name := label + "." + service
		m.addr(name, a)
		m.ptr(pointers, a, name)
		answering := []string{}
		if s.Type == Headless {
			answering = append(answering, service)
			if w.config.Zonal && e.Zone != "" {
				answering = append(answering, e.Zone+".pin._zone."+service, e.Zone+".prefer._zone."+service)
			}
		}
		for _, n := range answering {
			m.addr(n, a)
		}
		for _, p := range slice.Ports {
			m.srv(name, p, name)
			for _, n := range answering {
				m.srv(n, p, name)
			}
			if s.Type == Headless {
				m.srvNamed(service, p, name)
			}
		}
	}
}

// modelDashed returns an address as a label.
func modelDashed(a netip.Addr) string {
	s := strings.NewReplacer(".", "-", ":", "-").Replace(a.String())
	if strings.HasPrefix(s, "-") {
		s = "0" + s
	}
	if strings.HasSuffix(s, "-") {
		s += "0"
	}
	return s
}

// lines returns the records in order.
func (m model) lines() []string { return slices.Sorted(maps.Keys(m)) }

// dumpLines returns the records of a dump as a model writes them, in order.
func dumpLines(text string) (list []string) {
	for l := range strings.Lines(text) {
		if f := strings.Fields(l); f[0] != ";" {
			list = append(list, f[0]+" "+strings.Join(f[3:], " "))
		}
	}
	slices.Sort(list)
	return list
}
