package simulate

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// maxEndpoints is how many endpoints a slice has at most, by the controller's
// default.
const maxEndpoints = 100

// managedBy is what the controller calls itself on its slices.
const managedBy = "endpointslice-controller.k8s.io"

// endpoints makes the EndpointSlices of Services that have no slice that is
// written: of the pods that they select or, without a selector, of Endpoints.
func (e *expansion) endpoints() {
	found := newIndex(e.out.Pods)
	for _, s := range e.out.Services {
		if s.Spec.Type == corev1.ServiceTypeExternalName || e.Sliced[nameOf(s)] {
			continue
		}
		if len(s.Spec.Selector) == 0 {
			e.mirror(s)
			continue
		}
		pods := found.matching(s.Namespace, s.Spec.Selector)
		for _, family := range s.Spec.IPFamilies {
			e.out.EndpointSlices = append(e.out.EndpointSlices, e.slices(s, family, pods)...)
		}
	}
}

// An index finds pods that can be endpoints by their labels.
type index map[label][]*corev1.Pod

type label struct{ namespace, key, value string }

// newIndex takes in pods, in their order. As the controller does: neither pods
// that have ended nor pods that have no address yet are endpoints; ones that
// terminate are.
func newIndex(pods []*corev1.Pod) index {
	i := make(index)
	for _, p := range pods {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || len(p.Status.PodIPs) == 0 {
			continue
		}
		for k, v := range p.Labels {
			l := label{p.Namespace, k, v}
			i[l] = append(i[l], p)
		}
	}
	return i
}

// matching returns the pods of a namespace with all labels of a selector, which
// has some. It looks at those with the rarest of the labels.
func (i index) matching(namespace string, selector map[string]string) (out []*corev1.Pod) {
	var fewest []*corev1.Pod
	first := true
	for k, v := range selector {
		if pods := i[label{namespace, k, v}]; first || len(pods) < len(fewest) {
			fewest, first = pods, false
		}
	}
	matches := labels.SelectorFromValidatedSet(selector)
	for _, p := range fewest {
		if matches.Matches(labels.Set(p.Labels)) {
			out = append(out, p)
		}
	}
	return out
}

// slices makes a Service's slices of one family. Pods whose ports differ, since
// they call different numbers by one name, are in different slices. Without any
// endpoint there is an empty one.
func (e *expansion) slices(s *corev1.Service, family corev1.IPFamily, pods []*corev1.Pod) []*discoveryv1.EndpointSlice {
	f := newFiller(s, family)
	f.labels[discoveryv1.LabelManagedBy] = managedBy
	if headless(s) {
		f.labels[corev1.IsHeadlessService] = ""
	}
	for _, p := range pods {
		if endpoint := e.endpoint(s, family, p); len(endpoint.Addresses) > 0 {
			f.add(portsOf(s, p), endpoint)
		}
	}
	if len(f.out) == 0 {
		f.open("")
	}
	return f.out
}

// A filler fills a Service's slices of one family.
type filler struct {
	service *corev1.Service
	family  corev1.IPFamily
	labels  map[string]string
	out     []*discoveryv1.EndpointSlice
	last    map[string]*discoveryv1.EndpointSlice // of each set of ports
	full    map[string]int                        // how many went before that
}

// newFiller begins with the labels that a slice has of its Service.
func newFiller(s *corev1.Service, family corev1.IPFamily) *filler {
	f := &filler{
		service: s, family: family,
		labels: make(map[string]string, len(s.Labels)+3),
		last:   make(map[string]*discoveryv1.EndpointSlice),
		full:   make(map[string]int),
	}
	maps.Copy(f.labels, s.Labels)
	delete(f.labels, corev1.IsHeadlessService)
	f.labels[discoveryv1.LabelServiceName] = s.Name
	return f
}

// add puts an endpoint into the slice with its ports that has room.
func (f *filler) add(ports []discoveryv1.EndpointPort, endpoint discoveryv1.Endpoint) {
	key := keyOf(ports)
	slice := f.last[key]
	if slice == nil || len(slice.Endpoints) == maxEndpoints {
		if slice != nil {
			f.full[key]++
		}
		slice = f.open(fmt.Sprint(key, " ", f.full[key]))
		slice.Ports = ports
		f.last[key] = slice
	}
	slice.Endpoints = append(slice.Endpoints, endpoint)
}

// open makes a slice that is named by what it is for.
func (f *filler) open(what string) *discoveryv1.EndpointSlice {
	s := f.service
	slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressType(f.family)}
	slice.Namespace, slice.Name = s.Namespace, s.Name+"-"+suffix(s.Namespace, s.Name, f.family, what)
	slice.Labels = f.labels
	slice.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: s.Name, Controller: new(true)}}
	f.out = append(f.out, slice)
	return slice
}

// keyOf returns what is the same for the same ports in any order.
func keyOf(ports []discoveryv1.EndpointPort) string {
	keys := make([]string, 0, len(ports))
	for _, p := range ports {
		keys = append(keys, fmt.Sprint(*p.Name, " ", *p.Port, " ", *p.Protocol))
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// endpoint returns the endpoint that a pod is for a Service. It has a hostname
// only if the pod has one and the pod's subdomain is the Service.
func (e *expansion) endpoint(s *corev1.Service, family corev1.IPFamily, p *corev1.Pod) discoveryv1.Endpoint {
	serving, terminating := ready(p), p.DeletionTimestamp != nil
	ready := s.Spec.PublishNotReadyAddresses || serving && !terminating
	out := discoveryv1.Endpoint{
		Addresses:  addressesOf(p, family),
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
	}
	if p.Spec.NodeName != "" {
		out.NodeName = &p.Spec.NodeName
		if n := e.nodes.byName[p.Spec.NodeName]; n != nil && n.Labels[corev1.LabelTopologyZone] != "" {
			zone := n.Labels[corev1.LabelTopologyZone]
			out.Zone = &zone
		}
	}
	if p.Spec.Hostname != "" && p.Spec.Subdomain == s.Name {
		out.Hostname = &p.Spec.Hostname
	}
	return out
}

func addressesOf(p *corev1.Pod, family corev1.IPFamily) (out []string) {
	for _, ip := range p.Status.PodIPs {
		a, err := netip.ParseAddr(ip.IP)
		if err == nil && a.Unmap().Is4() == (family == corev1.IPv4Protocol) {
			out = append(out, a.Unmap().String())
		}
	}
	return out
}

// portsOf returns the ports of a Service as a pod has them. One whose name no
// container has is left out.
func portsOf(s *corev1.Service, p *corev1.Pod) (out []discoveryv1.EndpointPort) {
	for i := range s.Spec.Ports {
		port := &s.Spec.Ports[i]
		protocol := cmp.Or(port.Protocol, corev1.ProtocolTCP)
		if number, ok := targetOf(port, protocol, p); ok {
			out = append(out, discoveryv1.EndpointPort{Name: &port.Name, Port: &number, Protocol: &protocol, AppProtocol: port.AppProtocol})
		}
	}
	return out
}

// targetOf looks up the number of a Service's port in a pod: by name among the
// ports of its containers and its sidecars, which are init containers that
// always restart. Without targetPort it is the Service's.
func targetOf(port *corev1.ServicePort, protocol corev1.Protocol, p *corev1.Pod) (int32, bool) {
	if port.TargetPort.Type == intstr.Int {
		return cmp.Or(port.TargetPort.IntVal, port.Port), true
	}
	named := func(c *corev1.Container) (int32, bool) {
		for _, have := range c.Ports {
			if have.Name == port.TargetPort.StrVal && cmp.Or(have.Protocol, corev1.ProtocolTCP) == protocol {
				return have.ContainerPort, true
			}
		}
		return 0, false
	}
	for i := range p.Spec.Containers {
		if n, ok := named(&p.Spec.Containers[i]); ok {
			return n, true
		}
	}
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			continue
		}
		if n, ok := named(c); ok {
			return n, true
		}
	}
	return 0, false
}
