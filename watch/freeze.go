package watch

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// Freeze writes objects as manifests, which mean the same zones: what Manifests reads
// of them is what they are, but for resourceVersions and times, which are no part of
// a zone. They come in the order of zone.Kinds and then of their keys, so that the
// same objects give the same bytes.
//
// Nothing else of an object is written than what a zone has of it: no annotation, no
// label but those that join an EndpointSlice to its Service, no selector, no
// container. What has no part in a zone is left out: slices that belong to no
// Service, endpoints and Pods without addresses.
//
// A Service that has a selector gets one that no pod has: its endpoints are those of
// its slices, and none if there is none.
func Freeze(w io.Writer, objects []zone.Object) error {
	rank := func(o zone.Object) int { return slices.Index(zone.Kinds[:], o.Kind()) }
	objects = slices.SortedFunc(slices.Values(objects), func(a, b zone.Object) int {
		ka, kb := a.Key(), b.Key()
		return cmp.Or(rank(a)-rank(b), strings.Compare(ka.Namespace, kb.Namespace), strings.Compare(ka.Name, kb.Name))
	})
	var manifests []*manifest
	for _, o := range objects {
		m, err := frozen(o)
		if err != nil {
			return err
		}
		if m != nil {
			manifests = append(manifests, m)
		}
	}
	if len(manifests) == 0 {
		return nil // which an encoder takes amiss
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	for _, m := range manifests {
		if err := encoder.Encode(m); err != nil {
			return fmt.Errorf("writing manifests: %w", err)
		}
	}
	return encoder.Close()
}

// manifest is what is written of an object. Each kind has some of the fields.
type manifest struct {
	APIVersion string           `yaml:"apiVersion"`
	Kind       string           `yaml:"kind"`
	Metadata   frozenMeta       `yaml:"metadata"`
	Spec       *frozenSpec      `yaml:"spec,omitempty"`
	Status     *frozenStatus    `yaml:"status,omitempty"`
	Address    string           `yaml:"addressType,omitempty"`
	Ports      []frozenPort     `yaml:"ports,omitempty"`
	Endpoints  []frozenEndpoint `yaml:"endpoints,omitempty"`
}

type frozenMeta struct {
	Name      string            `yaml:"name"`
	Namespace string            `yaml:"namespace,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty"`
}

type frozenSpec struct {
	Type           string            `yaml:"type,omitempty"`
	ExternalName   string            `yaml:"externalName,omitempty"`
	ClusterIP      string            `yaml:"clusterIP,omitempty"`
	ClusterIPs     []string          `yaml:"clusterIPs,omitempty,flow"`
	IPs            []string          `yaml:"ips,omitempty,flow"` // of a ServiceImport
	IPFamilyPolicy string            `yaml:"ipFamilyPolicy,omitempty"`
	IPFamilies     []string          `yaml:"ipFamilies,omitempty,flow"`
	Selector       map[string]string `yaml:"selector,omitempty,flow"`
	Ports          []frozenPort      `yaml:"ports,omitempty"`
}

type frozenStatus struct {
	PodIPs []frozenIP `yaml:"podIPs"`
}

type frozenIP struct {
	IP string `yaml:"ip"`
}

type frozenPort struct {
	Name     string `yaml:"name,omitempty"`
	Protocol string `yaml:"protocol"`
	Port     uint16 `yaml:"port"`
}

type frozenEndpoint struct {
	Addresses  []string         `yaml:"addresses,flow"`
	Hostname   string           `yaml:"hostname,omitempty"`
	Zone       string           `yaml:"zone,omitempty"`
	TargetRef  *frozenTarget    `yaml:"targetRef,omitempty,flow"`
	Conditions frozenConditions `yaml:"conditions,flow"`
}

type frozenTarget struct {
	Kind string `yaml:"kind"`
	Name string `yaml:"name"`
}

// frozenConditions leave out what follows from ready.
type frozenConditions struct {
	Ready       bool  `yaml:"ready"`
	Serving     *bool `yaml:"serving,omitempty"`
	Terminating bool  `yaml:"terminating,omitempty"`
}

// frozenSelector is of no pod.
const frozenSelector = "frozen-by-rollcall"

// frozen returns the manifest of an object, nil for one without meaning.
func frozen(o zone.Object) (*manifest, error) {
	key := o.Key()
	r := resources[o.Kind()]
	m := &manifest{APIVersion: r.group.String(), Kind: r.kind, Metadata: frozenMeta{Name: key.Name, Namespace: key.Namespace}}
	switch o := o.(type) {
	case *zone.Namespace:
	case *zone.Service:
		m.Spec = frozenService(o)
	case *zone.ServiceImport:
		m.Spec = &frozenSpec{Type: importClusterSetIP, IPs: texts(o.ClusterIPs), Ports: frozenPorts(o.Ports)}
		if o.Type == zone.Headless {
			m.Spec.Type = importHeadless
		}
	case *zone.EndpointSlice:
		if o.Service == "" && o.ImportedService == "" {
			return nil, nil
		}
		m.slice(o)
	case *zone.Pod:
		if len(o.Addresses) == 0 {
			return nil, nil
		}
		m.Status = &frozenStatus{}
		for _, a := range o.Addresses {
			m.Status.PodIPs = append(m.Status.PodIPs, frozenIP{a.String()})
		}
	default:
		return nil, fmt.Errorf("%T is of no kind that DNS depends on", o)
	}
	return m, nil
}

func frozenService(o *zone.Service) *frozenSpec {
	s := &frozenSpec{Ports: frozenPorts(o.Ports)}
	if o.HasSelector {
		s.Selector = map[string]string{frozenSelector: "true"}
	}
	switch o.Type {
	case zone.ExternalName:
		s.Type, s.ExternalName = string(corev1.ServiceTypeExternalName), o.ExternalName
	case zone.Headless:
		s.ClusterIP = corev1.ClusterIPNone
	default:
		if len(o.ClusterIPs) == 0 {
			break // it has none yet
		}
		s.ClusterIPs, s.IPFamilies = texts(o.ClusterIPs), families(o.ClusterIPs)
		s.ClusterIP, s.IPFamilyPolicy = s.ClusterIPs[0], string(corev1.IPFamilyPolicySingleStack)
		if len(s.ClusterIPs) > 1 {
			s.IPFamilyPolicy = string(corev1.IPFamilyPolicyRequireDualStack)
		}
	}
	return s
}

// slice has m say what an EndpointSlice is.
func (m *manifest) slice(o *zone.EndpointSlice) {
	m.Metadata.Labels = map[string]string{}
	for label, value := range map[string]string{
		discoveryv1.LabelServiceName: o.Service, labelImportedService: o.ImportedService, labelSourceCluster: o.Cluster,
	} {
		if value != "" {
			m.Metadata.Labels[label] = value
		}
	}
	m.Address, m.Ports = string(discoveryv1.AddressTypeIPv4), frozenPorts(o.Ports)
	for i := range o.Endpoints {
		e := &o.Endpoints[i]
		if len(e.Addresses) == 0 {
			continue
		}
		f := frozenEndpoint{Addresses: texts(e.Addresses), Hostname: e.Hostname, Zone: e.Zone}
		f.Conditions = frozenConditions{Ready: e.Ready, Terminating: e.Terminating}
		if e.Serving != e.Ready {
			f.Conditions.Serving = &e.Serving
		}
		if e.Pod != "" {
			f.TargetRef = &frozenTarget{Kind: "Pod", Name: e.Pod}
		}
		m.Endpoints = append(m.Endpoints, f)
		m.Address = families(e.Addresses)[0] // of all, in a slice
	}
}

func frozenPorts(ports []zone.Port) (out []frozenPort) {
	for _, p := range ports {
		out = append(out, frozenPort{p.Name, strings.ToUpper(string(p.Protocol)), p.Number})
	}
	return out
}

func texts(addrs []netip.Addr) (out []string) {
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

// families returns the family of each address, as Kubernetes calls it.
func families(addrs []netip.Addr) (out []string) {
	for _, a := range addrs {
		if a.Is4() {
			out = append(out, string(corev1.IPv4Protocol))
		} else {
			out = append(out, string(corev1.IPv6Protocol))
		}
	}
	return out
}
