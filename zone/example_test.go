package zone_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/rollcall-dns/rollcall/zone"
)

// A zone is built from events, and read from snapshots that never change.
func Example() {
	z, err := zone.New(zone.Config{TTL: zone.DefaultTTL, HeadlessTTL: zone.DefaultTTL, NegativeTTL: zone.DefaultNegativeTTL})
	if err != nil {
		fmt.Println(err)
		return
	}
	nginx := zone.Meta{Namespace: "default", Name: "nginx"}
	z.Apply(zone.Event{Op: zone.Put, Object: &zone.Service{Meta: nginx, Type: zone.Headless}})
	before := z.Snapshot()
	z.Apply(zone.Event{Op: zone.Put, Object: &zone.EndpointSlice{
		Meta:    zone.Meta{Namespace: "default", Name: "nginx-1"},
		Service: "nginx",
		Ports:   []zone.Port{{Name: "web", Protocol: zone.TCP, Number: 80}},
		Endpoints: []zone.Endpoint{
			{Addresses: []netip.Addr{netip.MustParseAddr("10.1.0.1")}, Hostname: "web-0", Ready: true},
			{Addresses: []netip.Addr{netip.MustParseAddr("10.1.0.2")}, Hostname: "web-1"}, // not ready
		},
	}})
	apex := z.Snapshot().Zones()[0]
	fmt.Println("names before:", before.Len(), "and after:", z.Snapshot().Len())
	if err := z.Snapshot().Dump(os.Stdout, apex); err != nil {
		fmt.Println(err)
	}
	// Output:
	// names before: 6 and after: 11
	// cluster.local.	5	IN	SOA	ns.dns.cluster.local. hostmaster.cluster.local. 2 7200 1800 86400 1
	// cluster.local.	5	IN	NS	ns.dns.cluster.local.
	// dns-version.cluster.local.	5	IN	TXT	"1.1.0"
	// nginx.default.svc.cluster.local.	5	IN	A	10.1.0.1
	// nginx.default.svc.cluster.local.	5	IN	SRV	0 100 80 web-0.nginx.default.svc.cluster.local.
	// _web._tcp.nginx.default.svc.cluster.local.	5	IN	SRV	0 100 80 web-0.nginx.default.svc.cluster.local.
	// web-0.nginx.default.svc.cluster.local.	5	IN	A	10.1.0.1
	// web-0.nginx.default.svc.cluster.local.	5	IN	SRV	0 100 80 web-0.nginx.default.svc.cluster.local.
}
