package zone

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A slice that changes in one thing gives the zone that it would have given from
// the first: what tells two of them apart must leave out nothing.
func TestSliceUpdates(t *testing.T) {
	base := func() *EndpointSlice {
		s := slice("db-1", "db", "p/tcp/1", "10.1.0.1 pod=a zone=z-1", "10.1.0.2 host=h pod=b", "10.1.0.3")
		s.ImportedService, s.Cluster = "db", "east"
		return s
	}
	tests := map[string]func(*EndpointSlice){
		"ready":            func(s *EndpointSlice) { s.Endpoints[0].Ready = false },
		"pod":              func(s *EndpointSlice) { s.Endpoints[0].Pod = "c" },
		"topology zone":    func(s *EndpointSlice) { s.Endpoints[0].Zone = "z-2" },
		"hostname":         func(s *EndpointSlice) { s.Endpoints[1].Hostname = "i" },
		"second address":   func(s *EndpointSlice) { s.Endpoints[0].Addresses = addrs("10.1.0.1,10.1.0.9") },
		"address":          func(s *EndpointSlice) { s.Endpoints[0].Addresses = addrs("10.1.0.9") },
		"no address":       func(s *EndpointSlice) { s.Endpoints[0].Addresses = nil },
		"gone":             func(s *EndpointSlice) { s.Endpoints = s.Endpoints[1:] },
		"twice":            func(s *EndpointSlice) { s.Endpoints = append(s.Endpoints, s.Endpoints[0]) },
		"order":            func(s *EndpointSlice) { s.Endpoints[0], s.Endpoints[2] = s.Endpoints[2], s.Endpoints[0] },
		"none":             func(s *EndpointSlice) { s.Endpoints = nil },
		"port":             func(s *EndpointSlice) { s.Ports = ports("p/tcp/2") },
		"protocol":         func(s *EndpointSlice) { s.Ports = ports("p/udp/1") },
		"port's name":      func(s *EndpointSlice) { s.Ports = ports("q/tcp/1") },
		"Service":          func(s *EndpointSlice) { s.Service = "web" },
		"no Service":       func(s *EndpointSlice) { s.Service = "" },
		"imported Service": func(s *EndpointSlice) { s.ImportedService = "" },
		"cluster":          func(s *EndpointSlice) { s.Cluster = "west" },
	}
	c := testConfig()
	c.Zones, c.Multicluster = append(c.Zones, names("clusterset.local")...), names("clusterset.local")
	c.EndpointPodNames, c.Zonal = true, true
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			world := func(s *EndpointSlice) *Zone {
				return newZone(t, c, headless("db"), headless("web"), &ServiceImport{Meta: meta("db"), Type: Headless}, s)
			}
			edited := base()
			edit(edited)
			z := world(base())
			before := dump(t, z.Snapshot())
			z.Apply(Event{Op: Put, Object: edited})
			fresh := world(edited)
			if diff := cmp.Diff(dump(t, fresh.Snapshot()), dump(t, z.Snapshot())); diff != "" {
				t.Errorf("edited (-fresh +edited):\n%s", diff)
			}
			if diff := cmp.Diff(fresh.more, z.more); diff != "" {
				t.Errorf("counts (-fresh +edited):\n%s", diff)
			}
			if name != "order" && name != "twice" && before == dump(t, z.Snapshot()) {
				t.Error("the edit changed nothing: this test does not test it")
			}
			z.Apply(Event{Op: Put, Object: base()})
			if diff := cmp.Diff(before, dump(t, z.Snapshot())); diff != "" {
				t.Errorf("and back (-before +after):\n%s", diff)
			}
			checkStructure(t, z)
		})
	}
}

// A name that is both a hostname and the dashed address of another endpoint is
// one PTR record, in answers as in dumps.
func TestPointerInBothRanks(t *testing.T) {
	z := newZone(t, testConfig(), headless("db"), slice("a", "db", "", "10.1.0.1 host=10-1-0-1"), slice("b", "db", "", "10.1.0.1", "10.1.0.2 host=10-1-0-1"))
	row := []answerRow{{"1.0.1.10.in-addr.arpa. PTR", `Success
		1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.db.default.svc.cluster.local.`, "RFC 2181 section 5: no record twice"}}
	checkAnswers(t, z.Snapshot(), row)
	checkProperties(t, z)
	apex := names("10.in-addr.arpa")[0]
	serial := z.Snapshot().Serial(apex)
	for _, gone := range []string{"a", "b"} { // the other is still there
		z.Apply(Event{Op: Remove, Kind: EndpointSlices, Key: key(gone)})
		if gone == "a" {
			checkAnswers(t, z.Snapshot(), row)
			if got := z.Snapshot().Serial(apex); got != serial {
				t.Errorf("serial went from %d to %d, and no content moved", serial, got)
			}
		}
	}
}

// Whatever the order in which Services that are the name server are found, its
// addresses are one set, each once.
func TestNameServerOfManyServices(t *testing.T) {
	c := testConfig()
	c.Self = addrs("10.1.0.1")
	z := newZone(t, c)
	for i, ip := range []string{"10.96.0.2", "10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.2"} {
		name := fmt.Sprint("dns-", i)
		z.Apply(Event{Op: Put, Object: clusterIP(name, ip, "")})
		z.Apply(Event{Op: Put, Object: slice(name, name, "", "10.1.0.1 notready")})
	}
	for range 20 {
		want := addrs("10.96.0.1,10.96.0.2,10.96.0.3")
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(z.nameServerAddrs())); diff != "" {
			t.Fatalf("addresses (-want +got):\n%s", diff)
		}
	}
	checkAnswers(t, z.Snapshot(), []answerRow{{"ns.dns.cluster.local. A", `Success
		ns.dns.cluster.local. 5 IN A 10.96.0.1
		ns.dns.cluster.local. 5 IN A 10.96.0.2
		ns.dns.cluster.local. 5 IN A 10.96.0.3`, "the Services whose endpoint the server is, ready or not"}})
	z.Apply(Event{Op: Put, Object: clusterIP("kube-system/kube-dns", "10.96.0.10,fd00::a", "")})
	checkAnswers(t, z.Snapshot(), []answerRow{{"ns.dns.cluster.local. A", `Success
		ns.dns.cluster.local. 5 IN A 10.96.0.10`, "kube-system/kube-dns, before others"}})
	z.Apply(Event{Op: Replace, Kind: Services})
	checkAnswers(t, z.Snapshot(), []answerRow{{"ns.dns.cluster.local. A", `Success
		ns.dns.cluster.local. 5 IN A 10.1.0.1`, "and its own address without one"}})
}
