package zone

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// schemaVersion is the version of the Kubernetes DNS-Based Service Discovery
// specification that the names follow (its section 2.2).
const schemaVersion = "1.1.0"

// SRV records all have the same priority and weight: the specification
// prescribes neither (2.3.2), and equal weights mean equal chances (RFC 2782).
const (
	srvPriority = 0
	srvWeight   = 100
)

// Ranks of PTR records: the hostname of a headless Service's endpoint names a
// pod as it names itself, and goes first.
const (
	rankHostname = 0
	rankOther    = 1
)

// contribute adds, or takes back, the records of o, which may be nil, as the
// objects now stored give it meaning. It reads and does not change
// the Zone.
func (z *Zone) contribute(c *change, o Object) {
	switch o := o.(type) {
	case *Service:
		z.service(c, o)
	case *ServiceImport:
		z.serviceImport(c, o)
	case *EndpointSlice:
		z.endpoints(c, o, o.Endpoints)
	case *Namespace:
		z.namespace(c, o)
	case *Pod:
		z.pod(c, o)
	}
}

// fixed adds what each zone has whatever the cluster holds.
func (z *Zone) fixed(c *change) {
	for _, apex := range z.apexes {
		c.add(apex, wire.TypeNS, []byte("\x02ns\x03dns"+z.primary))
		if apex.IsReverse() {
			continue
		}
		c.add("\x03svc"+apex, typeExists, nil)
		c.add("\x03pod"+apex, typeExists, nil)
		c.add(longestFixed+apex, wire.TypeTXT, append([]byte{byte(len(schemaVersion))}, schemaVersion...))
	}
}

// nameServer adds the addresses of ns.dns.<zone>.
func (z *Zone) nameServer(c *change, addrs []netip.Addr) {
	for _, apex := range z.apexes {
		if apex.IsReverse() {
			continue
		}
		name := "\x02ns\x03dns" + apex
		c.add(name, typeExists, nil)
		for _, a := range addrs {
			c.addr(name, a)
		}
	}
}

// nameServerAddrs returns what ns.dns.<zone> should have now.
func (z *Zone) nameServerAddrs() []netip.Addr {
	if s, ok := z.objects[Services][Key{"kube-system", "kube-dns"}].(*Service); ok && len(s.ClusterIPs) > 0 {
		return s.ClusterIPs
	}
	var addrs []netip.Addr
	for _, owner := range z.self {
		if s, ok := z.objects[Services][owner].(*Service); ok {
			addrs = append(addrs, s.ClusterIPs...)
		}
	}
	if len(addrs) == 0 {
		return z.config.Self
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// shown reports whether the names of a namespace are.
func (z *Zone) shown(namespace string) bool {
	if len(z.config.Namespaces) > 0 && !slices.Contains(z.config.Namespaces, namespace) {
		return false
	}
	return !z.config.ListedNamespaces || z.objects[Namespaces][Key{Name: namespace}] != nil
}

// namespace adds a Namespace: a name that exists, without records.
func (z *Zone) namespace(c *change, n *Namespace) {
	if !z.shown(n.Name) {
		return
	}
	for _, apex := range slices.Concat(z.forward, z.imports) {
		if name, ok := c.name(n.Name, "\x03svc"+apex); ok {
			c.add(name, typeExists, nil)
		}
	}
	if z.config.Pods == PodsDisabled {
		return
	}
	for _, apex := range z.forward {
		if name, ok := c.name(n.Name, "\x03pod"+apex); ok {
			c.add(name, typeExists, nil)
		}
	}
}

// pod adds a Pod's name in mode PodsVerified.
func (z *Zone) pod(c *change, p *Pod) {
	if z.config.Pods != PodsVerified || !z.shown(p.Namespace) {
		return
	}
	for _, apex := range z.forward {
		namespace, ok := c.name(p.Namespace, "\x03pod"+apex)
		if !ok {
			continue
		}
		for _, a := range p.Addresses {
			if name, ok := c.name(dashed(a), namespace); ok {
				c.addr(name, a)
			}
		}
	}
}

// service adds what a Service has without its endpoints: all of a ClusterIP's
// (specification 2.3) and an ExternalName's (2.5), nothing of a headless one's.
func (z *Zone) service(c *change, s *Service) {
	if !z.shown(s.Namespace) {
		return
	}
	for _, apex := range z.forward {
		name, ok := c.serviceName(s.Key(), apex)
		if !ok {
			continue
		}
		switch s.Type {
		case ExternalName:
			if target, ok := externalTarget(s.ExternalName); ok {
				c.add(name, wire.TypeCNAME, []byte(target))
			}
		case ClusterIP:
			if z.config.IgnoreEmpty && !z.hasReady(s.Key()) {
				continue
			}
			z.clusterIPs(c, name, s.ClusterIPs, s.Ports)
		}
		if s.Type == ClusterIP && apex == z.primary {
			for _, a := range s.ClusterIPs {
				z.pointer(c, a, rankOther, name)
			}
		}
	}
}

// clusterIPs adds the records at and below a ClusterIP Service's name.
func (z *Zone) clusterIPs(c *change, name Name, addrs []netip.Addr, ports []Port) {
	c.add(name, typeExists, nil) // before it has its addresses, too
	for _, a := range addrs {
		c.addr(name, a)
	}
	if len(addrs) == 0 {
		return
	}
	for _, p := range ports {
		c.srv(name, p, name)
		c.srvNamed(name, p, name)
	}
}

// serviceImport adds a ServiceImport with addresses of its own (KEP-1645).
func (z *Zone) serviceImport(c *change, s *ServiceImport) {
	if s.Type != ClusterIP || !z.shown(s.Namespace) {
		return
	}
	for _, apex := range z.imports {
		if name, ok := c.serviceName(s.Key(), apex); ok {
			z.clusterIPs(c, name, s.ClusterIPs, s.Ports)
		}
	}
}

// hasReady reports whether a Service has a ready endpoint.
func (z *Zone) hasReady(service Key) bool {
	for _, s := range z.slices[service] {
		if slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool { return e.Ready && len(e.Addresses) > 0 }) {
			return true
		}
	}
	return false
}

// pointer adds a PTR record for addr, if one of the zones has its reverse name:
// it may be the apex, as a network that ends within an octet is written as one
// zone for each of its addresses.
func (z *Zone) pointer(c *change, addr netip.Addr, rank uint8, target Name) {
	name := wire.ReverseName(addr)
	if z.apexOf([]byte(name)) >= 0 {
		c.addRanked(name, setKey{wire.TypePTR, rank}, []byte(target))
	}
}

// name returns label.parent, and false if that can't be a name, which is counted
// or, with the record that would have it, taken back.
func (c *change) name(label string, parent Name) (Name, bool) {
	n, ok := parent.Child(label)
	if !ok {
		c.skipped += int(c.sign)
	}
	return n, ok
}

// serviceName returns service.namespace.svc.apex.
func (c *change) serviceName(service Key, apex Name) (Name, bool) {
	namespace, ok := c.name(service.Namespace, "\x03svc"+apex)
	if !ok {
		return "", false
	}
	return c.name(service.Name, namespace)
}

// addr adds an A or AAAA record.
func (c *change) addr(name Name, a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		c.add(name, wire.TypeA, b[:])
		return
	}
	b := a.As16()
	c.add(name, wire.TypeAAAA, b[:])
}

// srv adds an SRV record.
func (c *change) srv(name Name, p Port, target Name) {
	rdata := make([]byte, 0, 6+len(target))
	rdata = binary.BigEndian.AppendUint16(rdata, srvPriority)
	rdata = binary.BigEndian.AppendUint16(rdata, srvWeight)
	rdata = binary.BigEndian.AppendUint16(rdata, p.Number)
	c.add(name, wire.TypeSRV, append(rdata, target...))
}

// srvNamed adds the SRV record of a named port, _name._protocol.service; an
// unnamed one has none (specification 2.3.2, 2.4.2).
func (c *change) srvNamed(service Name, p Port, target Name) {
	if p.Name == "" {
		return
	}
	if protocol, ok := c.name("_"+string(p.Protocol), service); ok {
		if name, ok := c.name("_"+p.Name, protocol); ok {
			c.srv(name, p, target)
		}
	}
}

// externalTarget returns an ExternalName's target. What spells an address is no
// name, and Kubernetes says that it is not resolved.
func externalTarget(text string) (Name, bool) {
	if _, err := netip.ParseAddr(strings.TrimSuffix(text, ".")); err == nil {
		return "", false
	}
	target, err := wire.ParseName(text)
	return target, err == nil && target != wire.Root
}

// dashed returns an address as a label: dots and colons become dashes. A label
// neither begins nor ends with a dash (RFC 952), so an empty group there is a 0.
func dashed(a netip.Addr) string {
	if a.Is4() {
		return strings.ReplaceAll(a.String(), ".", "-")
	}
	label := strings.ReplaceAll(a.String(), ":", "-")
	if label[0] == '-' {
		label = "0" + label
	}
	if label[len(label)-1] == '-' {
		label += "0"
	}
	return label
}
