package zone

import (
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// endpoints adds the records of some endpoints of a slice: those of its Service
// in each forward zone, and of its ServiceImport in each multi-cluster zone.
// Endpoints that are not ready have none, and no endpoint has any without the
// Service.
func (z *Zone) endpoints(c *change, s *EndpointSlice, endpoints []Endpoint) {
	if !z.shown(s.Namespace) {
		return
	}
	c.endpoints = true
	defer func() { c.endpoints = false }()
	if service, ok := z.objects[Services][Key{s.Namespace, s.Service}].(*Service); ok && service.Type != ExternalName {
		for _, apex := range z.forward {
			if name, ok := c.serviceName(service.Key(), apex); ok {
				w := endpointWriter{
					z: z, c: c, slice: s, service: name, owner: name,
					headless: service.Type == Headless, zonal: z.config.Zonal, pointers: apex == z.primary,
				}
				w.write(endpoints)
			}
		}
	}
	imported, ok := z.objects[ServiceImports][Key{s.Namespace, s.ImportedService}].(*ServiceImport)
	if !ok || imported.Type != Headless {
		return
	}
	for _, apex := range z.imports {
		name, ok := c.serviceName(imported.Key(), apex)
		if !ok {
			continue
		}
		// Endpoints of several clusters may have one hostname: the cluster's
		// name keeps them apart (KEP-1645).
		owner := name
		if s.Cluster != "" {
			if owner, ok = c.name(s.Cluster, name); !ok {
				continue
			}
		}
		w := endpointWriter{z: z, c: c, slice: s, service: name, owner: owner, headless: true}
		w.write(endpoints)
	}
}

// endpointWriter adds the records of one slice's endpoints in one zone.
type endpointWriter struct {
	z       *Zone
	c       *change
	slice   *EndpointSlice
	service Name // the Service's name
	owner   Name // what endpoint names stand below
	// headless Services are answered with their endpoints (specification 2.4).
	headless bool
	zonal    bool // with zone-scoped names
	pointers bool // with PTR records
}

func (w *endpointWriter) write(endpoints []Endpoint) {
	for i := range endpoints {
		e := &endpoints[i]
		if !e.Ready {
			continue
		}
		for _, a := range e.Addresses {
			label := w.z.endpointLabel(e, a)
			name, ok := w.c.name(label, w.owner)
			if !ok {
				continue
			}
			w.endpoint(e, a, name)
		}
	}
}

// endpoint adds the records of one address.
func (w *endpointWriter) endpoint(e *Endpoint, a netip.Addr, name Name) {
	w.c.addr(name, a)
	for _, p := range w.slice.Ports {
		w.c.srv(name, p, name)
	}
	if w.pointers {
		rank := uint8(rankOther)
		if w.headless && e.Hostname != "" {
			rank = rankHostname
		}
		w.z.pointer(w.c, a, rank, name)
	}
	if !w.headless {
		return
	}
	w.answer(w.service, a, name)
	for _, p := range w.slice.Ports {
		w.c.srvNamed(w.service, p, name)
	}
	if w.zonal {
		w.scoped(e, a, name)
	}
}

// answer adds an endpoint to a name that answers with all of several endpoints.
func (w *endpointWriter) answer(owner Name, a netip.Addr, target Name) {
	w.c.addr(owner, a)
	for _, p := range w.slice.Ports {
		w.c.srv(owner, p, target)
	}
}

// Labels of zone-scoped names, in wire form.
const (
	labelZone   = "\x05_zone"
	labelPin    = "\x03pin"
	labelPrefer = "\x06prefer"
)

// scoped adds an endpoint to the zone-scoped names of its topology zone. A zone
// that no endpoint is in is answered without a name of its own, see
// Snapshot.scoped.
func (w *endpointWriter) scoped(e *Endpoint, a netip.Addr, target Name) {
	for _, label := range []Name{labelPin, labelPrefer} {
		if len(label)+len(labelZone)+len(w.service) > wire.MaxName {
			continue
		}
		anchor := label + labelZone + w.service
		w.c.add(anchor, typeExists, nil)
		if e.Zone == "" {
			continue
		}
		zone, err := wire.ParseName(e.Zone) // a zone may have dots, and then several labels
		if err != nil || len(zone)-1+len(anchor) > wire.MaxName {
			w.c.skipped += int(w.c.sign)
			continue
		}
		w.answer(zone[:len(zone)-1]+anchor, a, target)
	}
}

// EndpointLabels returns the labels that an endpoint has below its Service's name: one
// for each address, each once.
func (z *Zone) EndpointLabels(e *Endpoint) (out []string) {
	for _, a := range e.Addresses {
		if label := z.endpointLabel(e, a); !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	return out
}

// endpointLabel returns the label of an endpoint's own name: its hostname, its
// Pod's name if so configured, or else the address.
func (z *Zone) endpointLabel(e *Endpoint, a netip.Addr) string {
	switch {
	case e.Hostname != "":
		return e.Hostname
	case z.config.EndpointPodNames && isLabel(e.Pod):
		return e.Pod
	default:
		return dashed(a)
	}
}

// isLabel reports whether a Pod's name can be one label: it may have dots, or
// be too long.
func isLabel(s string) bool {
	if s == "" || len(s) > wire.MaxLabel {
		return false
	}
	for i := range len(s) {
		if s[i] == '.' {
			return false
		}
	}
	return true
}

// sameSlice returns two versions of a slice that differ in endpoints alone.
func sameSlice(old, now Object) (was, is *EndpointSlice, ok bool) {
	was, ok = old.(*EndpointSlice)
	if !ok {
		return nil, nil, false
	}
	is, ok = now.(*EndpointSlice)
	return was, is, ok && was.Service == is.Service && was.ImportedService == is.ImportedService &&
		was.Cluster == is.Cluster && slices.Equal(was.Ports, is.Ports)
}

// sliceDiff takes back the endpoints that only was has and adds those that only
// is has, so that a slice of a hundred costs what changed in it.
func (z *Zone) sliceDiff(c *change, was, is *EndpointSlice) {
	at := make(map[netip.Addr]int, len(was.Endpoints))
	for i, e := range was.Endpoints {
		if len(e.Addresses) > 0 {
			at[e.Addresses[0]] = i
		}
	}
	kept := make([]bool, len(was.Endpoints))
	var gone, come []Endpoint
	for _, e := range is.Endpoints {
		if len(e.Addresses) > 0 {
			if i, ok := at[e.Addresses[0]]; ok && !kept[i] && e.equal(&was.Endpoints[i]) {
				kept[i] = true
				continue
			}
		}
		come = append(come, e)
	}
	for i, k := range kept {
		if !k {
			gone = append(gone, was.Endpoints[i])
		}
	}
	c.sign = -1
	z.endpoints(c, was, gone)
	c.sign = +1
	z.endpoints(c, is, come)
}

// equal reports whether two endpoints are the same to DNS.
func (e *Endpoint) equal(o *Endpoint) bool {
	return e.Ready == o.Ready && e.Hostname == o.Hostname && e.Pod == o.Pod && e.Zone == o.Zone &&
		slices.Equal(e.Addresses, o.Addresses)
}
