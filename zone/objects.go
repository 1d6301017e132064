package zone

import (
	"net/netip"
	"time"
)

// Kind says which sort of Kubernetes object an Object or an Event is about.
type Kind uint8

// The kinds that DNS depends on.
const (
	Services Kind = iota
	EndpointSlices
	Namespaces
	Pods
	ServiceImports
	kinds // how many there are
)

// Kinds are all kinds, in the order a source should deliver them first: an
// object after those that give it its meaning.
var Kinds = [...]Kind{Namespaces, Services, ServiceImports, EndpointSlices, Pods}

// String returns the kind's plural resource name, as the API's paths spell it.
func (k Kind) String() string {
	switch k {
	case Services:
		return "services"
	case EndpointSlices:
		return "endpointslices"
	case Namespaces:
		return "namespaces"
	case Pods:
		return "pods"
	case ServiceImports:
		return "serviceimports"
	}
	return "unknown"
}

// Key names an object among those of its kind. Namespace is empty for a Namespace.
type Key struct{ Namespace, Name string }

// Object is a trimmed Kubernetes object: *Service, *EndpointSlice, *Namespace,
// *Pod or *ServiceImport. It is immutable once handed to a Zone, and holds no
// memory of the message that it was decoded from.
type Object interface {
	Kind() Kind
	Key() Key
	// Version is the resourceVersion, and 0 for an object that has none
	// (from a manifest).
	Version() uint64
}

// Meta is what every Object has.
type Meta struct {
	Namespace, Name string
	ResourceVersion uint64
}

// Key returns the object's namespace and name.
func (m *Meta) Key() Key { return Key{m.Namespace, m.Name} }

// Version returns the object's resourceVersion, 0 for none.
func (m *Meta) Version() uint64 { return m.ResourceVersion }

// Protocol is a port's transport, in lower case as DNS names spell it ("tcp").
type Protocol string

// The protocols of Kubernetes ports.
const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	SCTP Protocol = "sctp"
)

// Port is a port of a Service or an EndpointSlice.
type Port struct {
	Name     string // in lower case; empty for an unnamed port
	Protocol Protocol
	Number   uint16
}

// ServiceType says how a Service is answered.
type ServiceType uint8

// The types of a Service, as DNS tells them apart.
const (
	ClusterIP    ServiceType = iota // also NodePort and LoadBalancer: has ClusterIPs
	Headless                        // ClusterIP "None": answered by its endpoints
	ExternalName                    // a CNAME
)

// Service is a trimmed core/v1 Service.
type Service struct {
	Meta
	Type ServiceType
	// ClusterIPs has at most one address of each family, and none unless
	// Type is ClusterIP. A ClusterIP Service without addresses has not been
	// given one yet.
	ClusterIPs   []netip.Addr
	Ports        []Port
	ExternalName string // as written, for Type ExternalName
	HasSelector  bool
	Created      time.Time // creationTimestamp, a whole second; zero if unknown
}

// Kind returns Services.
func (*Service) Kind() Kind { return Services }

// EndpointSlice is a trimmed discovery.k8s.io/v1 EndpointSlice.
type EndpointSlice struct {
	Meta
	// Service is the name of the Service that the slice belongs to (label
	// kubernetes.io/service-name), in the slice's namespace. Empty for none.
	Service string
	// ImportedService and Cluster are the labels
	// multicluster.kubernetes.io/service-name and …/source-cluster.
	ImportedService, Cluster string
	Ports                    []Port
	Endpoints                []Endpoint
	// Triggered is the annotation endpoints.kubernetes.io/last-change-trigger-time.
	Triggered time.Time
}

// Kind returns EndpointSlices.
func (*EndpointSlice) Kind() Kind { return EndpointSlices }

// Endpoint is one endpoint of an EndpointSlice, its conditions normalised: a
// nil ready is true, a nil serving is ready, a nil terminating is false.
type Endpoint struct {
	Addresses []netip.Addr // unmapped, without IPv6 scope
	Hostname  string       // in lower case; empty for none
	Pod       string       // the name of the Pod that targetRef points to
	Zone      string       // topology zone
	Ready     bool
	Serving   bool
	// Terminating endpoints are not ready, except under publishNotReadyAddresses.
	Terminating bool
}

// Namespace is a trimmed core/v1 Namespace.
type Namespace struct{ Meta }

// Kind returns Namespaces.
func (*Namespace) Kind() Kind { return Namespaces }

// Key returns the Namespace's name, with no namespace.
func (n *Namespace) Key() Key { return Key{Name: n.Name} }

// Pod is a trimmed core/v1 Pod.
type Pod struct {
	Meta
	Addresses []netip.Addr // status.podIPs; none once the Pod has ended
}

// Kind returns Pods.
func (*Pod) Kind() Kind { return Pods }

// ServiceImport is a trimmed multicluster.x-k8s.io ServiceImport.
type ServiceImport struct {
	Meta
	Type       ServiceType // ClusterIP (spec.type ClusterSetIP) or Headless
	ClusterIPs []netip.Addr
	Ports      []Port
}

// Kind returns ServiceImports.
func (*ServiceImport) Kind() Kind { return ServiceImports }
