package metadata_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/metadata"
	"github.com/rollcall-dns/rollcall/zone"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   []string
		err    string
		reason string
	}{
		{"metadata", []string{"example.org."}, "", "the block's zones"},
		{"metadata Example.com 10.0.0.0/8", []string{"example.com.", "10.in-addr.arpa."}, "", "zones of its own"},
		{"metadata a..b", nil, `Corefile:2: metadata: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "zones are names"},
		{"metadata {\nx\n}", nil, `Corefile:3: metadata takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := corefile.Parse("Corefile", strings.NewReader("example.org {\n"+tt.text+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := metadata.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
			text := ""
			if err != nil {
				text, got = err.Error(), metadata.Config{}
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got.Zones); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// pods are the pods of addresses.
type pods map[string]zone.Key

func (p pods) PodOf(addr netip.Addr) (zone.Key, bool) {
	key, ok := p[addr.Unmap().String()]
	return key, ok
}

// labels returns what a query for name has once it is answered by a handler that
// notes its own; nil if it takes no labels.
func labels(t *testing.T, c metadata.Config, name string, client netip.AddrPort) (got map[string]string) {
	t.Helper()
	next := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		q.Note("next/seen", "yes")
		got = maps.Clone(q.Labels)
		return resolver.NoData
	})
	h, err := metadata.New(c, next)
	if err != nil {
		t.Fatal(err)
	}
	x := dnstest.Exchange()
	x.Query.Client = client
	responder := resolver.Responder{Handler: h}
	if out := responder.Respond(x, dnstest.Pack(t, dnstest.Question(name, dns.TypeA)), nil); len(out) == 0 {
		t.Fatal("no reply")
	}
	return got
}

func TestLabels(t *testing.T) {
	cluster := &metadata.Cluster{
		Zones:        []zone.Name{dnstest.Name(t, "cluster.local"), dnstest.Name(t, "clusterset.local"), dnstest.Name(t, "in-addr.arpa")},
		Multicluster: []zone.Name{dnstest.Name(t, "clusterset.local")},
		Pods:         pods{"10.0.0.1": {Namespace: "shop", Name: "cart-0"}, "10.0.0.2": {Namespace: "shop"}},
	}
	zonal := &metadata.Cluster{Zones: cluster.Zones, Multicluster: cluster.Multicluster, Zonal: true}
	// said returns labels of which those of a name are empty unless given, in the
	// order kind, namespace, service, endpoint, port-name, protocol.
	said := func(values ...string) map[string]string {
		m := map[string]string{"next/seen": "yes"}
		for i, label := range []string{"kind", "namespace", "service", "endpoint", "port-name", "protocol"} {
			m["kubernetes/"+label] = ""
			if i < len(values) {
				m["kubernetes/"+label] = values[i]
			}
		}
		return m
	}
	with := func(m map[string]string, more ...string) map[string]string {
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	seen := map[string]string{"next/seen": "yes"}
	all := []string{"."}
	tests := []struct {
		name, client string
		config       metadata.Config
		want         map[string]string
		reason       string
	}{
		{"example.com.", "", metadata.Config{Zones: all}, seen, "what a handler notes"},
		{"example.com.", "", metadata.Config{Zones: []string{"example.org."}}, nil, "not in the zones: nobody notes anything"},
		{"X.Example.ORG.", "", metadata.Config{Zones: []string{"example.org."}}, seen, "RFC 4343: case is ignored"},
		{"example.com.", "", metadata.Config{Zones: all, View: "inside"}, with(maps.Clone(seen), "view/name", "inside"), "the view"},
		{"example.com.", "", metadata.Config{Zones: all, Cluster: cluster}, seen, "no name of the cluster's"},
		{"s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said("svc", "ns", "s"), "a Service"},
		{"ep.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said("svc", "ns", "s", "ep"), "an endpoint"},
		{"_http._tcp.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said("svc", "ns", "s", "", "http", "tcp"), "a port"},
		{"10-0-0-1.ns.pod.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said("pod", "ns", "10-0-0-1"), "a pod, as CoreDNS labels it"},
		{"ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said("svc", "ns"), "a namespace"},
		{"cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, said(), "the apex"},
		{"s.ns.else.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, seen, "no name of the schema"},
		{"a.b.c.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, seen, "too long for the schema"},
		{"ep.c1.s.ns.svc.clusterset.local.", "", metadata.Config{Zones: all, Cluster: cluster}, with(said("svc", "ns", "s", "ep"), "kubernetes/cluster", "c1"), "an endpoint of another cluster"},
		{"_http._tcp.s.ns.svc.clusterset.local.", "", metadata.Config{Zones: all, Cluster: cluster}, with(said("svc", "ns", "s", "", "http", "tcp"), "kubernetes/cluster", ""), "a port there"},
		{"eu.a.pin._zone.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: zonal}, with(said("svc", "ns", "s"), "kubernetes/zone", "eu.a"), "a zone-scoped name"},
		{"eu.pin._zone.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: cluster}, seen, "which there are only if configured"},
		{"eu.near._zone.s.ns.svc.cluster.local.", "", metadata.Config{Zones: all, Cluster: zonal}, seen, "and of two kinds"},
		{"example.com.", "10.0.0.1:53", metadata.Config{Zones: all, Cluster: cluster}, with(maps.Clone(seen), "kubernetes/client-namespace", "shop", "kubernetes/client-pod-name", "cart-0"), "the client's pod, whatever it asks for"},
		{"example.com.", "[::ffff:10.0.0.1]:53", metadata.Config{Zones: all, Cluster: cluster}, with(maps.Clone(seen), "kubernetes/client-namespace", "shop", "kubernetes/client-pod-name", "cart-0"), "on a socket of both families"},
		{"example.com.", "10.0.0.2:53", metadata.Config{Zones: all, Cluster: cluster}, with(maps.Clone(seen), "kubernetes/client-namespace", "shop"), "of several pods on a host's network it is not known which one asks"},
		{"example.com.", "10.0.0.3:53", metadata.Config{Zones: all, Cluster: cluster}, seen, "no pod"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			client := dnstest.Client
			if tt.client != "" {
				client = netip.MustParseAddrPort(tt.client)
			}
			if diff := cmp.Diff(tt.want, labels(t, tt.config, tt.name, client)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestAsked is of a question that a handler asks on the way to an answer.
func TestAsked(t *testing.T) {
	var got map[string]string
	var h *metadata.Handler
	next := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		if q.Depth > 0 {
			q.Note("next/asked", "yes")
			return resolver.NoData
		}
		if _, _, err := resolver.Ask(h, q, resolver.Question{Name: "other.ns.svc.cluster.local.", Type: dns.TypeA}); err != nil {
			t.Error(err)
		}
		got = maps.Clone(q.Labels)
		return resolver.NoData
	})
	h, err := metadata.New(metadata.Config{Zones: []string{"."}, Cluster: &metadata.Cluster{Zones: []zone.Name{dnstest.Name(t, "cluster.local")}}}, next)
	if err != nil {
		t.Fatal(err)
	}
	dnstest.Serve(t, h, dnstest.Question("mine.ns.svc.cluster.local.", dns.TypeA))
	if got["next/asked"] != "yes" || got["kubernetes/service"] != "mine" {
		t.Errorf("labels %v, want what was noted of the question asked, and the name of the client's own", got)
	}
}

// TestOneQuery is of labels that belong to one query.
func TestOneQuery(t *testing.T) {
	n := 0
	next := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		n = len(q.Labels)
		q.Note("next/seen", "yes")
		return resolver.NoData
	})
	h, err := metadata.New(metadata.Config{Zones: []string{"."}}, next)
	if err != nil {
		t.Fatal(err)
	}
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("a.", dns.TypeA))
	responder := resolver.Responder{Handler: h}
	for range 2 {
		responder.Respond(x, packet, nil)
		if n != 0 {
			t.Fatalf("%d labels at the start", n)
		}
	}
}

// TestAllocations is of queries that are not in the zones.
func TestAllocations(t *testing.T) {
	h, err := metadata.New(metadata.Config{Zones: []string{"example.org."}}, resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData }))
	if err != nil {
		t.Fatal(err)
	}
	q, r := new(resolver.Query), new(resolver.Reply)
	if q.Parse(dnstest.Pack(t, dnstest.Question("example.com.", dns.TypeA))) != wire.Accept {
		t.Fatal("not a question")
	}
	if n := testing.AllocsPerRun(100, func() { h.Serve(q, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
