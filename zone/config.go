package zone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// PodMode says how names of the form 10-1-2-3.namespace.pod.zone are answered.
type PodMode uint8

// The modes of pod names.
const (
	PodsDisabled PodMode = iota // they do not exist
	PodsInsecure                // with the address they spell, if the Namespace exists
	PodsVerified                // with the address they spell, if a Pod of the Namespace has it
)

// Defaults of Config, in seconds.
const (
	DefaultTTL         = 5
	DefaultNegativeTTL = 1
	MaxTTL             = 3600
)

// longestFixed is the longest label that every zone has a name with.
const longestFixed = "\x0bdns-version"

// Errors returned by Config.Validate.
var (
	// ErrNoForwardZone is returned when every zone is a reverse one.
	ErrNoForwardZone = errors.New("no zone for Services: every zone is a reverse zone")
	// ErrNotAZone is returned for a multi-cluster zone that is not among the zones.
	ErrNotAZone = errors.New("a multi-cluster zone must be one of the zones")
	// ErrZoneTwice is returned for a zone that is among the zones already.
	ErrZoneTwice = errors.New("a zone can be served once")
	// ErrTTL is returned for a TTL out of range.
	ErrTTL = fmt.Errorf("TTL out of range, 0 to %d seconds", MaxTTL)
)

// Config says what a Zone is authoritative for and what it shows. The zero
// value is the zone cluster.local with TTLs of 0.
type Config struct {
	// Zones are the apexes, forward and reverse; cluster.local if empty. The
	// first forward one is primary: PTR records point into it.
	Zones []Name
	// Multicluster are those of Zones that hold ServiceImports instead of Services.
	Multicluster []Name
	// TTL of records, in seconds, but for those that HeadlessTTL is for.
	TTL uint32
	// HeadlessTTL is the TTL of the records of endpoints, in seconds: headless
	// Services' names, endpoints' own names, and all PTR records, as an address
	// may be both a Service's and an endpoint's, and a set has one TTL (RFC 2181
	// section 5.2).
	HeadlessTTL uint32
	// NegativeTTL is the SOA's MINIMUM and TTL (RFC 2308 section 4), in
	// seconds: for how long caches downstream may hold NXDOMAIN and NODATA.
	NegativeTTL uint32
	// Pods is how pod names are answered.
	Pods PodMode
	// EndpointPodNames names an endpoint without hostname by its Pod.
	EndpointPodNames bool
	// IgnoreEmpty leaves out ClusterIP Services without a ready endpoint.
	IgnoreEmpty bool
	// Zonal adds the names zone.pin._zone.service… and zone.prefer._zone.service….
	Zonal bool
	// HostnamePTR answers with an address's headless hostnames alone where it has one.
	HostnamePTR bool
	// Namespaces, if not empty, are the only ones shown.
	Namespaces []string
	// ListedNamespaces shows only Namespaces that the source delivered (as it
	// selects them by label).
	ListedNamespaces bool
	// Self are the server's own addresses: what ns.dns.<zone> has unless a
	// Service kube-system/kube-dns, or one with Self as endpoint, is known.
	Self []netip.Addr
	// Kinds are those that must have been replaced once before the zone is
	// synced. Events of other kinds are taken as well.
	Kinds []Kind
}

// Validate reports every field that can't be, joined.
func (c *Config) Validate() error {
	var errs []error
	zones := c.zones()
	for i, apex := range zones {
		if slices.Contains(zones[:i], apex) {
			errs = append(errs, fmt.Errorf("%s: %w", apex, ErrZoneTwice))
		}
		if len(longestFixed)+len(apex) > wire.MaxName {
			errs = append(errs, fmt.Errorf("%s: %w", apex, wire.ErrNameLong))
		}
	}
	if !slices.ContainsFunc(zones, func(n Name) bool { return !n.IsReverse() }) {
		errs = append(errs, ErrNoForwardZone)
	}
	for _, m := range c.Multicluster {
		if !slices.Contains(zones, m) {
			errs = append(errs, fmt.Errorf("%s: %w", m, ErrNotAZone))
		}
	}
	if c.TTL > MaxTTL {
		errs = append(errs, fmt.Errorf("TTL %d: %w", c.TTL, ErrTTL))
	}
	if c.HeadlessTTL > MaxTTL {
		errs = append(errs, fmt.Errorf("headless TTL %d: %w", c.HeadlessTTL, ErrTTL))
	}
	if c.NegativeTTL > MaxTTL {
		errs = append(errs, fmt.Errorf("negative TTL %d: %w", c.NegativeTTL, ErrTTL))
	}
	return errors.Join(errs...)
}

// zones returns Zones or its default.
func (c *Config) zones() []Name {
	if len(c.Zones) == 0 {
		return []Name{"\x07cluster\x05local\x00"}
	}
	return c.Zones
}
