package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rollcall-dns/rollcall/zone"
)

// ofService explains what a Service that there is lacks.
func (f *finder) ofService(ctx context.Context) error {
	object := f.by("Service", f.service)
	s, ok := f.c.objects[zone.Services][f.service].Whole.(*corev1.Service)
	if !ok { // a ServiceImport, of which no more is known
		f.Cause.Objects[0] = "ServiceImport " + f.service.Namespace + "/" + f.service.Name
		f.say("%s: %s.", f.Cause.Objects[0], f.String())
		return nil
	}
	switch f.Code {
	case zone.BadTarget:
		f.say("%s is of type ExternalName, and its externalName %q is no domain name: it has no record.", object, s.Spec.ExternalName)
		f.Cause.hint("An address is given a name by a headless Service without selector, and an EndpointSlice that has it.")
	case zone.BelowExternalName:
		f.say("%s is of type ExternalName: it is an alias of %s, and has neither ports nor endpoints below it.", object, s.Spec.ExternalName)
		f.Cause.hint("Ask for the port below %s.", s.Spec.ExternalName)
	case zone.NoPort, zone.OtherProtocol, zone.NoUnderscore, zone.NoPorts:
		f.port(object, s)
	case zone.PortNotServed:
		f.target(object, s)
	case zone.OtherFamily:
		f.family(object, s)
	case zone.NoAddress:
		f.say("%s has no ClusterIP yet: the API server, or the controller that gives one, has not done so.", object)
	case zone.SlicesNotRead:
		f.say("%s is headless, and the server is configured to read no EndpointSlices (noendpoints): it has no name.", object)
	default:
		return f.endpoints(ctx, object, s)
	}
	return nil
}

// port explains names of ports.
func (f *finder) port(object string, s *corev1.Service) {
	var ports, names []string
	for _, p := range s.Spec.Ports {
		protocol := strings.ToLower(string(p.Protocol))
		if protocol == "" {
			protocol = "tcp"
		}
		if p.Name == "" {
			ports = append(ports, fmt.Sprintf("%d/%s without a name", p.Port, protocol))
			continue
		}
		names = append(names, p.Name)
		ports = append(ports, fmt.Sprintf("_%s._%s (%d)", p.Name, protocol, p.Port))
	}
	has := "it has " + strings.Join(ports, ", ")
	if len(ports) == 0 {
		has = "it has no port at all"
	}
	switch f.Code {
	case zone.NoPorts:
		f.say("%s has no port, and so no SRV records.", object)
		return
	case zone.NoUnderscore:
		f.say("Ports are asked for with underscores: _%s._%s below the name of %s; %s.", f.Port, f.Protocol, object, has)
		return
	case zone.OtherProtocol:
		if f.Port == "" {
			f.say("%s has no named port with protocol %s: %s.", object, f.Protocol, has)
			return
		}
		f.say("%s has a port named %s, and not with protocol %s: %s.", object, f.Port, f.Protocol, has)
		return
	}
	f.say("%s has no port named %s: %s.", object, f.Port, has)
	if near := nearest(f.Port, names); near != "" {
		f.Cause.hint("Did you mean _%s?", near)
	}
	for _, p := range s.Spec.Ports {
		if p.Name == "" || f.Port == fmt.Sprint(p.Port) {
			f.Cause.hint("Ports are asked for by their names, and not by numbers; an unnamed one has an SRV record at the Service's name alone.")
			break
		}
	}
}

// target explains a port that the pods lack: its targetPort is the name of a
// container's port.
func (f *finder) target(object string, s *corev1.Service) {
	f.say("%s is headless and has a port named %s, and no ready endpoint has it: no record.", object, f.Port)
	for _, p := range s.Spec.Ports {
		if !strings.EqualFold(p.Name, f.Port) || p.TargetPort.Type != intstr.String {
			continue
		}
		f.say("%s is headless, and its port %s has the targetPort %s, which is a name that no container of its ready pods has a port of: no record.", object, f.Port, p.TargetPort.StrVal)
		var have []string
		for _, pod := range f.c.matching(s) {
			f.by("Pod", zone.Key{Namespace: pod.Namespace, Name: pod.Name})
			for _, c := range pod.Spec.Containers {
				for _, port := range c.Ports {
					if port.Name != "" && !slices.Contains(have, port.Name) {
						have = append(have, port.Name)
					}
				}
			}
		}
		if near := nearest(p.TargetPort.StrVal, have); near != "" {
			f.Cause.hint("Did you mean targetPort: %s?", near)
		}
		f.Cause.hint("Write the number, or name the container's port %s.", p.TargetPort.StrVal)
	}
}

// family explains why there are addresses of the other family alone.
func (f *finder) family(object string, s *corev1.Service) {
	want, other := corev1.IPv4Protocol, corev1.IPv6Protocol
	if f.ask.Type == "AAAA" {
		want, other = other, want
	}
	spec := ""
	if len(s.Spec.IPFamilies) > 0 {
		var families []string
		for _, family := range s.Spec.IPFamilies {
			families = append(families, string(family))
		}
		spec = " (ipFamilies " + strings.Join(families, ", ")
		if s.Spec.IPFamilyPolicy != nil {
			spec += ", ipFamilyPolicy " + string(*s.Spec.IPFamilyPolicy)
		}
		spec += ")"
	}
	f.say("%s has %s addresses alone%s: no record of this type.", object, other, spec)
	if !slices.Contains(s.Spec.IPFamilies, want) {
		f.Cause.hint("ipFamilyPolicy PreferDualStack has it get %s addresses too, if the cluster has such.", want)
	} else {
		f.Cause.hint("The Service asks for %s; its endpoints have no such address.", want)
	}
}

// selects says what a Service selects.
func selects(s *corev1.Service) string {
	if len(s.Spec.Selector) == 0 {
		return "has no selector"
	}
	return "selects " + labels.FormatLabels(s.Spec.Selector)
}

// kindOf says what sort a Service is of.
func kindOf(s *corev1.Service) string {
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		return "is headless"
	}
	return "has a ClusterIP"
}
