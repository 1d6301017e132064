package zone

import (
	"strings"
	"testing"
)

func TestAnswerNegative(t *testing.T) {
	checkNegative(t, newZone(t, testConfig(), cluster()...).Snapshot(), []answerRow{
		{"single.default.svc.cluster.local. AAAA", "NoData", "RFC 2308 section 2.2: the name has an A record"},
		{"single.default.svc.cluster.local. TYPE666", "NoData", "RFC 3597 section 3: an unknown type is a type"},
		{"single.default.svc.cluster.local. HTTPS", "NoData", "RFC 2308 section 2.2"},
		{"single.default.svc.cluster.local. SOA", "NoData", "a SOA is at an apex alone"},
		{"single.default.svc.cluster.local. NS", "NoData", "no zone is cut there"},
		{"cluster.local. A", "NoData", "the apex exists"},
		{"cluster.local. DS", "NoData", "RFC 4035 section 3.1.4.1: no parent is here to ask"},
		{"svc.cluster.local. A", "NoData", "RFC 8020 section 2: an empty non-terminal"},
		{"pod.cluster.local. A", "NoData", "RFC 8020 section 2, with and without pod names"},
		{"dns.cluster.local. A", "NoData", "RFC 8020 section 2: ns.dns is below"},
		{"dns-version.cluster.local. A", "NoData", "RFC 2308 section 2.2: it has a TXT record"},
		{"default.svc.cluster.local. A", "NoData", "RFC 8020 section 2"},
		{"default.svc.cluster.local. TXT", "NoData", "RFC 2308 section 2.2: the rcode is the same for every type"},
		{"quiet.svc.cluster.local. A", "NoData", "kept of the common implementation: a Namespace without Services"},
		{"_tcp.web.default.svc.cluster.local. A", "NoData", "RFC 8020 section 2: _http._tcp is below"},
		{"_http._tcp.web.default.svc.cluster.local. A", "NoData", "dropped of the common implementation: an address there"},
		{"pending.default.svc.cluster.local. A", "NoData", "a Service that has no address yet exists"},
		{"pending.default.svc.cluster.local. AAAA", "NoData", "for both families"},
		{"96.10.in-addr.arpa. PTR", "NoData", "RFC 8020 section 2, in reverse zones"},
		{"1.0.96.10.in-addr.arpa. A", "NoData", "RFC 2308 section 2.2, in reverse zones"},
		{"ns.dns.cluster.local. A", "NoData", "the name server has no address that is known, and exists"},

		{"missing.default.svc.cluster.local. A", "NameError", "RFC 2308 section 2.1"},
		{"web.missing.svc.cluster.local. A", "NameError", "RFC 2308 section 2.1"},
		{"missing.cluster.local. A", "NameError", "RFC 2308 section 2.1"},
		{"*.default.svc.cluster.local. A", "NameError", "no name has wildcards"},
		{"http.tcp.web.default.svc.cluster.local. SRV", "NameError", "dropped of the common implementation: no underscores"},
		{"_http._udp.web.default.svc.cluster.local. SRV", "NameError", "specification 2.3.2: the port's own protocol"},
		{"x.missing.default.svc.cluster.local. A", "NameError", "RFC 8020 section 2: nothing is below a name that is not"},
		{"_._tcp.web.default.svc.cluster.local. SRV", "NameError", "specification 2.3.2: an unnamed port has no SRV record"},
		{"empty.default.svc.cluster.local. A", "NameError", "specification 2.4.1: no ready endpoint"},
		{"empty.default.svc.cluster.local. AAAA", "NameError", "specification 2.4.1: for both families alike"},
		{"empty.default.svc.cluster.local. SRV", "NameError", "specification 2.4.1: for every type alike"},
		{"e-0.empty.default.svc.cluster.local. A", "NameError", "specification 2.4.1: an endpoint that is not ready"},
		{"bare.default.svc.cluster.local. A", "NameError", "specification 2.4.1: without a slice"},
		{"web-2.nginx.default.svc.cluster.local. A", "NameError", "specification 2.4.1: an endpoint that is not ready"},
		{"12.0.1.10.in-addr.arpa. PTR", "NameError", "specification 2.4.3: an endpoint that is not ready"},
		{"nothing.default.svc.cluster.local. A", "NameError", "a slice without its Service"},
		{"50.0.1.10.in-addr.arpa. PTR", "NameError", "a slice without its Service"},
		{"10-1-0-60.alias.default.svc.cluster.local. A", "NameError", "an ExternalName has no endpoints"},
		{"literal.default.svc.cluster.local. A", "NameError", "an address is no name"},
		{"literal6.default.svc.cluster.local. A", "NameError", "an address is no name"},
		{"bad.default.svc.cluster.local. A", "NameError", "what is no name is no target"},
		{"root.default.svc.cluster.local. A", "NameError", "nor is the root"},
		{"10-0-0-1.default.pod.cluster.local. A", "NameError", "pod names are disabled"},
		{"8.8.8.10.in-addr.arpa. PTR", "NameError", "RFC 2308 section 2.1, in reverse zones"},
		{`a\.b.svc.cluster.local. A`, "NameError", "a dot in a label is an octet like others"},
	})
}

func TestAnswerNotOurs(t *testing.T) {
	s := newZone(t, testConfig()).Snapshot()
	for _, name := range []string{"www.example.com", "local", ".", "xcluster.local", `x\007cluster.local`, "1.0.0.192.in-addr.arpa", "cluster.local.example"} {
		o, m := exchange(t, s, ask{text: name + " A"})
		if o != NotOurs || len(m.Answer)+len(m.Ns)+len(m.Extra) != 0 {
			t.Errorf("%s: %s, want NotOurs, and nothing said", name, render(o, m))
		}
	}
	if got := (Result{}).Zone(); got != "" {
		t.Errorf("Zone() of NotOurs = %q, want none", got)
	}
}

// RFC 2308 section 3: the SOA's TTL in a negative answer is the lesser of its
// TTL and its MINIMUM.
func TestNegativeTTL(t *testing.T) {
	tests := []struct{ ttl, negative, want uint32 }{{5, 1, 1}, {0, 1, 0}, {5, 30, 5}}
	for _, tt := range tests {
		c := testConfig()
		c.TTL, c.NegativeTTL = tt.ttl, tt.negative
		_, m := exchange(t, newZone(t, c).Snapshot(), ask{text: "x.cluster.local A"})
		if got := m.Ns[0].Header().Ttl; got != tt.want {
			t.Errorf("TTL %d, MINIMUM %d: SOA has TTL %d, want %d", tt.ttl, tt.negative, got, tt.want)
		}
	}
}

func TestAnswerNotReady(t *testing.T) {
	c := testConfig()
	c.Kinds = []Kind{Services, EndpointSlices}
	z := newZone(t, c)
	for _, kind := range c.Kinds {
		z.Apply(Event{Op: Put, Object: clusterIP("web", "10.96.0.1", "")})
		s := z.Snapshot()
		if s.Synced {
			t.Fatalf("synced before %v", kind)
		}
		for _, q := range []string{"web.default.svc.cluster.local A", "x.cluster.local A", "cluster.local SOA", "1.0.96.10.in-addr.arpa PTR"} {
			if o, m := exchange(t, s, ask{text: q}); o != NotReady || len(m.Answer)+len(m.Ns) != 0 {
				t.Errorf("%s before %v: %s, want NotReady: nothing is known yet to be there, or not", q, kind, render(o, m))
			}
		}
		if o, _ := exchange(t, s, ask{text: "example.com A"}); o != NotOurs {
			t.Errorf("example.com: %s, want NotOurs: other names need no cluster", outcomeNames[o])
		}
		z.Apply(Event{Op: Replace, Kind: kind, Objects: []Object{}})
	}
	if o, _ := exchange(t, z.Snapshot(), ask{text: "x.cluster.local A"}); o != NameError {
		t.Errorf("synced: %s, want NameError", outcomeNames[o])
	}
}

// The zone with the longest apex answers (RFC 1034 section 4.3.2, step 2), and
// what is between two zones exists.
func TestAnswerNestedZones(t *testing.T) {
	c := testConfig()
	c.Zones = names("cluster.local b.a.cluster.local in-addr.arpa 10.in-addr.arpa")
	z := newZone(t, c, clusterIP("web", "10.96.0.1", ""))
	for _, tt := range []struct{ ask, zone, outcome string }{
		{"web.default.svc.cluster.local A", "cluster.local.", "Success"},
		{"web.default.svc.b.a.cluster.local A", "b.a.cluster.local.", "Success"},
		{"a.cluster.local A", "cluster.local.", "NoData"},
		{"x.b.a.cluster.local A", "b.a.cluster.local.", "NameError"},
		{"1.0.96.10.in-addr.arpa PTR", "10.in-addr.arpa.", "Success"},
		{"11.in-addr.arpa PTR", "in-addr.arpa.", "NameError"},
	} {
		o, m := exchange(t, z.Snapshot(), ask{text: tt.ask})
		if outcomeNames[o] != tt.outcome {
			t.Errorf("%s: %s, want %s", tt.ask, outcomeNames[o], tt.outcome)
		}
		if len(m.Ns) > 0 && m.Ns[0].Header().Name != tt.zone {
			t.Errorf("%s: SOA of %s, want %s", tt.ask, m.Ns[0].Header().Name, tt.zone)
		}
	}
	if _, m := exchange(t, z.Snapshot(), ask{text: "1.0.96.10.in-addr.arpa PTR"}); !strings.Contains(m.Answer[0].String(), "web.default.svc.cluster.local.") {
		t.Errorf("PTR %v, want it to point into the first forward zone", m.Answer)
	}
}

// A network that ends within an octet is one zone for each of its addresses: the
// PTR record stands at the apex.
func TestAnswerNarrowReverseZone(t *testing.T) {
	c := testConfig()
	c.Zones = names("cluster.local 1.0.96.10.in-addr.arpa 2.0.96.10.in-addr.arpa")
	z := newZone(t, c, clusterIP("web", "10.96.0.1", ""))
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"1.0.96.10.in-addr.arpa. PTR", `Success
			1.0.96.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local.`, "specification 2.3.3"},
		{"2.0.96.10.in-addr.arpa. NS", `Success
			2.0.96.10.in-addr.arpa. 5 IN NS ns.dns.cluster.local.`, "an apex"},
	})
	if o, _ := exchange(t, z.Snapshot(), ask{text: "3.0.96.10.in-addr.arpa PTR"}); o != NotOurs {
		t.Errorf("outside the network: %s, want NotOurs", outcomeNames[o])
	}
}
