package dnstest

import (
	"net/netip"
	"testing"

	"github.com/rollcall-dns/rollcall/zone"
)

// Objects are of the namespace default:
//
//	web    ClusterIP 10.96.0.10, fd00::a, port http 80/tcp
//	db     headless: db-0, db-1, db-2 at 10.0.0.1, 10.0.0.2, 10.0.0.3, port sql 5432/tcp
//	ext    ExternalName example.com
//	in     ExternalName web.default.svc.cluster.local
//	gone   ExternalName nothing.default.svc.cluster.local
//	a, b   ExternalName Services that lead to one another
func Objects() []zone.Event {
	service := func(name string, s zone.Service) zone.Object {
		s.Namespace, s.Name = "default", name
		return &s
	}
	external := func(name, target string) zone.Object {
		return service(name, zone.Service{Type: zone.ExternalName, ExternalName: target})
	}
	addr := netip.MustParseAddr
	endpoint := func(host, at string) zone.Endpoint {
		return zone.Endpoint{Hostname: host, Addresses: []netip.Addr{addr(at)}, Ready: true, Serving: true}
	}
	sql := []zone.Port{{Name: "sql", Protocol: zone.TCP, Number: 5432}}
	return []zone.Event{
		{Op: zone.Replace, Kind: zone.Namespaces, Objects: []zone.Object{
			&zone.Namespace{Meta: zone.Meta{Name: "default"}},
		}},
		{Op: zone.Replace, Kind: zone.Services, Objects: []zone.Object{
			service("web", zone.Service{
				ClusterIPs: []netip.Addr{addr("10.96.0.10"), addr("fd00::a")},
				Ports:      []zone.Port{{Name: "http", Protocol: zone.TCP, Number: 80}},
			}),
			service("db", zone.Service{Type: zone.Headless, Ports: sql, HasSelector: true}),
			external("ext", "example.com"),
			external("in", "web.default.svc.cluster.local"),
			external("gone", "nothing.default.svc.cluster.local"),
			external("a", "b.default.svc.cluster.local"),
			external("b", "a.default.svc.cluster.local"),
		}},
		{Op: zone.Replace, Kind: zone.EndpointSlices, Objects: []zone.Object{
			&zone.EndpointSlice{
				Meta: zone.Meta{Namespace: "default", Name: "db-1"}, Service: "db", Ports: sql,
				Endpoints: []zone.Endpoint{
					endpoint("db-0", "10.0.0.1"), endpoint("db-1", "10.0.0.2"), endpoint("db-2", "10.0.0.3"),
				},
			},
		}},
	}
}

// Zone returns the zones cluster.local and in-addr.arpa with Objects, TTL 5.
func Zone(t testing.TB) *zone.Zone {
	t.Helper()
	z := Unsynced(t)
	for _, e := range Objects() {
		z.Apply(e)
	}
	return z
}

// Unsynced returns the zones of Zone before any object came.
func Unsynced(t testing.TB) *zone.Zone {
	t.Helper()
	z, err := zone.New(zone.Config{
		Zones: []zone.Name{Name(t, "cluster.local"), Name(t, "in-addr.arpa"), Name(t, "ip6.arpa")},
		TTL:   5, HeadlessTTL: 5, NegativeTTL: 1,
		Kinds: []zone.Kind{zone.Namespaces, zone.Services, zone.EndpointSlices},
	})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Name returns a name of its text.
func Name(t testing.TB, text string) zone.Name {
	t.Helper()
	n, err := zone.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
