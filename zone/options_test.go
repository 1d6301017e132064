package zone

import (
	"strings"
	"testing"
)

func TestPodsInsecure(t *testing.T) {
	c := testConfig()
	c.Pods = PodsInsecure
	s := newZone(t, c, namespace("default"), clusterIP("other/web", "10.96.0.1", "")).Snapshot()
	checkAnswers(t, s, []answerRow{
		{"10-1-2-3.default.pod.cluster.local. A", `Success
			10-1-2-3.default.pod.cluster.local. 5 IN A 10.1.2.3`, "the address that the name spells"},
		{"10-1-2-3.DEFAULT.pod.cluster.local. ANY", `Success
			10-1-2-3.DEFAULT.pod.cluster.local. 5 IN A 10.1.2.3`, "all that the name has"},
		{"fd00--1.default.pod.cluster.local. AAAA", `Success
			fd00--1.default.pod.cluster.local. 5 IN AAAA fd00::1`, "the address that the name spells"},
		{"FD00-0-0-0-0-0-0-1.default.pod.cluster.local. AAAA", `Success
			FD00-0-0-0-0-0-0-1.default.pod.cluster.local. 5 IN AAAA fd00::1`, "in any form"},
		{"0--1.default.pod.cluster.local. AAAA", `Success
			0--1.default.pod.cluster.local. 5 IN AAAA ::1`, "in any form"},
	})
	checkNegative(t, s, []answerRow{
		{"10-1-2-3.default.pod.cluster.local. AAAA", "NoData", "an IPv4 address is no AAAA record; the name exists for both"},
		{"fd00--1.default.pod.cluster.local. A", "NoData", "an IPv6 address is no A record; the name exists for both"},
		{"10-1-2-3.default.pod.cluster.local. TXT", "NoData", "RFC 2308 section 2.2"},
		{"default.pod.cluster.local. A", "NoData", "RFC 8020 section 2: there are names below"},
		{"10-1-2-3.missing.pod.cluster.local. A", "NameError", "the Namespace does not exist"},
		{"10-1-2-3.other.pod.cluster.local. A", "NameError", "the Namespace is not known, a Service in it notwithstanding"},
		{"10-1-2.default.pod.cluster.local. A", "NameError", "no address"},
		{"10-1-2-3-4.default.pod.cluster.local. A", "NameError", "no address"},
		{"10-1-2-256.default.pod.cluster.local. A", "NameError", "no address"},
		{"10-01-2-3.default.pod.cluster.local. A", "NameError", "a leading zero: the name that we would write is another"},
		{"-1-2-3.default.pod.cluster.local. A", "NameError", "no address"},
		{"10--2-3.default.pod.cluster.local. A", "NoData", "an IPv6 address, 10::2:3"},
		{"10-1-2-.default.pod.cluster.local. A", "NameError", "no address"},
		{`fd00\:\:1.default.pod.cluster.local. AAAA`, "NameError", "no dashes"},
		{`--ffff-10\.1\.2\.3.default.pod.cluster.local. AAAA`, "NameError", "no dashes"},
		{"x.10-1-2-3.default.pod.cluster.local. A", "NameError", "nothing is below a pod's name"},
		{"10-1-2-3.default.svc.cluster.local. A", "NameError", "not below pod"},
		{"10-1-2-3.pod.cluster.local. A", "NameError", "a Namespace is missing"},
		{"10-1-2-3.default.pod.0.0.d.f.ip6.arpa. A", "NameError", "no reverse zone has them"},
	})
}

func TestPodsVerified(t *testing.T) {
	c := testConfig()
	c.Pods = PodsVerified
	z := newZone(t, c, namespace("default"), pod("a", "10.1.2.3,fd00::3"), pod("b", "10.1.2.3"), pod("other/c", "10.1.2.4"))
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"10-1-2-3.default.pod.cluster.local. A", `Success
			10-1-2-3.default.pod.cluster.local. 5 IN A 10.1.2.3`, "a Pod has the address; two on the host's network have one"},
		{"fd00--3.default.pod.cluster.local. AAAA", `Success
			fd00--3.default.pod.cluster.local. 5 IN AAAA fd00::3`, "a Pod has the address"},
	})
	checkNegative(t, z.Snapshot(), []answerRow{
		{"10-1-2-4.default.pod.cluster.local. A", "NameError", "the address is of a Pod in another Namespace"},
		{"10-1-2-5.default.pod.cluster.local. A", "NameError", "no Pod has the address"},
		{"default.pod.cluster.local. A", "NoData", "RFC 8020 section 2"},
	})
	z.Apply(Event{Op: Remove, Kind: Pods, Key: key("b")})
	if o, _ := exchange(t, z.Snapshot(), ask{text: "10-1-2-3.default.pod.cluster.local A"}); o != Success {
		t.Errorf("one of two Pods gone: %s, want Success", outcomeNames[o])
	}
	z.Apply(Event{Op: Put, Object: pod("a", "")})
	if o, _ := exchange(t, z.Snapshot(), ask{text: "10-1-2-3.default.pod.cluster.local A"}); o != NameError {
		t.Errorf("both gone: %s, want NameError", outcomeNames[o])
	}
}

func TestZonal(t *testing.T) {
	c := testConfig()
	c.Zonal = true
	z := newZone(t, c, headless("db"), clusterIP("web", "10.96.0.1", ""), headless("none"),
		slice("db-1", "db", "p/tcp/1", "10.1.0.1 host=a zone=eu-1", "10.1.0.2 host=b zone=eu-1.x", "10.1.0.3 host=c", "10.1.0.4 zone=eu-2 notready"),
		slice("web-1", "web", "", "10.1.0.5 zone=eu-1"),
		slice("none-1", "none", "", "10.1.0.6 zone=eu-1 notready"))
	all := ` A 10.1.0.1
		eu-9.prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.2
		eu-9.prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.3`
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"eu-1.pin._zone.db.default.svc.cluster.local. A", `Success
			eu-1.pin._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.1`, "pin: the zone's endpoints"},
		{"EU-1.Prefer._zone.db.default.svc.cluster.local. A", `Success
			EU-1.Prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.1`, "prefer: the zone's endpoints, where it has some"},
		{"eu-1.x.pin._zone.db.default.svc.cluster.local. A", `Success
			eu-1.x.pin._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.2`, "a topology zone may have dots"},
		{"eu-9.prefer._zone.db.default.svc.cluster.local. A", `Success
			eu-9.prefer._zone.db.default.svc.cluster.local. 5 IN` + all, "prefer: all endpoints, where the zone has none"},
		{"eu-1.pin._zone.db.default.svc.cluster.local. SRV", `Success
			eu-1.pin._zone.db.default.svc.cluster.local. 5 IN SRV 0 100 1 a.db.default.svc.cluster.local.
			;additional
			a.db.default.svc.cluster.local. 5 IN A 10.1.0.1`, "SRV as at the Service's name"},
		{"x.prefer._zone.db.default.svc.cluster.local. A", `Success
			x.prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.1
			x.prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.2
			x.prefer._zone.db.default.svc.cluster.local. 5 IN A 10.1.0.3`, "an empty non-terminal, above eu-1.x, is a zone without endpoints"},
	})
	checkNegative(t, z.Snapshot(), []answerRow{
		{"eu-1.pin._zone.db.default.svc.cluster.local. AAAA", "NoData", "the name has another type"},
		{"eu-9.pin._zone.db.default.svc.cluster.local. A", "NoData", "pin: the zone has no endpoint, the Service has"},
		{"eu-2.pin._zone.db.default.svc.cluster.local. A", "NoData", "pin: no endpoint that is ready"},
		{"x.pin._zone.db.default.svc.cluster.local. A", "NoData", "RFC 8020 section 2: eu-1.x is below"},
		{"pin._zone.db.default.svc.cluster.local. A", "NoData", "RFC 8020 section 2"},
		{"prefer._zone.db.default.svc.cluster.local. A", "NoData", "RFC 8020 section 2"},
		{"_zone.db.default.svc.cluster.local. A", "NoData", "RFC 8020 section 2"},
		{"eu-1.other._zone.db.default.svc.cluster.local. A", "NameError", "pin and prefer, and nothing else"},
		{"eu-1.pin._zone.web.default.svc.cluster.local. A", "NameError", "a ClusterIP Service has no zone-scoped names"},
		{"eu-1.pin._zone.none.default.svc.cluster.local. A", "NameError", "no ready endpoint: as the Service is"},
		{"eu-1.prefer._zone.none.default.svc.cluster.local. A", "NameError", "no ready endpoint: as the Service is"},
		{"pin._zone.none.default.svc.cluster.local. A", "NameError", "no ready endpoint: as the Service is"},
	})
	c.Zonal = false
	if o, _ := exchange(t, newZone(t, c, headless("db"), slice("db-1", "db", "", "10.1.0.1 zone=z")).Snapshot(),
		ask{text: "z.pin._zone.db.default.svc.cluster.local A"}); o != NameError {
		t.Errorf("without Zonal: %s, want NameError", outcomeNames[o])
	}
}

func TestMulticluster(t *testing.T) {
	c := testConfig()
	c.Zones = append(c.Zones, names("clusterset.local")...)
	c.Multicluster = names("clusterset.local")
	imported := slice("db-1", "db", "p/tcp/1", "10.1.0.1 host=a")
	imported.ImportedService, imported.Cluster = "db", "east"
	other := slice("db-2", "", "p/tcp/1", "10.1.0.2 host=a", "10.1.0.3")
	other.ImportedService, other.Cluster = "db", "west"
	z := newZone(t, c, imported, other, headless("db"),
		&ServiceImport{Meta: meta("db"), Type: Headless},
		&ServiceImport{Meta: meta("web"), ClusterIPs: addrs("10.97.0.1"), Ports: ports("http/tcp/80")})
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"web.default.svc.clusterset.local. A", `Success
			web.default.svc.clusterset.local. 5 IN A 10.97.0.1`, "KEP-1645: a ClusterSetIP"},
		{"_http._tcp.web.default.svc.clusterset.local. SRV", `Success
			_http._tcp.web.default.svc.clusterset.local. 5 IN SRV 0 100 80 web.default.svc.clusterset.local.
			;additional
			web.default.svc.clusterset.local. 5 IN A 10.97.0.1`, "KEP-1645: SRV as a ClusterIP Service's"},
		{"db.default.svc.clusterset.local. A", `Success
			db.default.svc.clusterset.local. 5 IN A 10.1.0.1
			db.default.svc.clusterset.local. 5 IN A 10.1.0.2
			db.default.svc.clusterset.local. 5 IN A 10.1.0.3`, "KEP-1645: headless, of all clusters"},
		{"a.east.db.default.svc.clusterset.local. A", `Success
			a.east.db.default.svc.clusterset.local. 5 IN A 10.1.0.1`, "KEP-1645: a hostname is its cluster's"},
		{"a.west.db.default.svc.clusterset.local. A", `Success
			a.west.db.default.svc.clusterset.local. 5 IN A 10.1.0.2`, "KEP-1645: a hostname is its cluster's"},
		{"_p._tcp.db.default.svc.clusterset.local. SRV", `Success
			_p._tcp.db.default.svc.clusterset.local. 5 IN SRV 0 100 1 a.east.db.default.svc.clusterset.local.
			_p._tcp.db.default.svc.clusterset.local. 5 IN SRV 0 100 1 a.west.db.default.svc.clusterset.local.
			_p._tcp.db.default.svc.clusterset.local. 5 IN SRV 0 100 1 10-1-0-3.west.db.default.svc.clusterset.local.
			;additional
			a.east.db.default.svc.clusterset.local. 5 IN A 10.1.0.1
			a.west.db.default.svc.clusterset.local. 5 IN A 10.1.0.2
			10-1-0-3.west.db.default.svc.clusterset.local. 5 IN A 10.1.0.3`, "KEP-1645: SRV targets name the cluster"},
		{"db.default.svc.cluster.local. A", `Success
			db.default.svc.cluster.local. 5 IN A 10.1.0.1`, "the cluster's own zone has its own endpoints"},
		{"1.0.1.10.in-addr.arpa. PTR", `Success
			1.0.1.10.in-addr.arpa. 5 IN PTR a.db.default.svc.cluster.local.`, "PTR records point into the primary zone alone"},
	})
	checkNegative(t, z.Snapshot(), []answerRow{
		{"web.default.svc.cluster.local. A", "NameError", "a ServiceImport is of the multi-cluster zones"},
		{"a.db.default.svc.clusterset.local. A", "NameError", "KEP-1645: without its cluster a hostname means nothing"},
		{"east.db.default.svc.clusterset.local. A", "NoData", "RFC 8020 section 2"},
		{"2.0.1.10.in-addr.arpa. PTR", "NameError", "no PTR for another cluster's endpoints"},
	})
	// The import changes its type, and its endpoints go.
	z.Apply(Event{Op: Put, Object: &ServiceImport{Meta: meta("db"), ClusterIPs: addrs("10.97.0.2")}})
	if o, m := exchange(t, z.Snapshot(), ask{text: "db.default.svc.clusterset.local A"}); o != Success || len(m.Answer) != 1 {
		t.Errorf("a ServiceImport turned ClusterSetIP: %s", render(o, m))
	}
}

func TestHostnamePTR(t *testing.T) {
	objects := []Object{
		clusterIP("a", "10.96.0.1", ""), headless("z"), headless("b"),
		slice("a-1", "a", "", "10.1.0.1"), slice("z-1", "z", "", "10.1.0.1 host=h"), slice("b-1", "b", "", "10.1.0.1", "10.1.0.2"),
	}
	c := testConfig()
	all := newZone(t, c, objects...).Snapshot()
	c.HostnamePTR = true
	only := newZone(t, c, objects...)
	checkAnswers(t, all, []answerRow{{"1.0.1.10.in-addr.arpa. PTR", `Success
		1.0.1.10.in-addr.arpa. 5 IN PTR h.z.default.svc.cluster.local.
		1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.a.default.svc.cluster.local.
		1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.b.default.svc.cluster.local.`, "headless hostnames first, then in a fixed order"}})
	rows := []answerRow{
		{"1.0.1.10.in-addr.arpa. PTR", `Success
			1.0.1.10.in-addr.arpa. 5 IN PTR h.z.default.svc.cluster.local.`, "ptr hostname: those alone, where there is one"},
		{"2.0.1.10.in-addr.arpa. PTR", `Success
			2.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-2.b.default.svc.cluster.local.`, "ptr hostname: others, where there is none"},
	}
	checkAnswers(t, only.Snapshot(), rows)

	// What does not show is in no dump, and moves no serial.
	apex := names("10.in-addr.arpa")[0]
	before, text := only.Snapshot().Serial(apex), dump(t, only.Snapshot())
	only.Apply(Event{Op: Put, Object: slice("b-1", "b", "", "10.1.0.2")})
	if got := only.Snapshot().Serial(apex); got != before {
		t.Errorf("a PTR record that does not show moved the serial from %d to %d", before, got)
	}
	if strings.Contains(text, "PTR\t10-1-0-1.a") {
		t.Errorf("the dump has PTR records that are not answered:\n%s", text)
	}
	checkAnswers(t, only.Snapshot(), rows)
}

func TestEndpointNames(t *testing.T) {
	c := testConfig()
	c.EndpointPodNames = true
	s := newZone(t, c, headless("db"), slice("db-1", "db", "",
		"10.1.0.1 pod=db-x", "10.1.0.2 host=h pod=db-y", "10.1.0.3", "10.1.0.4 pod=has.dots",
		"10.1.0.5 pod=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg")).Snapshot()
	for name, want := range map[string]Outcome{
		"db-x": Success, "10-1-0-1": NameError, // by its Pod
		"h": Success, "db-y": NameError, // a hostname goes first
		"10-1-0-3": Success,                        // without a Pod
		"10-1-0-4": Success, "has.dots": NameError, // no label
		"10-1-0-5": Success, // too long a label
	} {
		if o, _ := exchange(t, s, ask{text: name + ".db.default.svc.cluster.local A"}); o != want {
			t.Errorf("%s: %s, want %s", name, outcomeNames[o], outcomeNames[want])
		}
	}
}
