package zone

import (
	"net/netip"
	"slices"
	"strings"
)

// owner is a Service or a ServiceImport to those who ask for names below it.
type owner struct {
	typ        ServiceType
	clusterIPs []netip.Addr
	ports      []Port
	key        Key // of Zone.slices
}

// below explains labels below a Service's name; the one next to it comes first.
func (e *explanation) below(o owner, labels []string) Code {
	switch {
	case len(labels) == 0:
		if e.node == nil {
			return e.absent(o)
		}
		if o.typ == ClusterIP && len(o.clusterIPs) == 0 {
			return NoAddress
		}
		return e.bare()
	case labels[0] == "_zone":
		return e.scoped(o)
	case strings.HasPrefix(labels[0], "_") && len(labels) <= 2:
		return e.port(o, labels)
	case len(labels) == 1, len(labels) == 2 && e.Imported:
		return e.endpoint(o, labels)
	case len(labels) == 2 && slices.Contains([]Protocol{TCP, UDP, SCTP}, Protocol(labels[0])):
		e.Protocol, e.Port = labels[0], strings.TrimPrefix(labels[1], "_")
		return NoUnderscore
	}
	return e.or(NoForm)
}

// absent returns why a Service that there is has no name.
func (e *explanation) absent(o owner) Code {
	e.count(o, func(*Endpoint) bool { return true })
	switch {
	case o.typ == ClusterIP && e.z.config.IgnoreEmpty && !e.Imported && e.Endpoints == e.NotReady:
		return EmptyIgnored
	case o.typ != Headless:
		return Long
	case len(e.z.config.Kinds) > 0 && !slices.Contains(e.z.config.Kinds, EndpointSlices):
		return SlicesNotRead
	case e.Slices == 0:
		return NoSlice
	case e.Endpoints == 0:
		return NoEndpoints
	case e.Endpoints == e.NotReady:
		return NoneReady
	}
	return Long
}

// count counts the Service's slices and those of its endpoints that are meant.
func (e *explanation) count(o owner, meant func(*Endpoint) bool) {
	e.Slices, e.Endpoints, e.NotReady, e.Terminating = 0, 0, 0, 0
	for _, s := range e.z.slices[o.key] {
		e.Slices++
		for i := range s.Endpoints {
			p := &s.Endpoints[i]
			if len(p.Addresses) == 0 || !meant(p) {
				continue
			}
			e.Endpoints++
			if !p.Ready {
				e.NotReady++
				if p.Terminating {
					e.Terminating++
				}
			}
		}
	}
}

// port explains _protocol, or _port._protocol, below a Service.
func (e *explanation) port(o owner, labels []string) Code {
	e.Protocol = labels[0][1:]
	if len(labels) > 1 {
		e.Port = strings.TrimPrefix(labels[1], "_")
		if e.Port == labels[1] {
			return e.or(NoUnderscore)
		}
	}
	if e.node != nil {
		return e.bare()
	}
	ports := slices.Clone(o.ports)
	for _, s := range e.z.slices[o.key] {
		ports = append(ports, s.Ports...)
	}
	name, protocol := false, false
	for _, p := range ports {
		if p.Name == "" || e.Port != "" && p.Name != e.Port {
			continue
		}
		name = true
		protocol = protocol || string(p.Protocol) == e.Protocol
	}
	switch {
	case protocol && o.typ == Headless:
		if code := e.absent(o); code != Long {
			return code
		}
		return PortNotServed
	case protocol && len(o.clusterIPs) == 0:
		return NoAddress
	case protocol:
		return e.absent(o)
	case name:
		return OtherProtocol
	}
	return NoPort
}

// endpoint explains the name of an endpoint of a Service; that of an import may
// have the cluster's name between.
func (e *explanation) endpoint(o owner, labels []string) Code {
	e.Endpoint = labels[len(labels)-1]
	if e.node != nil {
		return e.bare()
	}
	addr, spelled := parseDashed([]byte(e.Endpoint))
	spelled = spelled && dashed(addr) == e.Endpoint
	e.count(o, func(p *Endpoint) bool { // as endpointLabel, which makes labels of addresses
		switch {
		case p.Hostname != "":
			return p.Hostname == e.Endpoint
		case e.z.config.EndpointPodNames && isLabel(p.Pod):
			return p.Pod == e.Endpoint
		}
		return spelled && slices.Contains(p.Addresses, addr)
	})
	if e.NotReady > 0 {
		return EndpointNotReady
	}
	switch code := e.absent(o); code {
	case Long, EmptyIgnored, NoneReady: // there are others
		return NoEndpoint
	default:
		return code
	}
}

// scoped explains a zone-scoped name.
func (e *explanation) scoped(o owner) Code {
	if !e.z.config.Zonal || e.Imported {
		return e.or(NotZonal)
	}
	if o.typ != Headless {
		return NoForm
	}
	if e.node == nil || e.node.isBare() {
		z := &e.s.zones[slices.IndexFunc(e.s.zones, func(z state) bool { return z.apex == e.apex })]
		if at := e.s.scoped(z, []byte(e.Name)); at != nil {
			e.node = at // it answers in the name's place
			if e.has(e.typ) {
				return Unknown
			}
		}
	}
	code := e.absent(o)
	switch {
	case code != Long:
		return code
	case e.node == nil:
		return NoForm
	case e.node.isBare() && e.node.name() != e.Name:
		return NoneInZone
	}
	return e.bare()
}
