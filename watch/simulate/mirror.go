//lint:file-ignore SA1019 Endpoints are deprecated, and mirrored by clusters all the same.

package simulate

import (
	"cmp"
	"maps"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Endpoints is what EndpointSlices have replaced. Those that are written for a
// Service without selector are mirrored as slices.
type Endpoints = corev1.Endpoints

// mirroredBy is what the mirroring controller calls itself on its slices.
const mirroredBy = "endpointslicemirroring-controller.k8s.io"

// annotationLeader is of Endpoints that were a lock, not addresses.
const annotationLeader = "control-plane.alpha.kubernetes.io/leader"

// mirror makes slices of the Endpoints that are called like a Service. They
// are ready or not as is written, whatever the Service's families and
// publishNotReadyAddresses, and have the labels of the Endpoints.
func (e *expansion) mirror(s *corev1.Service) {
	from := e.mirrored[nameOf(s)]
	if from == nil || from.Labels[discoveryv1.LabelSkipMirror] == "true" {
		return
	}
	if _, ok := from.Annotations[annotationLeader]; ok {
		return
	}
	for _, family := range []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol} {
		f := newFiller(s, family)
		clear(f.labels)
		maps.Copy(f.labels, from.Labels)
		f.labels[discoveryv1.LabelServiceName], f.labels[discoveryv1.LabelManagedBy] = s.Name, mirroredBy
		for i := range from.Subsets {
			subset := &from.Subsets[i]
			ports := mirroredPorts(subset.Ports)
			for _, a := range subset.Addresses {
				f.mirror(ports, a, true)
			}
			for _, a := range subset.NotReadyAddresses {
				f.mirror(ports, a, false)
			}
		}
		e.out.EndpointSlices = append(e.out.EndpointSlices, f.out...)
	}
}

func mirroredPorts(in []corev1.EndpointPort) (out []discoveryv1.EndpointPort) {
	for _, p := range in {
		out = append(out, discoveryv1.EndpointPort{
			Name: &p.Name, Port: &p.Port, Protocol: new(cmp.Or(p.Protocol, corev1.ProtocolTCP)), AppProtocol: p.AppProtocol,
		})
	}
	return out
}

// mirror adds an address, if it is of the family.
func (f *filler) mirror(ports []discoveryv1.EndpointPort, a corev1.EndpointAddress, ready bool) {
	ip, err := netip.ParseAddr(a.IP)
	if err != nil || familyOf(a.IP) != f.family {
		return
	}
	endpoint := discoveryv1.Endpoint{
		Addresses:  []string{ip.Unmap().String()},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		TargetRef:  a.TargetRef,
		NodeName:   a.NodeName,
	}
	if a.Hostname != "" {
		endpoint.Hostname = &a.Hostname
	}
	f.add(ports, endpoint)
}

// mirroredAddresses are those in Endpoints, which no pod gets.
func (e *expansion) mirroredAddresses() (out []string) {
	for _, from := range e.mirrored {
		for _, subset := range from.Subsets {
			for _, a := range append(subset.Addresses[:len(subset.Addresses):len(subset.Addresses)], subset.NotReadyAddresses...) {
				out = append(out, a.IP)
			}
		}
	}
	return out
}
