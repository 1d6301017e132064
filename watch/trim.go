package watch

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// A trimmer makes zone objects of API objects. Every string that it keeps is
// its own, so that a trimmed object never holds the message it was decoded
// from in memory. Safe for concurrent use; the zero value is ready.
type trimmer struct{ interner }

// trim makes a zone object of an API object. bad is how many of its parts
// (addresses, ports) it left out because they can't be used; the rest of the
// object stands. Only an object that is none of the five kinds is an error.
func (t *trimmer) trim(obj any) (out zone.Object, bad int, err error) {
	switch o := obj.(type) {
	case *corev1.Service:
		out, bad = t.service(o)
	case *discoveryv1.EndpointSlice:
		out, bad = t.endpointSlice(o)
	case *corev1.Namespace:
		out = &zone.Namespace{Meta: t.meta(&o.ObjectMeta)}
	case *corev1.Pod:
		out, bad = t.pod(o)
	case *serviceImport:
		out, bad = t.serviceImport(o)
	default:
		return nil, 0, fmt.Errorf("%T is of no kind that DNS depends on", obj)
	}
	return out, bad, nil
}

func (t *trimmer) meta(m *metav1.ObjectMeta) zone.Meta {
	return zone.Meta{
		Namespace:       t.intern(m.Namespace),
		Name:            strings.Clone(m.Name),
		ResourceVersion: version(m.ResourceVersion),
	}
}

// version reads a resourceVersion. The API says that it is opaque but, since
// Kubernetes 1.35, also that it is an integer of decimal digits. One that is
// not counts as none: the object is then never taken for unchanged.
func version(s string) uint64 {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func (t *trimmer) service(o *corev1.Service) (*zone.Service, int) {
	s := &zone.Service{
		Meta:        t.meta(&o.ObjectMeta),
		HasSelector: len(o.Spec.Selector) > 0,
		Created:     o.CreationTimestamp.Time,
	}
	// ClusterIP is the older field, and the same as the first of ClusterIPs.
	ips := o.Spec.ClusterIPs
	if len(ips) == 0 && o.Spec.ClusterIP != "" {
		ips = []string{o.Spec.ClusterIP}
	}
	var badIPs, badPorts int
	switch {
	case o.Spec.Type == corev1.ServiceTypeExternalName:
		s.Type = zone.ExternalName
		s.ExternalName = strings.Clone(o.Spec.ExternalName)
	case o.Spec.ClusterIP == corev1.ClusterIPNone, len(ips) > 0 && ips[0] == corev1.ClusterIPNone:
		s.Type = zone.Headless
	default:
		s.Type = zone.ClusterIP
		s.ClusterIPs, badIPs = onePerFamily(ips)
	}
	s.Ports = make([]zone.Port, 0, len(o.Spec.Ports))
	for i := range o.Spec.Ports {
		p := &o.Spec.Ports[i]
		s.Ports, badPorts = t.appendPort(s.Ports, badPorts, rawPort{p.Name, p.Protocol, p.Port})
	}
	return s, badIPs + badPorts
}

func (t *trimmer) endpointSlice(o *discoveryv1.EndpointSlice) (*zone.EndpointSlice, int) {
	s := &zone.EndpointSlice{
		Meta:            t.meta(&o.ObjectMeta),
		Service:         t.intern(o.Labels[discoveryv1.LabelServiceName]),
		ImportedService: t.intern(o.Labels[labelImportedService]),
		Cluster:         t.intern(o.Labels[labelSourceCluster]),
		Triggered:       triggered(o),
		Ports:           make([]zone.Port, 0, len(o.Ports)),
	}
	bad := 0
	for i := range o.Ports {
		p := &o.Ports[i]
		// A port without number is "all ports": SRV has nothing to say of it.
		if p.Port == nil {
			continue
		}
		s.Ports, bad = t.appendPort(s.Ports, bad, rawPort{value(p.Name), value(p.Protocol), *p.Port})
	}
	// FQDN slices name hosts, not addresses; DNS-based service discovery has
	// no record for them.
	if o.AddressType == discoveryv1.AddressTypeFQDN {
		return s, bad
	}
	s.Endpoints = make([]zone.Endpoint, 0, len(o.Endpoints))
	for i := range o.Endpoints {
		e, n := t.endpoint(&o.Endpoints[i])
		s.Endpoints = append(s.Endpoints, e)
		bad += n
	}
	return s, bad
}

// endpoint normalises the conditions as the EndpointSlice API defines their
// absence: ready unknown is ready, serving unknown follows ready.
func (t *trimmer) endpoint(o *discoveryv1.Endpoint) (zone.Endpoint, int) {
	e := zone.Endpoint{
		Hostname:    lower(value(o.Hostname)),
		Zone:        t.intern(value(o.Zone)),
		Ready:       o.Conditions.Ready == nil || *o.Conditions.Ready,
		Terminating: value(o.Conditions.Terminating),
	}
	e.Serving = e.Ready
	if o.Conditions.Serving != nil {
		e.Serving = *o.Conditions.Serving
	}
	if o.TargetRef != nil && o.TargetRef.Kind == "Pod" {
		e.Pod = strings.Clone(o.TargetRef.Name)
	}
	var bad int
	e.Addresses, bad = addresses(o.Addresses)
	return e, bad
}

func (t *trimmer) pod(o *corev1.Pod) (*zone.Pod, int) {
	p := &zone.Pod{Meta: t.meta(&o.ObjectMeta)}
	// A pod that has ended may keep its podIPs in its status while another
	// pod already has the address.
	if o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed {
		return p, 0
	}
	ips := make([]string, 0, 2)
	for _, ip := range o.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	if len(ips) == 0 && o.Status.PodIP != "" {
		ips = append(ips, o.Status.PodIP)
	}
	var bad int
	p.Addresses, bad = addresses(ips)
	return p, bad
}

func (t *trimmer) serviceImport(o *serviceImport) (*zone.ServiceImport, int) {
	s := &zone.ServiceImport{Meta: t.meta(&o.ObjectMeta), Ports: make([]zone.Port, 0, len(o.Spec.Ports))}
	var badIPs, badPorts int
	if o.Spec.Type == importHeadless {
		s.Type = zone.Headless
	} else {
		s.ClusterIPs, badIPs = onePerFamily(o.Spec.IPs)
	}
	for _, p := range o.Spec.Ports {
		s.Ports, badPorts = t.appendPort(s.Ports, badPorts, rawPort{p.Name, p.Protocol, p.Port})
	}
	return s, badIPs + badPorts
}

// The types of a ServiceImport.
const (
	importClusterSetIP = "ClusterSetIP"
	importHeadless     = "Headless"
)

// rawPort is a port as the API has it.
type rawPort struct {
	name     string
	protocol corev1.Protocol
	number   int32
}

// appendPort appends a port, or counts it among bad.
func (t *trimmer) appendPort(dst []zone.Port, bad int, p rawPort) ([]zone.Port, int) {
	proto, ok := protocol(p.protocol)
	if !ok || p.number < 1 || p.number > 65535 {
		return dst, bad + 1
	}
	return append(dst, zone.Port{
		Name:     t.intern(strings.ToLower(p.name)),
		Protocol: proto,
		Number:   uint16(p.number),
	}), bad
}

// protocol returns a constant, which pins nothing. None is TCP, the default of
// every API that has ports.
func protocol(p corev1.Protocol) (zone.Protocol, bool) {
	switch p {
	case corev1.ProtocolTCP, "":
		return zone.TCP, true
	case corev1.ProtocolUDP:
		return zone.UDP, true
	case corev1.ProtocolSCTP:
		return zone.SCTP, true
	}
	return "", false
}

// addresses parses addresses: IPv4 mapped into IPv6 becomes IPv4, and an IPv6
// scope, which means nothing on another host, goes.
func addresses(in []string) (out []netip.Addr, bad int) {
	out = make([]netip.Addr, 0, len(in))
	for _, s := range in {
		a, err := netip.ParseAddr(s)
		if err != nil {
			bad++
			continue
		}
		out = append(out, a.Unmap().WithZone(""))
	}
	return out, bad
}

// onePerFamily parses addresses and keeps the first of each family.
func onePerFamily(in []string) (out []netip.Addr, bad int) {
	all, bad := addresses(in)
	for _, a := range all {
		if len(out) == 0 || len(out) == 1 && out[0].Is4() != a.Is4() {
			out = append(out, a)
		} else {
			bad++
		}
	}
	return out, bad
}

// triggered returns when the change happened that an EndpointSlice tells of,
// zero if it does not say.
func triggered(o *discoveryv1.EndpointSlice) time.Time {
	t, err := time.Parse(time.RFC3339Nano, o.Annotations[corev1.EndpointsLastChangeTriggerTime])
	if err != nil {
		return time.Time{}
	}
	return t
}

// lower returns s in lower case, in memory of its own.
func lower(s string) string { return strings.Clone(strings.ToLower(s)) }

// value returns what p points to, the zero value for nil.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
