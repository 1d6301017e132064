package watch

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
)

// A checker checks an object as the API server would, where DNS depends on it.
type checker struct {
	doc  *document
	res  resource
	id   objectID
	warn func(format string, args ...any)
	errs []error
}

// fail notes what is wrong with a field.
func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, c.doc.errorf(c.doc.lineOf(path), "%s: %s", path, fmt.Sprintf(format, args...)))
}

// hint warns of a field that is allowed and hardly meant.
func (c *checker) hint(path, format string, args ...any) {
	line := c.doc.line
	if path != "" {
		line, format = c.doc.lineOf(path), path+": "+format
	}
	c.warn("%s: "+format, append([]any{place{c.doc.file, line}}, args...)...)
}

func (c *checker) object(obj runtime.Object, m metav1.Object) {
	c.name(m)
	switch o := obj.(type) {
	case *corev1.Service:
		c.service(&o.Spec)
	case *discoveryv1.EndpointSlice:
		c.endpointSlice(o)
	case *corev1.Pod:
		for i, ip := range o.Status.PodIPs {
			c.address(fmt.Sprintf("status.podIPs[%d].ip", i), ip.IP, "")
		}
		if o.Status.PodIP != "" {
			c.address("status.podIP", o.Status.PodIP, "")
		}
		c.podSpec("spec", &o.Spec)
	case *serviceImport:
		c.serviceImport(&o.Spec)
	default:
		c.workload(obj)
	}
}

// name checks metadata. A Service may begin with a digit, which the API server
// allows since names need no longer be those of RFC 1035.
func (c *checker) name(m metav1.Object) {
	name := m.GetName()
	if name == "" {
		c.fail("metadata.name", "is missing: a %s needs a name (generateName gives no lasting one)", c.res.kind)
		return
	}
	valid := validation.IsDNS1123Subdomain
	switch c.res.kind {
	case "Namespace", "Service", "ServiceImport", "StatefulSet":
		valid = validation.IsDNS1123Label
	}
	c.text("metadata.name", name, valid)
	if ns := m.GetNamespace(); ns != "" {
		c.text("metadata.namespace", ns, validation.IsDNS1123Label)
	}
}

// missing reports whether a field was not written, as far as there is a text
// in which it could be.
func (c *checker) missing(path string) bool {
	_, ok := c.doc.lines[path]
	return !ok && c.doc.lines != nil
}

// domain checks a domain name, which may end in a dot.
func (c *checker) domain(path, value string) {
	if problems := validation.IsDNS1123Subdomain(strings.TrimSuffix(value, ".")); len(problems) > 0 {
		c.fail(path, "%q: %s", value, strings.Join(problems, "; "))
	}
}

// text checks a value with one of the API server's own rules, which say what
// is allowed.
func (c *checker) text(path, value string, valid func(string) []string) {
	if problems := valid(value); len(problems) > 0 {
		c.fail(path, "%q: %s", value, strings.Join(problems, "; "))
	}
}

func (c *checker) service(s *corev1.ServiceSpec) {
	names := make(map[string]bool)
	numbers := make(map[string]bool)
	for i := range s.Ports {
		p := &s.Ports[i]
		path := fmt.Sprintf("spec.ports[%d]", i)
		c.port(path, rawPort{p.Name, p.Protocol, p.Port}, names, len(s.Ports) > 1)
		number := fmt.Sprintf("%d/%s", p.Port, cmp.Or(p.Protocol, corev1.ProtocolTCP))
		if p.Port != 0 && numbers[number] {
			c.fail(path, "%s is there already: a Service has each port once for a protocol", number)
		}
		numbers[number] = true
		c.targetPort(path+".targetPort", p.TargetPort)
	}
	switch s.Type {
	case corev1.ServiceTypeExternalName:
		if s.ExternalName == "" {
			c.fail("spec.externalName", "is missing: a Service of type ExternalName needs the name that it stands for")
		} else {
			c.domain("spec.externalName", s.ExternalName)
		}
		if _, err := netip.ParseAddr(strings.TrimSuffix(s.ExternalName, ".")); err == nil {
			c.hint("spec.externalName", "%q is an address, which a CNAME can't lead to, so %s has no record: "+
				"write a headless Service, and an EndpointSlice with the address", s.ExternalName, c.id)
		}
		return
	case "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer:
	default:
		c.fail("spec.type", "%q is not known: allowed are ClusterIP, NodePort, LoadBalancer and ExternalName", s.Type)
		return
	}
	c.clusterIPs(s)
	c.families(s)
}

func (c *checker) clusterIPs(s *corev1.ServiceSpec) {
	ips := s.ClusterIPs
	if len(ips) > 0 && s.ClusterIP != "" && ips[0] != s.ClusterIP {
		c.fail("spec.clusterIPs[0]", "%q: must be the same as spec.clusterIP, %q", ips[0], s.ClusterIP)
		return
	}
	path := func(i int) string { return fmt.Sprintf("spec.clusterIPs[%d]", i) }
	if len(ips) == 0 && s.ClusterIP != "" {
		ips, path = []string{s.ClusterIP}, func(int) string { return "spec.clusterIP" }
	}
	if len(ips) == 0 {
		return // it is given some
	}
	if ips[0] == corev1.ClusterIPNone {
		if len(ips) > 1 {
			c.fail(path(1), "None stands alone: allowed are None, or an address of each family")
		}
		return
	}
	var families []bool
	for i, ip := range ips {
		a, ok := c.address(path(i), ip, "")
		if !ok {
			continue
		}
		families = append(families, a.Is4())
	}
	if len(families) > 2 || len(families) == 2 && families[0] == families[1] {
		c.fail("spec.clusterIPs", "%s: allowed is at most one address of each family", strings.Join(ips, ", "))
	}
}

func (c *checker) endpointSlice(o *discoveryv1.EndpointSlice) {
	switch o.AddressType {
	case discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6:
	case discoveryv1.AddressTypeFQDN:
		c.hint("addressType", "FQDN has no records in DNS, so %s has no names: allowed are IPv4 and IPv6", c.id)
	case "":
		c.fail("addressType", "is missing: allowed are IPv4, IPv6 and FQDN")
		return
	default:
		c.fail("addressType", "%q is not known: allowed are IPv4, IPv6 and FQDN", o.AddressType)
		return
	}
	if o.Labels[discoveryv1.LabelServiceName] == "" && o.Labels[labelImportedService] == "" {
		c.hint("", "%s has no label %s, so it belongs to no Service", c.id, discoveryv1.LabelServiceName)
	}
	names := make(map[string]bool)
	for i := range o.Ports {
		p := &o.Ports[i]
		if p.Port == nil {
			continue // all ports
		}
		c.port(fmt.Sprintf("ports[%d]", i), rawPort{value(p.Name), value(p.Protocol), *p.Port}, names, len(o.Ports) > 1)
	}
	for i := range o.Endpoints {
		e, path := &o.Endpoints[i], fmt.Sprintf("endpoints[%d]", i)
		if len(e.Addresses) == 0 {
			c.fail(path+".addresses", "an endpoint needs at least one address")
		}
		for j, a := range e.Addresses {
			at := fmt.Sprintf("%s.addresses[%d]", path, j)
			if o.AddressType == discoveryv1.AddressTypeFQDN {
				c.domain(at, a)
			} else {
				c.address(at, a, o.AddressType)
			}
		}
		if h := value(e.Hostname); h != "" {
			c.text(path+".hostname", h, validation.IsDNS1123Label)
		}
	}
}

func (c *checker) serviceImport(s *serviceImportSpec) {
	if s.Type != importClusterSetIP && s.Type != importHeadless {
		c.fail("spec.type", "%q is not known: allowed are %s and %s", s.Type, importClusterSetIP, importHeadless)
	}
	for i, ip := range s.IPs {
		c.address(fmt.Sprintf("spec.ips[%d]", i), ip, "")
	}
	names := make(map[string]bool)
	for i, p := range s.Ports {
		c.port(fmt.Sprintf("spec.ports[%d]", i), rawPort{p.Name, p.Protocol, p.Port}, names, len(s.Ports) > 1)
	}
}

// address checks an address. Any is allowed, loopback too, which the API
// server refuses and tests like.
func (c *checker) address(path, text string, family discoveryv1.AddressType) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		c.fail(path, "%q is not an IP address (such as 192.0.2.1 or 2001:db8::1)", text)
		return a, false
	}
	if a.Is4In6() {
		c.fail(path, "%q is an IPv4 address written as an IPv6 one: write %s", text, a.Unmap())
		return a, false
	}
	if family != "" && a.Is4() != (family == discoveryv1.AddressTypeIPv4) {
		c.fail(path, "%q is not of the slice's addressType: allowed is an %s address", text, family)
		return a, false
	}
	return a, true
}

// port checks a port. names are those met so far in its list.
func (c *checker) port(path string, p rawPort, names map[string]bool, needName bool) {
	if c.missing(path + ".port") {
		c.fail(path+".port", "is missing: allowed is 1 to 65535")
	} else if p.number < 1 || p.number > 65535 {
		c.fail(path+".port", "%d: allowed is 1 to 65535", p.number)
	}
	if _, ok := protocol(p.protocol); !ok {
		c.fail(path+".protocol", "%q is not known: allowed are TCP, UDP and SCTP", p.protocol)
	}
	switch {
	case p.name != "":
		c.text(path+".name", p.name, validation.IsDNS1123Label)
	case needName && c.res.kind == "Service":
		c.fail(path+".name", "is missing: where a Service has several ports each needs a name")
		return
	}
	if names[p.name] {
		c.fail(path+".name", "duplicate name %q: each port of a list needs a name of its own", p.name)
	}
	names[p.name] = true
}

// labelError says what is wrong with a DNS label.
func labelError(what, value string) error {
	if problems := validation.IsDNS1123Label(value); len(problems) > 0 {
		return errors.New(what + " " + fmt.Sprintf("%q: %s", value, strings.Join(problems, "; ")))
	}
	return nil
}
