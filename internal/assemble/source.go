package assemble

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// Source delivers the objects of one kubernetes directive to its zone.
type Source interface {
	// Run delivers until ctx ends, when it returns nil.
	Run(ctx context.Context, sink watch.Sink) error
}

// zones are the zones of one kubernetes directive, and where their objects come
// from.
type zones struct {
	zone   *zone.Zone
	source Source
	config *kubernetes.Config
}

// NewZone makes the zone that a kubernetes directive describes. Self are the
// addresses listened on.
func NewZone(c *kubernetes.Config, self []netip.Addr) (*zone.Zone, error) {
	apexes, err := zone.ParseNames(c.Zones)
	if err != nil {
		return nil, err
	}
	multicluster, err := zone.ParseNames(c.Multicluster)
	if err != nil {
		return nil, err
	}
	return zone.New(zone.Config{
		Zones:            apexes,
		Multicluster:     multicluster,
		TTL:              c.TTL,
		HeadlessTTL:      c.HeadlessTTL,
		NegativeTTL:      min(c.TTL, c.NegativeTTL),
		Pods:             podModes[c.Pods],
		EndpointPodNames: c.EndpointPodNames,
		IgnoreEmpty:      c.IgnoreEmptyService,
		Zonal:            c.Zonal,
		HostnamePTR:      c.PTRHostname,
		Namespaces:       c.Namespaces,
		ListedNamespaces: c.NamespaceLabels != "",
		Self:             self,
		Kinds:            watchedKinds(c),
	})
}

var podModes = map[kubernetes.PodMode]zone.PodMode{
	kubernetes.PodsDisabled: zone.PodsDisabled,
	kubernetes.PodsInsecure: zone.PodsInsecure,
	kubernetes.PodsVerified: zone.PodsVerified,
}

// watchedKinds returns the kinds that the configuration needs. Namespaces are
// among them always: one without Services exists, and is NODATA.
func watchedKinds(c *kubernetes.Config) []zone.Kind {
	kinds := []zone.Kind{zone.Namespaces, zone.Services}
	if !c.NoEndpoints {
		kinds = append(kinds, zone.EndpointSlices)
	}
	if c.Pods == kubernetes.PodsVerified {
		kinds = append(kinds, zone.Pods)
	}
	if len(c.Multicluster) > 0 {
		kinds = append(kinds, zone.ServiceImports)
	}
	return kinds
}

// newSource makes the source that a kubernetes directive names. Its metrics go to
// registerer, which may be nil.
func newSource(c *kubernetes.Config, p Process, registerer prometheus.Registerer) (Source, error) {
	if len(c.Manifests) > 0 || p.Embedded {
		m, err := watch.NewManifests(watch.ManifestsConfig{
			Paths:           c.Manifests,
			Stdin:           p.Stdin,
			Once:            p.Embedded,
			Namespace:       c.DefaultNamespace,
			Labels:          c.Labels,
			NamespaceLabels: c.NamespaceLabels,
			Kinds:           watchedKinds(c),
			Logger:          p.Logger,
			Registerer:      registerer,
		})
		return m, err
	}
	api := apiConfig(c)
	api.Version, api.Logger, api.Registerer, api.Now = p.Version, p.Logger, registerer, p.Now
	k, err := watch.NewKubernetes(api)
	return k, err
}

// apiConfig says which cluster a kubernetes directive names, and what of it.
func apiConfig(c *kubernetes.Config) watch.KubernetesConfig {
	return watch.KubernetesConfig{
		Kubeconfig:      c.Kubeconfig,
		Context:         c.Context,
		Endpoint:        c.Endpoint,
		CertFile:        c.TLS.Cert,
		KeyFile:         c.TLS.Key,
		CAFile:          c.TLS.CA,
		QPS:             c.QPS,
		Burst:           c.Burst,
		MaxInflight:     c.MaxInflight,
		Labels:          c.Labels,
		NamespaceLabels: c.NamespaceLabels,
		Kinds:           watchedKinds(c),
	}
}

// selfAddrs returns the addresses that a server which listens on hosts can be
// reached at: those themselves, and for all addresses ("") those of the
// machine's interfaces, loopback ones only if there are no others.
func selfAddrs(hosts []string) ([]netip.Addr, error) {
	var addrs, loopback []netip.Addr
	for _, host := range hosts {
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
			addrs = append(addrs, a.Unmap().WithZone(""))
			continue
		}
		all, err := net.InterfaceAddrs()
		if err != nil {
			return nil, fmt.Errorf("addresses of this machine: %w", err)
		}
		for _, one := range all {
			prefix, err := netip.ParsePrefix(one.String())
			switch a := prefix.Addr().Unmap().WithZone(""); {
			case err != nil || a.IsLinkLocalUnicast():
			case a.IsLoopback():
				loopback = append(loopback, a)
			default:
				addrs = append(addrs, a)
			}
		}
	}
	if len(addrs) == 0 {
		return loopback, nil
	}
	return addrs, nil
}
