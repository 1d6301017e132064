package zone

import (
	"fmt"
	"strings"
)

// Code says in a word why a name has no records of a type.
type Code uint8

// The codes of a Reason. The first are of names, in the order in which a name is
// read from the zone down; those from OtherFamily on are of names that exist.
const (
	// Unknown is the code of no Reason.
	Unknown Code = iota
	// NoForm: nothing in the zone has a name of this form.
	NoForm
	// NoNamespace: there is no such Namespace.
	NoNamespace
	// HiddenNamespace: the configuration serves other Namespaces alone.
	HiddenNamespace
	// NoService: the Namespace has no such Service (or ServiceImport).
	NoService
	// BadTarget: an ExternalName Service's externalName is no domain name.
	BadTarget
	// BelowExternalName: there are no names below that of an ExternalName Service.
	BelowExternalName
	// EmptyIgnored: a Service has a ClusterIP, no ready endpoint, and the
	// configuration leaves such out.
	EmptyIgnored
	// NoPort: the Service has no port of this name.
	NoPort
	// OtherProtocol: it has, with another protocol.
	OtherProtocol
	// PortNotServed: the Service is headless and has the port, and no ready endpoint
	// has it.
	PortNotServed
	// NoUnderscore: a port and its protocol are written without underscores.
	NoUnderscore
	// SlicesNotRead: a headless Service, and the configuration reads no EndpointSlice.
	SlicesNotRead
	// NoSlice: a headless Service, and no EndpointSlice is labelled as its own.
	NoSlice
	// NoEndpoints: its EndpointSlices are empty.
	NoEndpoints
	// NoneReady: it has endpoints, and none is ready.
	NoneReady
	// NoEndpoint: the Service has no endpoint of this name.
	NoEndpoint
	// EndpointNotReady: it has, and that is not ready.
	EndpointNotReady
	// NotZonal: zone-scoped names are not configured.
	NotZonal
	// PodNamesDisabled: names below pod.<zone> are not configured.
	PodNamesDisabled
	// NoPodAddress: the label of a pod's name spells no address.
	NoPodAddress
	// NoPod: no Pod of the Namespace has the address.
	NoPod
	// NoPointer: neither a ClusterIP nor a ready endpoint has the address.
	NoPointer
	// Long: what the objects mean would be longer than a domain name can be.
	Long

	// OtherFamily: the name has addresses of the other family alone.
	OtherFamily
	// NoneInZone: no ready endpoint is in the topology zone.
	NoneInZone
	// NoAddress: the Service has not been given a ClusterIP yet.
	NoAddress
	// NoPorts: SRV records were asked for, and there is no port.
	NoPorts
	// Empty: the name exists as there are names below it, and has no records.
	Empty
	// OtherType: the name has records of other types.
	OtherType
)

// Reason says why a name has no records of a type: a code and counts, and how the
// name was read. It has nothing that is not in the name, but for the counts.
type Reason struct {
	Code Code
	// Name is what has no records: the name asked for or, if Alias is set, the one
	// that ExternalName Services lead to from there.
	Name  Name
	Alias bool

	// The labels of Name, each empty if the form of the name has none such. Port and
	// Protocol are without underscore, Endpoint is one label.
	Namespace, Service, Endpoint, Port, Protocol string
	// Imported says that Service is a ServiceImport.
	Imported bool

	// Slices and Endpoints count those of Service, of which NotReady are not ready,
	// of which Terminating terminate; for EndpointNotReady, the endpoints of that
	// name alone. They are 0 if the code needs none.
	Slices, Endpoints, NotReady, Terminating int
}

// String returns the reason in words: one line of ASCII without a label of Name.
func (r Reason) String() string {
	text := r.words()
	if r.Alias && text != "" {
		return "the name that this ExternalName Service leads to: " + text
	}
	return text
}

func (r Reason) words() string {
	switch r.Code {
	case NoForm:
		return "nothing in the zone has a name of this form"
	case NoNamespace:
		return "no such Namespace"
	case HiddenNamespace:
		return "the Namespace is not among those that are served"
	case NoService:
		return "no such " + r.service() + " in the Namespace"
	case BadTarget:
		return "the Service's externalName is no domain name"
	case BelowExternalName:
		return "an ExternalName Service has no names below its own"
	case EmptyIgnored:
		return "the Service has no ready endpoint (ignore empty_service): " + r.counts()
	case NoPort:
		return "the " + r.service() + " has no port of this name"
	case OtherProtocol:
		return "the " + r.service() + "'s port of this name has another protocol"
	case PortNotServed:
		return "no ready endpoint has the " + r.service() + "'s port of this name: " + r.counts()
	case NoUnderscore:
		return "ports and protocols are asked for with underscores: _port._protocol.service"
	case SlicesNotRead:
		return "a headless Service, and EndpointSlices are not read (noendpoints)"
	case NoSlice:
		return "a headless " + r.service() + " without an EndpointSlice"
	case NoEndpoints:
		return "a headless " + r.service() + " without endpoints"
	case NoneReady:
		return "a headless " + r.service() + " without a ready endpoint: " + r.counts()
	case NoEndpoint:
		return "the " + r.service() + " has no endpoint of this name: " + r.counts()
	case EndpointNotReady:
		return "the endpoint of this name is not ready: " + r.counts()
	}
	return r.rest()
}

// rest is words, for the codes that need no counts.
func (r Reason) rest() string {
	switch r.Code {
	case NotZonal:
		return "zone-scoped names are not configured (zonal)"
	case NoneInZone:
		return "no ready endpoint is in this topology zone"
	case PodNamesDisabled:
		return "pod names are not configured (pods disabled)"
	case NoPodAddress:
		return "a pod's name is its address with dashes, as 10-1-2-3"
	case NoPod:
		return "no Pod of the Namespace has this address"
	case NoPointer:
		return "neither a ClusterIP nor a ready endpoint has this address"
	case Long:
		return "a name here is longer than a domain name can be"
	case OtherFamily:
		return "the name has addresses of the other family alone"
	case NoAddress:
		return "the " + r.service() + " has no ClusterIP yet"
	case NoPorts:
		return "the " + r.service() + " has no port"
	case Empty:
		return "the name has no records, and there are names below it"
	case OtherType:
		return "the name has records of other types alone"
	}
	return ""
}

func (r Reason) service() string {
	if r.Imported {
		return "ServiceImport"
	}
	return "Service"
}

// counts says how many endpoints there are.
func (r Reason) counts() string {
	var b strings.Builder
	if r.Endpoints == 1 {
		b.WriteString("1 endpoint")
	} else {
		fmt.Fprintf(&b, "%d endpoints", r.Endpoints)
	}
	if r.NotReady > 0 {
		fmt.Fprintf(&b, ", %d not ready", r.NotReady)
	}
	if r.Terminating > 0 {
		fmt.Fprintf(&b, ", %d terminating", r.Terminating)
	}
	return b.String()
}

// String returns the code as one word, "none-ready".
func (c Code) String() string {
	names := [...]string{
		Unknown: "unknown", NoForm: "no-form", NoNamespace: "no-namespace", HiddenNamespace: "hidden-namespace",
		NoService: "no-service", BadTarget: "bad-target", BelowExternalName: "below-external-name", EmptyIgnored: "empty-ignored",
		NoPort: "no-port", OtherProtocol: "other-protocol", PortNotServed: "port-not-served", NoUnderscore: "no-underscore",
		SlicesNotRead: "slices-not-read", NoSlice: "no-slice", NoEndpoints: "no-endpoints", NoneReady: "none-ready",
		NoEndpoint: "no-endpoint", EndpointNotReady: "endpoint-not-ready", NotZonal: "not-zonal",
		PodNamesDisabled: "pods-disabled", NoPodAddress: "no-pod-address", NoPod: "no-pod", NoPointer: "no-pointer", Long: "name-too-long",
		OtherFamily: "other-family", NoneInZone: "none-in-zone", NoAddress: "no-address", NoPorts: "no-ports", Empty: "empty", OtherType: "other-type",
	}
	if int(c) >= len(names) {
		return names[Unknown]
	}
	return names[c]
}
