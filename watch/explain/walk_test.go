package explain_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

// asked notes what is asked for, of which one name is found.
type asked struct {
	names []string
	found string
	what  string // what the others get
}

func (a *asked) Zones() []zone.Name { return []zone.Name{"\x07cluster\x05local\x00"} }
func (a *asked) Denied() []string   { return nil }

func (a *asked) Ask(_ context.Context, q explain.Ask) (explain.Answer, error) {
	a.names = append(a.names, strings.TrimSuffix(q.Name.String(), ".")+" "+q.Type)
	if q.Name.String() == a.found {
		return explain.Answer{Outcome: explain.Found, Records: []string{"a record"}}, nil
	}
	return explain.Answer{Outcome: a.what, Cause: explain.Cause{Code: "none", Text: q.Name.String()}}, nil
}

// pod returns a Pod of namespace shop.
func pod(change func(*corev1.PodSpec)) explain.Path {
	p := &corev1.Pod{}
	p.Namespace, p.Name = "shop", "cart-0"
	change(&p.Spec)
	return explain.PathOf(p, "\x07cluster\x05local\x00")
}

// TestPath sees which names are asked for, and in what order.
func TestPath(t *testing.T) {
	two, many := "2", "99"
	ndots := func(n *string) func(*corev1.PodSpec) {
		return func(s *corev1.PodSpec) {
			s.DNSConfig = &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: n}, {Name: "edns0"}}}
		}
	}
	plain := pod(func(*corev1.PodSpec) {})
	tests := []struct {
		name, ask string
		path      explain.Path
		want      string // names and types between commas
		reason    string
	}{
		{"short", "web", plain, "web.shop.svc.cluster.local A,web.svc.cluster.local A,web.cluster.local A,web A", "the kubelet's three search domains, and ndots:5"},
		{"final dot", "web.", plain, "web A", "resolv.conf(5): absolute"},
		{"four dots", "web.shop.svc.cluster.local", plain, "web.shop.svc.cluster.local.shop.svc.cluster.local A,web.shop.svc.cluster.local.svc.cluster.local A,web.shop.svc.cluster.local.cluster.local A,web.shop.svc.cluster.local A", "fewer than ndots:5"},
		{"five dots", "a.web.shop.svc.cluster.local", plain, "a.web.shop.svc.cluster.local A,a.web.shop.svc.cluster.local.shop.svc.cluster.local A,a.web.shop.svc.cluster.local.svc.cluster.local A,a.web.shop.svc.cluster.local.cluster.local A", "as it is first, then searched for, as glibc does"},
		{"ndots:2", "web.shop.svc", pod(ndots(&two)), "web.shop.svc A,web.shop.svc.shop.svc.cluster.local A,web.shop.svc.svc.cluster.local A,web.shop.svc.cluster.local A", "dnsConfig"},
		{"ndots without value", "web", pod(ndots(nil)), "web.shop.svc.cluster.local A,web.svc.cluster.local A,web.cluster.local A,web A", "the default"},
		{"ndots:99", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", pod(func(s *corev1.PodSpec) {
			ndots(&many)(s)
			s.DNSPolicy = corev1.DNSNone
			s.DNSConfig.Searches = []string{"x"}
		}), "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16 A,1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.x A", "glibc takes 15 at most"},
		{"more domains", "web", pod(func(s *corev1.PodSpec) {
			s.DNSConfig = &corev1.PodDNSConfig{Searches: []string{"example.org", "svc.cluster.local", ".", "a..b"}}
		}), "web.shop.svc.cluster.local A,web.svc.cluster.local A,web.cluster.local A,web.example.org A,web A", "dnsConfig adds, each once"},
		{"None", "web", pod(func(s *corev1.PodSpec) {
			s.DNSPolicy = corev1.DNSNone
			s.DNSConfig = &corev1.PodDNSConfig{Searches: []string{"example.org."}}
		}), "web.example.org A,web A", "dnsConfig alone, and ndots:1"},
		{"ClusterFirstWithHostNet", "web.", pod(func(s *corev1.PodSpec) {
			s.DNSPolicy, s.HostNetwork = corev1.DNSClusterFirstWithHostNet, true
		}), "web A", "asks the cluster's DNS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &asked{what: explain.NXDomain}
			tt.path.Usual = nil // which is asked besides
			r, err := explain.Explain(t.Context(), a, explain.Question{Name: tt.ask, Types: []string{"A"}, Path: tt.path})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(tt.want, ","), a.names); diff != "" || r.Resolves || r.Cause.Code != "none" {
				t.Errorf("%s: cause %q (-want +got):\n%s", tt.reason, r.Cause, diff)
			}
		})
	}
}

// TestTypes sees which types are asked for where none is named.
func TestTypes(t *testing.T) {
	tests := []struct{ ask, want, reason string }{
		{"web.", "web A,web AAAA", "as getaddrinfo"},
		{"_http._tcp.web.", "_http._tcp.web SRV", "only SRV records have such names"},
		{"10.96.0.1", "1.0.96.10.in-addr.arpa PTR", "an address is asked for in reverse (RFC 1035 section 3.5)"},
		{"::ffff:10.96.0.1", "1.0.96.10.in-addr.arpa PTR", "IPv4, written otherwise"},
		{"1.0.96.10.in-addr.arpa.", "1.0.96.10.in-addr.arpa PTR", "a reverse name"},
	}
	for _, tt := range tests {
		a := &asked{what: explain.NoData}
		if _, err := explain.Explain(t.Context(), a, explain.Question{Name: tt.ask}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(a.names, ","); got != tt.want {
			t.Errorf("%s: asks %s, want %s: %s", tt.ask, got, tt.want, tt.reason)
		}
	}
}

// TestWalk sees where the walk ends, and what musl would have done.
func TestWalk(t *testing.T) {
	plain := pod(func(*corev1.PodSpec) {})
	one := plain
	one.Ndots = 1
	tests := []struct {
		name, ask, found, what string
		path                   explain.Path
		tries                  int
		note                   string
		reason                 string
	}{
		{"first", "web", "web.shop.svc.cluster.local.", explain.NXDomain, plain, 1, "", "it ends at the first that has records"},
		{"second", "web.db", "web.db.svc.cluster.local.", explain.NXDomain, plain, 2, "", "NXDOMAIN is passed over by all"},
		{"after NODATA", "web.db", "web.db.svc.cluster.local.", explain.NoData, plain, 2, "it ends the search at NODATA, which web.db.shop.svc.cluster.local. is", "docs/clients.md"},
		{"not searched for", "web.db", "web.db.svc.cluster.local.", explain.NXDomain, one, 3, "a name with 1 dots or more (ndots) is not searched for", "docs/clients.md"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := explain.Explain(t.Context(), &asked{found: tt.found, what: tt.what}, explain.Question{Name: tt.ask, Path: tt.path})
			if err != nil {
				t.Fatal(err)
			}
			if notes := strings.Join(r.Notes, "\n"); !r.Resolves || len(r.Tries) != tt.tries || !strings.HasSuffix(notes, tt.note) || (tt.note == "") != (notes == "") {
				t.Errorf("resolves %t after %d names with %q, want %d and %q: %s", r.Resolves, len(r.Tries), notes, tt.tries, tt.note, tt.reason)
			}
		})
	}
}

// TestOutside sees of which names in no zone of the cluster it is not told that they
// do not resolve.
func TestOutside(t *testing.T) {
	tests := []struct {
		ask     string
		path    explain.Path
		code    string
		unknown bool
		reason  string
	}{
		{"www.example.com", pod(func(*corev1.PodSpec) {}), "outside", true, "other servers may have it"},
		{"example.com", pod(func(*corev1.PodSpec) {}), "outside", true, "there is such a top-level domain"},
		{"web.prod", pod(func(*corev1.PodSpec) {}), "no-namespace", false, "there is none such"},
		{"www.example.com.", pod(func(*corev1.PodSpec) {}), "outside", true, "an absolute one too"},
		{"web.", pod(func(*corev1.PodSpec) {}), "outside", false, "no top-level domain has addresses"},
		{"web.shop.svc.cluster.locl", pod(func(*corev1.PodSpec) {}), "wrong-zone", false, "a slip in the zone"},
		{"web.shop.svc.example.org", pod(func(*corev1.PodSpec) {}), "outside", true, "another cluster's"},
		{"www.example.com", pod(func(s *corev1.PodSpec) { s.DNSPolicy = corev1.DNSDefault }), "dns-policy", true, "the servers of the node may have it"},
		{"web.shop.svc.cluster.local", pod(func(s *corev1.PodSpec) { s.DNSPolicy = corev1.DNSDefault }), "dns-policy", false, "they do not have the cluster's"},
	}
	for _, tt := range tests {
		r, err := explain.Explain(t.Context(), newCluster(t, watch.Objects{}), explain.Question{Name: tt.ask, Path: tt.path})
		if err != nil {
			t.Fatal(err)
		}
		if r.Resolves || r.Cause.Code != tt.code || r.Unknown != tt.unknown {
			t.Errorf("%s: resolves %t, unknown %t, %s; want unknown %t, %s: %s", tt.ask, r.Resolves, r.Unknown, r.Cause.Code, tt.unknown, tt.code, tt.reason)
		}
	}
}

// TestConfigured sees what is told where the server's configuration decides.
func TestConfigured(t *testing.T) {
	imports := func(c *zone.Config) {
		c.Multicluster = []zone.Name{name(t, "clusterset.local")}
		c.Zones = append(c.Zones, c.Multicluster...)
	}
	shop := func(c *zone.Config) { c.Namespaces = []string{"shop"} }
	objects := manifests(t, `
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: prod}, spec: {clusterIP: 10.96.0.1}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: None, selector: {app: db}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-x, namespace: shop, labels: {app: db}}, spec: {containers: [{name: main, image: busybox}]}, status: {podIP: 10.1.2.3, podIPs: [{ip: 10.1.2.3}]}}
`)
	tests := []struct {
		ask        string
		change     func(*zone.Config)
		code, says string
		reason     string
	}{
		{"web.prod", shop, "hidden-namespace", "Namespace prod is not among those that the server serves", "namespaces"},
		{"web.shpo", shop, "no-namespace", "There is no Namespace shpo.", "one that does not exist is not hidden"},
		{"db.shop.svc.clusterset.local", imports, "no-service", "Namespace shop has no ServiceImport db.", "multicluster: its Service is another thing"},
		{"10-1-2-3.db.shop", func(c *zone.Config) { c.EndpointPodNames = true }, "no-endpoint", "its endpoints are db-x.", "endpoint_pod_names"},
		{"db-y.db.shop", func(*zone.Config) {}, "no-endpoint", "its endpoints are 10-1-2-3.", "without"},
	}
	for _, tt := range tests {
		r := explainFrom(t, newCluster(t, objects, tt.change), tt.ask, "shop")
		if r.Cause.Code != tt.code || !strings.Contains(r.Cause.Text, tt.says) {
			t.Errorf("%s: %s, %q; want %s, %q: %s", tt.ask, r.Cause.Code, r.Cause.Text, tt.code, tt.says, tt.reason)
		}
	}
}

// TestHosts sees which names are said to be in a pod's /etc/hosts.
func TestHosts(t *testing.T) {
	alias := func(s *corev1.PodSpec) {
		s.HostAliases = []corev1.HostAlias{{IP: "10.0.0.1", Hostnames: []string{"foo.remote"}}}
	}
	host := func(s *corev1.PodSpec) { alias(s); s.HostNetwork = true }
	named := func(s *corev1.PodSpec) { s.Hostname, s.Subdomain = "cart", "peers" }
	tests := []struct {
		ask    string
		change func(*corev1.PodSpec)
		want   bool
		reason string
	}{
		{"cart-0", alias, true, "the pod's own name"},
		{"cart-0", host, false, "on the network of its node it is the node's"},
		{"cart", named, true, "its hostname"},
		{"cart-0", named, false, "which stands for its name"},
		{"Cart.peers.shop.svc.cluster.local.", named, true, "with its subdomain, in whatever case"},
		{"foo.remote", alias, true, "hostAliases"},
		{"foo.remote", host, true, "hostAliases, on any network"},
		{"foo", alias, false, "another name"},
	}
	for _, tt := range tests {
		r, err := explain.Explain(t.Context(), &asked{what: explain.NXDomain}, explain.Question{Name: tt.ask, Path: pod(tt.change)})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(r.Notes, ""), "/etc/hosts"); got != tt.want {
			t.Errorf("%s: in /etc/hosts %t, want %t: %s", tt.ask, got, tt.want, tt.reason)
		}
	}
}

// TestAlias sees that the CNAME of both addresses is told once.
func TestAlias(t *testing.T) {
	objects := manifests(t, `
{apiVersion: v1, kind: Service, metadata: {name: alias}, spec: {type: ExternalName, externalName: web.default.svc.cluster.local}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack, clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "fd00::1"]}}
`)
	r := explainFrom(t, newCluster(t, objects), "alias", "default")
	if len(r.Records) != 3 {
		t.Errorf("%q, want a CNAME, an A and an AAAA record", r.Records)
	}
}

// TestVisible sees that what is printed does not reach into the terminal.
func TestVisible(t *testing.T) {
	r := explain.Report{Name: "web", Cause: explain.Cause{Text: "the server says \x1b]0;x\a"}}
	var b strings.Builder
	if err := r.Print(&b); err != nil || strings.ContainsAny(b.String(), "\x1b\a") {
		t.Errorf("printed %q, error %v", b.String(), err)
	}
}

// manifests returns the objects of a text.
func manifests(t testing.TB, text string) watch.Objects {
	t.Helper()
	m, err := watch.NewManifests(watch.ManifestsConfig{Paths: []string{"-"}, Logger: slog.New(slog.DiscardHandler), Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestShadowed sees that a Service which is called as a Namespace is told of, where it
// is found in the place of another.
func TestShadowed(t *testing.T) {
	objects := manifests(t, `
{apiVersion: v1, kind: Service, metadata: {name: prod}, spec: {clusterIP: None}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: prod-1, labels: {kubernetes.io/service-name: prod}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1], hostname: web}, {addresses: [10.0.0.2], hostname: api}]}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: prod}, spec: {clusterIP: 10.96.0.1}}
`)
	tests := []struct{ ask, record, note, reason string }{
		{"web.prod", "10.0.0.1", "Service prod/web, which may be meant, is not asked: Service default/prod is called as that Namespace is, and comes first; web.prod.svc is the other", "both are there"},
		{"api.prod", "10.0.0.2", "", "the Namespace has no such Service"},
		{"web.prod.svc", "10.96.0.1", "no endpoint of Service prod/web is ready, so that nothing answers at its ClusterIP", "the other"},
		{"web.prod.default.svc.cluster.local.", "10.0.0.1", "", "there is no doubt"},
	}
	for _, tt := range tests {
		r := explainFrom(t, newCluster(t, objects), tt.ask, "default")
		if notes := strings.Join(r.Notes, "\n"); !r.Resolves || !strings.HasSuffix(r.Records[0], " "+tt.record) || notes != tt.note {
			t.Errorf("%s: %v, notes %q; want %s, %q: %s", tt.ask, r.Records, notes, tt.record, tt.note, tt.reason)
		}
	}
}

// guarded is a Reader that may not read everything.
type guarded struct {
	watch.Objects
	denied []zone.Kind // in any namespace but own
	own    string
	get    bool // single objects may be read
}

func (g *guarded) deny(verb string, kind zone.Kind, namespace string) error {
	for _, k := range g.denied {
		if k == kind && (namespace != g.own || g.own == "") {
			return &watch.Denied{Verb: verb, Resource: kind.String(), Namespace: namespace}
		}
	}
	return nil
}

func (g *guarded) List(ctx context.Context, kind zone.Kind, namespace string) ([]watch.Object, error) {
	if err := g.deny("list", kind, namespace); err != nil {
		return nil, err
	}
	return g.Objects.List(ctx, kind, namespace)
}

func (g *guarded) Get(ctx context.Context, kind zone.Kind, key zone.Key) (watch.Object, bool, error) {
	if err := g.deny("get", kind, key.Namespace); err != nil && !g.get {
		return watch.Object{}, false, err
	}
	return g.Objects.Get(ctx, kind, key)
}

// TestDenied sees that what may not be read is said, and is no cause.
func TestDenied(t *testing.T) {
	everything := []zone.Kind{zone.Namespaces, zone.Services, zone.EndpointSlices, zone.Pods}
	tests := []struct {
		name, file, ask string
		reader          guarded
		want            string // "resolves", "unknown" or the cause
		says            string // part of the report
		reason          string
	}{
		{"slices", "not-ready", "nginx", guarded{denied: []zone.Kind{zone.EndpointSlices}}, "unknown", "It can't be told whether nginx.default.svc.cluster.local. has records: may not list endpointslices in namespace default.", "a headless Service is its endpoints"},
		{"slices of another", "namespace-typo", "web.prod", guarded{denied: []zone.Kind{zone.EndpointSlices}}, "resolves", "10.96.0.20", "a ClusterIP needs none"},
		{"pods", "not-ready", "nginx", guarded{denied: []zone.Kind{zone.Pods}}, "not-ready", "Why they are not ready can't be told: may not list pods in namespace default.", "the slices say that it is not"},
		{"pods that would match", "selector", "nginx", guarded{denied: []zone.Kind{zone.Pods}}, "no-endpoints", "Why there is none can't be told: may not list pods in namespace default.", "the slice is empty"},
		{"services", "service-typo", "ngnix", guarded{denied: []zone.Kind{zone.Services}}, "unknown", "may not list services in namespace default", "it may be there"},
		{"services but one", "service-typo", "nginx", guarded{denied: []zone.Kind{zone.Services}, get: true}, "resolves", "10.96.0.20", "get, where list is denied"},
		{"a service that is not there", "service-typo", "ngnix", guarded{denied: []zone.Kind{zone.Services}, get: true}, "no-service", "Namespace default has no Service ngnix.", "get says so"},
		{"namespaces", "namespace-typo", "web.prod", guarded{denied: []zone.Kind{zone.Namespaces}}, "resolves", "10.96.0.20", "what has a Service is there"},
		{"no such namespace", "namespace-typo", "web.prdo", guarded{denied: []zone.Kind{zone.Namespaces}}, "no-namespace", "There is no Service in a Namespace prdo; whether there is such a Namespace can't be told: may not get namespaces", "there is no Service in it"},
		{"no namespace's services", "namespace-typo", "web.prdo", guarded{denied: []zone.Kind{zone.Namespaces, zone.Services}}, "unknown", "may not get namespaces", "it may be there"},
		{"one namespace", "not-ready", "nginx", guarded{denied: everything, own: "default"}, "not-ready", "Service default/nginx is headless", "what stands at the name of a Namespace does not matter"},
		{"one namespace, from elsewhere", "not-ready", "nginx.prod", guarded{denied: everything, own: "default"}, "unknown", "may not", "all of it is in another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := watch.NewManifests(watch.ManifestsConfig{Paths: []string{setups + "/" + tt.file + ".yaml"}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if tt.reader.Objects, err = m.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := explainFrom(t, newCluster(t, &tt.reader), tt.ask, "default")
			got := r.Cause.Code
			switch {
			case r.Resolves:
				got = "resolves"
			case r.Unknown:
				got = "unknown"
			}
			var text strings.Builder
			if err := r.Print(&text); err != nil {
				t.Fatal(err)
			}
			if got != tt.want || !strings.Contains(text.String(), tt.says) {
				t.Errorf("%s, want %s and %q: %s\n%s", got, tt.want, tt.says, tt.reason, &text)
			}
		})
	}
}
