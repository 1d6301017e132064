package zone

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// explainWorld is what the names of these tests are asked of.
func explainWorld() []Object {
	gone := slice("going-1", "going", "", "10.1.7.1 host=going-0 notready", "10.1.7.2 host=going-1 notready")
	gone.Endpoints[1].Terminating = true
	return []Object{
		namespace("default"), namespace("bare"),
		clusterIP("web", "10.96.0.1", "http/tcp/80 dns/udp/53"),
		clusterIP("six", "fd00::1", "http/tcp/80"),
		clusterIP("late", "", "http/tcp/80"),
		clusterIP("plain", "10.96.0.2", ""),
		headless("db"), slice("db-1", "db", "sql/tcp/5432", "10.1.0.1 host=db-0 zone=a", "10.1.0.2 host=db-1 notready"),
		&Service{Meta: meta("named-port"), Type: Headless, Ports: ports("http/tcp/80")}, slice("named-port-1", "named-port", "", "10.1.8.9"),
		headless("named"), slice("named-1", "named", "", "10.1.8.1", "10.1.8.2 pod=unready notready", "fd00::1", "fd00::2 notready"),
		headless("lost"), headless("void"), slice("void-1", "void", ""),
		headless("going"), gone,
		external("away", "example.com"), external("ip", "10.0.0.1"), external("to", "going.default.svc.cluster.local"),
		external("toto", "to.default.svc.cluster.local"), external("self", "self.default.svc.cluster.local"),
		slice("web-1", "web", "http/tcp/8080", "10.1.0.9 host=web-0"),
		pod("client", "10.1.9.9"),
	}
}

func TestExplain(t *testing.T) {
	everything := func(*Config) {}
	tests := []struct {
		ask    string
		config func(*Config)
		want   string // "" for no reason
		reason string
	}{
		{"web.default.svc.cluster.local A", everything, "", "it is there"},
		{"web.default.svc.cluster.local ANY", everything, "", "it is there"},
		{"www.example.com A", everything, "", "no zone of ours"},
		{"away.default.svc.cluster.local A", everything, "", "it leads out of the zones"},
		{"self.default.svc.cluster.local A", everything, "", "a loop is SERVFAIL"},
		{"away.default.svc.cluster.local CNAME", everything, "", "it is there"},

		{"cluster.local A", everything, "the name has records of other types alone", "the apex has NS and SOA"},
		{"cluster.local SOA", everything, "", "it is there"},
		{"svc.cluster.local A", everything, "the name has no records, and there are names below it", "RFC 8020"},
		{"default.svc.cluster.local A", everything, "the name has no records, and there are names below it", "a Namespace"},
		{"bare.svc.cluster.local A", everything, "the name has no records, and there are names below it", "a Namespace without Services"},
		{"x.cluster.local A", everything, "nothing in the zone has a name of this form", "schema 2"},
		{"web.default.cluster.local A", everything, "nothing in the zone has a name of this form", "svc was forgotten"},
		{"dns-version.cluster.local A", everything, "the name has records of other types alone", "TXT is there"},

		{"web.prod.svc.cluster.local A", everything, "no such Namespace", "schema 2.3"},
		{"prod.svc.cluster.local A", everything, "no such Namespace", "schema 2.3"},
		{"web.default.svc.cluster.local A", func(c *Config) { c.Namespaces = []string{"bare"} }, "the Namespace is not among those that are served", "namespaces"},
		{"web.other.svc.cluster.local A", func(c *Config) { c.ListedNamespaces = true }, "the Namespace is not among those that are served", "namespace_labels"},
		{"wbe.default.svc.cluster.local A", everything, "no such Service in the Namespace", "a typo"},
		{"x.y.wbe.default.svc.cluster.local A", everything, "no such Service in the Namespace", "the rest of the name does not matter"},

		{"web.default.svc.cluster.local AAAA", everything, "the name has addresses of the other family alone", "IPv4 alone"},
		{"six.default.svc.cluster.local A", everything, "the name has addresses of the other family alone", "IPv6 alone"},
		{"web.default.svc.cluster.local TXT", everything, "the name has records of other types alone", "RFC 2308 section 2.2"},
		{"late.default.svc.cluster.local A", everything, "the Service has no ClusterIP yet", "it exists before it has one"},
		{"_http._tcp.late.default.svc.cluster.local SRV", everything, "the Service has no ClusterIP yet", "it exists before it has one"},
		{"plain.default.svc.cluster.local SRV", everything, "the Service has no port", "schema 2.3.2"},
		{"ip.default.svc.cluster.local A", everything, "the Service's externalName is no domain name", "an address is no name"},
		{"x.away.default.svc.cluster.local A", everything, "an ExternalName Service has no names below its own", "schema 2.5"},
		{"plain.default.svc.cluster.local A", func(c *Config) { c.IgnoreEmpty = true }, "the Service has no ready endpoint (ignore empty_service): 0 endpoints", "ignore empty_service"},

		{"lost.default.svc.cluster.local A", everything, "a headless Service without an EndpointSlice", "schema 2.4.1"},
		{"lost.default.svc.cluster.local A", func(c *Config) { c.Kinds = []Kind{Services} }, "a headless Service, and EndpointSlices are not read (noendpoints)", "noendpoints"},
		{"void.default.svc.cluster.local A", everything, "a headless Service without endpoints", "schema 2.4.1"},
		{"going.default.svc.cluster.local A", everything, "a headless Service without a ready endpoint: 2 endpoints, 2 not ready, 1 terminating", "schema 2.4.1"},
		{"to.default.svc.cluster.local A", everything, "the name that this ExternalName Service leads to: a headless Service without a ready endpoint: 2 endpoints, 2 not ready, 1 terminating", "RFC 6604 section 3"},
		{"toto.default.svc.cluster.local A", everything, "the name that this ExternalName Service leads to: a headless Service without a ready endpoint: 2 endpoints, 2 not ready, 1 terminating", "the last of them"},
		{"db.default.svc.cluster.local AAAA", everything, "the name has addresses of the other family alone", "headless, of one family"},

		{"_sql._tcp.db.default.svc.cluster.local SRV", everything, "", "it is there"},
		{"_sql._tcp.db.default.svc.cluster.local A", everything, "the name has records of other types alone", "SRV is there"},
		{"_tcp.db.default.svc.cluster.local SRV", everything, "the name has no records, and there are names below it", "RFC 8020"},
		{"_sctp.db.default.svc.cluster.local SRV", everything, "the Service's port of this name has another protocol", "no port of the protocol"},
		{"_sql._udp.db.default.svc.cluster.local SRV", everything, "the Service's port of this name has another protocol", "schema 2.4.2"},
		{"_pg._tcp.db.default.svc.cluster.local SRV", everything, "the Service has no port of this name", "schema 2.4.2"},
		{"_5432._tcp.db.default.svc.cluster.local SRV", everything, "the Service has no port of this name", "ports have names, no numbers"},
		{"_http._tcp.named-port.default.svc.cluster.local SRV", everything, "no ready endpoint has the Service's port of this name: 1 endpoint", "the targetPort is a name that no container has"},
		{"sql.tcp.db.default.svc.cluster.local SRV", everything, "ports and protocols are asked for with underscores: _port._protocol.service", "RFC 2782"},
		{"sql._tcp.db.default.svc.cluster.local SRV", everything, "ports and protocols are asked for with underscores: _port._protocol.service", "RFC 2782"},
		{"_dns._udp.web.default.svc.cluster.local SRV", everything, "", "it is there"},
		{"_a._b._tcp.db.default.svc.cluster.local SRV", everything, "nothing in the zone has a name of this form", "one label too many"},

		{"db-1.db.default.svc.cluster.local A", everything, "the endpoint of this name is not ready: 1 endpoint, 1 not ready", "schema 2.4.1"},
		{"db-7.db.default.svc.cluster.local A", everything, "the Service has no endpoint of this name: 2 endpoints, 1 not ready", "schema 2.4.1"},
		{"10-1-8-2.named.default.svc.cluster.local A", everything, "the endpoint of this name is not ready: 1 endpoint, 1 not ready", "named by its address"},
		{"fd00--2.named.default.svc.cluster.local AAAA", everything, "the endpoint of this name is not ready: 1 endpoint, 1 not ready", "named by its address"},
		{"fd00-0--2.named.default.svc.cluster.local AAAA", everything, "the Service has no endpoint of this name: 4 endpoints, 2 not ready", "its address, spelled otherwise"},
		{"unready.named.default.svc.cluster.local A", func(c *Config) { c.EndpointPodNames = true }, "the endpoint of this name is not ready: 1 endpoint, 1 not ready", "endpoint_pod_names"},
		{"10-1-8-2.named.default.svc.cluster.local A", func(c *Config) { c.EndpointPodNames = true }, "the Service has no endpoint of this name: 4 endpoints, 2 not ready", "endpoint_pod_names"},
		{"going-9.going.default.svc.cluster.local A", everything, "the Service has no endpoint of this name: 2 endpoints, 2 not ready, 1 terminating", "those that there are have other names, ready or not"},
		{"web-9.web.default.svc.cluster.local A", everything, "the Service has no endpoint of this name: 1 endpoint", "endpoints have names below ClusterIP Services too"},

		{"a.pin._zone.db.default.svc.cluster.local A", everything, "zone-scoped names are not configured (zonal)", "zonal"},
		{"a.pin._zone.db.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "", "it is there"},
		{"b.pin._zone.db.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "no ready endpoint is in this topology zone", "nobody there"},
		{"b.prefer._zone.db.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "", "the whole Service answers"},
		{"b.prefer._zone.db.default.svc.cluster.local TXT", func(c *Config) { c.Zonal = true }, "the name has records of other types alone", "the whole Service answers"},
		{"b.other._zone.db.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "nothing in the zone has a name of this form", "pin or prefer"},
		{"b.pin._zone.going.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "a headless Service without a ready endpoint: 2 endpoints, 2 not ready, 1 terminating", "as the Service"},
		{"b.pin._zone.web.default.svc.cluster.local A", func(c *Config) { c.Zonal = true }, "nothing in the zone has a name of this form", "of headless Services alone"},

		{"10-1-2-3.default.pod.cluster.local A", everything, "pod names are not configured (pods disabled)", "pods disabled"},
		{"10-1-2-3.default.pod.cluster.local AAAA", func(c *Config) { c.Pods = PodsInsecure }, "the name has addresses of the other family alone", "the address that it spells"},
		{"10-1-2-3.default.pod.cluster.local A", func(c *Config) { c.Pods = PodsInsecure }, "", "it is there"},
		{"10-1-2-3.prod.pod.cluster.local A", func(c *Config) { c.Pods = PodsInsecure }, "no such Namespace", "pods insecure"},
		{"client.default.pod.cluster.local A", func(c *Config) { c.Pods = PodsInsecure }, "a pod's name is its address with dashes, as 10-1-2-3", "pods have no names"},
		{"10-1-2-3.default.pod.cluster.local A", func(c *Config) { c.Pods = PodsVerified }, "no Pod of the Namespace has this address", "pods verified"},
		{"10-1-9-9.default.pod.cluster.local TXT", func(c *Config) { c.Pods = PodsVerified }, "the name has records of other types alone", "A is there"},
		{"a.b.default.pod.cluster.local A", func(c *Config) { c.Pods = PodsInsecure }, "nothing in the zone has a name of this form", "one label too many"},
		{"pod.cluster.local A", everything, "the name has no records, and there are names below it", "RFC 8020"},

		{"9.9.9.10.in-addr.arpa PTR", everything, "neither a ClusterIP nor a ready endpoint has this address", "schema 2.3.3"},
		{"2.0.1.10.in-addr.arpa PTR", everything, "neither a ClusterIP nor a ready endpoint has this address", "db-1 is not ready"},
		{"x.10.in-addr.arpa PTR", everything, "nothing in the zone has a name of this form", "no address"},
		{"96.10.in-addr.arpa PTR", everything, "the name has no records, and there are names below it", "RFC 8020"},
		{"1.0.96.10.in-addr.arpa A", everything, "the name has records of other types alone", "PTR is there"},
	}
	for _, tt := range tests {
		t.Run(tt.ask, func(t *testing.T) {
			c := testConfig()
			tt.config(&c)
			z := newZone(t, c, explainWorld()...)
			for _, kind := range c.Kinds {
				z.Apply(Event{Op: Replace, Kind: kind, Objects: ofKind(explainWorld(), kind)})
			}
			got := ""
			q := parseAsk(t, tt.ask)
			if r, ok := z.Explain(z.Snapshot(), Name(string(q.Name())), q.Type); ok {
				got = r.String()
			}
			if got != tt.want {
				t.Errorf("%q, want %q: %s", got, tt.want, tt.reason)
			}
		})
	}
}

func ofKind(objects []Object, kind Kind) (out []Object) {
	for _, o := range objects {
		if o.Kind() == kind {
			out = append(out, o)
		}
	}
	return out
}

func parseAsk(t *testing.T, text string) *wire.Query {
	t.Helper()
	var q wire.Query
	if q.Parse(ask{text: text}.packet(t)) != wire.Accept {
		t.Fatalf("%s is no question", text)
	}
	return &q
}

// Every negative answer has a reason, and no other has one, whatever the name.
func TestExplainIsWhole(t *testing.T) {
	for i, c := range []func(*Config){
		func(*Config) {},
		func(c *Config) { c.Pods, c.Zonal = PodsInsecure, true },
		func(c *Config) { c.Pods, c.IgnoreEmpty, c.EndpointPodNames = PodsVerified, true, true },
		func(c *Config) { c.Namespaces = []string{"default"} },
	} {
		config := testConfig()
		config.Multicluster = names("clusterset.local")
		config.Zones = append(config.Zones, config.Multicluster...)
		c(&config)
		z := newZone(t, config, append(cluster(), explainWorld()...)...)
		s := z.Snapshot()
		r := rand.New(rand.NewPCG(1, uint64(i)))
		for range 5_000 {
			checkWhole(t, z, randomName(r, s.Zones()))
		}
	}
}

// randomName returns a name of a few labels that mean something somewhere, below
// one of the zones or deep in one.
func randomName(r *rand.Rand, zones []Name) Name {
	labels := []string{"web", "db", "db-0", "going", "default", "svc", "pod", "_tcp", "_sql", "tcp", "_zone", "pin", "a", "10-1-2-3", "nginx", "alias"}
	deep := []string{"", "svc", "default.svc", "db.default.svc", "going.default.svc", "default.pod", "_tcp.db.default.svc", "_zone.db.default.svc", "0.1.10"}
	name := zones[r.IntN(len(zones))]
	path := strings.FieldsFunc(deep[r.IntN(len(deep))], func(c rune) bool { return c == '.' })
	slices.Reverse(path)
	for range r.IntN(4) {
		path = append(path, labels[r.IntN(len(labels))])
	}
	for _, label := range path {
		name, _ = name.Child(label)
	}
	return name
}

func checkWhole(t *testing.T, z *Zone, name Name) {
	t.Helper()
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT, dns.TypePTR, dns.TypeSOA, dns.TypeCNAME, dns.TypeANY} {
		outcome, _, err := z.Snapshot().Lookup(name, typ)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := z.Explain(z.Snapshot(), name, typ)
		if negative := outcome == NoData || outcome == NameError; ok != negative || ok && (r.String() == "" || r.Code == Long) {
			t.Errorf("%s %s: %s, reason %d %q", name, dns.TypeToString[typ], outcomeNames[outcome], r.Code, r)
		}
		if ok && !r.Alias && (r.Code >= OtherFamily) != (outcome == NoData) {
			t.Errorf("%s %s: %s, and the reason is %q", name, dns.TypeToString[typ], outcomeNames[outcome], r)
		}
	}
}

// Whoever answers does not wait for one who changes objects, and tells nothing of
// a zone that is another by now.
func TestExplainDoesNotWait(t *testing.T) {
	z := newZone(t, testConfig(), explainWorld()...)
	name := names("wbe.default.svc.cluster.local")[0]
	old := z.Snapshot()
	if _, ok := z.Explain(old, name, dns.TypeA); !ok {
		t.Error("no reason while nobody writes")
	}
	z.mu.Lock()
	if r, ok := z.Explain(old, name, dns.TypeA); ok {
		t.Errorf("%q while objects are being changed, want none", r)
	}
	z.mu.Unlock()
	z.Apply(Event{Op: Put, Object: clusterIP("wbe", "10.96.0.3", "")})
	if r, ok := z.Explain(old, name, dns.TypeA); ok {
		t.Errorf("%q of a Snapshot that is no more, want none", r)
	}
	c := testConfig()
	c.Kinds = []Kind{Services}
	unsynced := newZone(t, c)
	if r, ok := unsynced.Explain(unsynced.Snapshot(), name, dns.TypeA); ok {
		t.Errorf("%q before the zone is synced, want none", r)
	}
}

// BenchmarkExplain is the worst there is: a name below a Service of 5,000 endpoints
// that none of them has.
func BenchmarkExplain(b *testing.B) {
	z := newZone(b, testConfig(), large("big", 5000)...)
	s, name := z.Snapshot(), names("none.big.default.svc.cluster.local")[0]
	b.ReportAllocs()
	for b.Loop() {
		if r, ok := z.Explain(s, name, dns.TypeA); !ok || r.Endpoints != 5000 {
			b.Fatalf("%v, %t", r, ok)
		}
	}
}
