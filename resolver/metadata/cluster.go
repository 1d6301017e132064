package metadata

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Labels of queries for names in the zones of a cluster, as CoreDNS has them.
// Those that the name says nothing of are empty.
const (
	Kind      = "kubernetes/kind" // svc or pod
	Namespace = "kubernetes/namespace"
	Service   = "kubernetes/service" // of a pod's name, its first label
	Endpoint  = "kubernetes/endpoint"
	PortName  = "kubernetes/port-name"
	Protocol  = "kubernetes/protocol"
	// OfCluster is in multi-cluster zones alone, and Topology with zone-scoped
	// names alone.
	OfCluster = "kubernetes/cluster"
	Topology  = "kubernetes/zone"
)

// Labels of queries of pods. Of those that several pods have the address of there
// is no name, as it is not known which of them asks, and no label at all if they are
// of several namespaces.
const (
	ClientNamespace = "kubernetes/client-namespace"
	ClientPodName   = "kubernetes/client-pod-name"
)

// Pods tells whose address an address is. It is safe for concurrent use.
type Pods interface {
	// PodOf returns the pod that has an address, in any form of it. Its Name is
	// empty if several of one namespace have it; false if there is none, or are
	// several of different namespaces.
	PodOf(netip.Addr) (zone.Key, bool)
}

// Cluster is what a server block's kubernetes directive says. It does not change.
type Cluster struct {
	// Zones are the zones, and Multicluster those of them that hold ServiceImports.
	Zones, Multicluster []zone.Name
	// Zonal: there are zone-scoped names.
	Zonal bool
	// Pods, if not nil, knows the clients (pods verified).
	Pods Pods
}

// note tells of the client and the name of q.
func (c *Cluster) note(q *resolver.Query) {
	if c.Pods != nil {
		if pod, ok := c.Pods.PodOf(q.Client.Addr()); ok {
			q.Note(ClientNamespace, pod.Namespace)
			if pod.Name != "" {
				q.Note(ClientPodName, pod.Name)
			}
		}
	}
	name, apex := zone.Name(q.Name()), zone.Longest(c.Zones, q.Name())
	if apex == "" {
		return
	}
	multi := slices.Contains(c.Multicluster, apex)
	p, ok := read(name, apex, multi, c.Zonal)
	if !ok {
		return
	}
	q.Note(Kind, p.kind)
	q.Note(Namespace, p.namespace)
	q.Note(Service, p.service)
	q.Note(Endpoint, p.endpoint)
	q.Note(PortName, p.port)
	q.Note(Protocol, p.protocol)
	if multi {
		q.Note(OfCluster, p.cluster)
	}
	if c.Zonal {
		q.Note(Topology, p.topology)
	}
}

// parts are what the labels of a name stand for; empty where there is none.
type parts struct{ kind, namespace, service, endpoint, port, protocol, cluster, topology string }

// read takes a name below apex apart. It reports false for one that has no place
// in the schema:
//
//	[ENDPOINT.]SERVICE.NAMESPACE.svc
//	_PORT._PROTOCOL.SERVICE.NAMESPACE.svc
//	ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc    in multi-cluster zones
//	TOPOLOGY.pin|prefer._zone.SERVICE.NAMESPACE.svc    if zonal
//	ADDRESS.NAMESPACE.pod
func read(name, apex zone.Name, multi, zonal bool) (p parts, ok bool) {
	var labels []string // from the right
	for n := name; len(n) > len(apex); n = n.Parent() {
		labels = append(labels, n.Label())
	}
	slices.Reverse(labels)
	for _, to := range []*string{&p.kind, &p.namespace, &p.service} {
		if len(labels) == 0 {
			return p, true
		}
		*to, labels = labels[0], labels[1:]
		if p.kind != "svc" && p.kind != "pod" {
			return parts{}, false
		}
	}
	switch {
	case len(labels) == 0:
	case len(labels) == 1:
		p.endpoint = labels[0]
	case len(labels) == 2:
		if multi && !isUnderscored(labels[0]) && !isUnderscored(labels[1]) {
			p.cluster, p.endpoint = labels[0], labels[1]
			break
		}
		p.protocol, p.port = strings.TrimPrefix(labels[0], "_"), strings.TrimPrefix(labels[1], "_")
	case zonal && !multi && p.kind == "svc" && labels[0] == "_zone" && (labels[1] == "pin" || labels[1] == "prefer"):
		topology := labels[2:] // a topology zone's name may have dots
		slices.Reverse(topology)
		p.topology = strings.Join(topology, ".")
	default:
		return parts{}, false
	}
	return p, true
}

func isUnderscored(label string) bool { return strings.HasPrefix(label, "_") }
