package e2e

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// group is a StatefulSet whose pods are held unready, of both families, with three
// headless Services: one lists them anyway, one does not, and one has no ports. The host
// names are longer than labels made of addresses, which so sort before them.
const group = `
apiVersion: v1
kind: Service
metadata: {name: peer}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  ipFamilyPolicy: RequireDualStack
  selector: {app: peer}
  ports: [{name: mongodb, port: 27017}, {name: gossip, port: 7946, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: ready}
spec: {clusterIP: None, selector: {app: peer}, ports: [{name: mongodb, port: 27017}]}
---
apiVersion: v1
kind: Service
metadata: {name: portless}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: peer}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: longest-of-names}
spec:
  serviceName: peer
  replicas: 2
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: peer}}
  template:
    metadata: {labels: {app: peer}, annotations: {` + cluster.HoldReady + `: ""}}
    spec: {containers: [{name: c, image: c}]}
`

// TestPeerContract has what programs ask a headless Service to find their peers, of pods
// that are not ready, and of one that becomes so.
func TestPeerContract(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, group)
	pods := addressed(t, ns, "app=peer", 2)
	var all4, all6, named, gossip, bare, glue, portless4 []string
	for _, p := range pods {
		ip4, ip6 := podAddresses(p)
		host := p.Name + ".peer"
		all4, all6 = append(all4, "peer A "+ip4), append(all6, "peer AAAA "+ip6)
		portless4 = append(portless4, "portless A "+ip4)
		named = append(named, "_mongodb._tcp.peer SRV 0 0 27017 "+host)
		gossip = append(gossip, "_gossip._udp.peer SRV 0 0 7946 "+host)
		bare = append(bare, "peer SRV 0 0 27017 "+host, "peer SRV 0 0 7946 "+host)
		glue = append(glue, host+" A "+ip4, host+" AAAA "+ip6)
	}
	own4, own6 := podAddresses(pods[0])
	verify(t, ns,
		row{ask: "peer SRV", want: bare, extra: glue, reason: "peer-finder and libcluster ask at the Service's name: each port of each pod"},
		row{ask: "_mongodb._tcp.peer SRV", want: named, extra: glue, reason: "etcd, MongoDB, Akka, JGroups and Thanos ask for a named port, with the targets' addresses"},
		row{ask: "_gossip._udp.peer SRV", want: gossip, extra: glue, reason: "and of its protocol"},
		row{ask: "peer A", want: all4, reason: "Elasticsearch, Hazelcast, gRPC and JGroups take all addresses"},
		row{ask: "peer AAAA", want: all6, reason: "of both families"},
		row{ask: "peer TXT", reason: "MongoDB's options: NODATA, not NXDOMAIN"},
		row{ask: "peer HTTPS", reason: "runtimes ask for it beside A: NODATA"},
		row{ask: "_grpc_config.peer TXT", rcode: nxdomain, reason: "gRPC's service config: a quick denial"},
		row{ask: "_grpclb._tcp.peer SRV", rcode: nxdomain, reason: "and its balancer's"},
		row{ask: "longest-of-names-0.peer A", want: []string{"longest-of-names-0.peer A " + own4}, reason: "Cassandra's seed, and every pod's own name, before it serves"},
		row{ask: "longest-of-names-0.peer AAAA", want: []string{"longest-of-names-0.peer AAAA " + own6}, reason: "of both families"},
		row{ask: "longest-of-names-0.peer SRV", want: []string{"longest-of-names-0.peer SRV 0 0 27017 longest-of-names-0.peer", "longest-of-names-0.peer SRV 0 0 7946 longest-of-names-0.peer"}, extra: glue[:2], reason: "a pod's own ports"},
		row{ask: "portless A", want: portless4, reason: "a Service without ports has addresses"},
		row{ask: "portless SRV", reason: "and no SRV: NODATA, upon which rollcall peers asks for A"},
		row{ask: "ready A", rcode: nxdomain, reason: "without publishNotReadyAddresses nobody is listed yet"},
		row{ask: "_mongodb._tcp.ready SRV", rcode: nxdomain, reason: "likewise"},
		// The Service without ports has no name for a pod but its address: the
		// subdomain of these pods is peer.
		row{ask: reverse(own4) + " PTR", want: []string{
			reverse(own4) + " PTR longest-of-names-0.peer", reverse(own4) + " PTR " + dashed(own4) + ".portless",
		}, reason: "RabbitMQ and etcd's TLS take the node's name from here"},
		row{ask: reverse(own6) + " PTR", want: []string{reverse(own6) + " PTR longest-of-names-0.peer"}, reason: "of both families"},
	)
	firstPointer(t, own4, "longest-of-names-0.peer."+ns+".svc.cluster.local.")
	everything(t, ns, "peer", slices.Concat(all4, all6, bare))
	everything(t, ns, "longest-of-names-0.peer", append(glue[:2:2],
		"longest-of-names-0.peer SRV 0 0 27017 longest-of-names-0.peer", "longest-of-names-0.peer SRV 0 0 7946 longest-of-names-0.peer"))
	everything(t, ns, "portless", portless4)

	if err := shared.SetReady(t.Context(), ns, "longest-of-names-0", true); err != nil {
		t.Fatal(err)
	}
	verify(t, ns,
		row{ask: "ready A", want: []string{"ready A " + own4}, reason: "the one that is ready"},
		row{ask: "_mongodb._tcp.ready SRV", want: []string{"_mongodb._tcp.ready SRV 0 0 27017 " + dashed(own4) + ".ready"},
			extra: []string{dashed(own4) + ".ready A " + own4}, reason: "by its address, as its subdomain is another Service"},
		row{ask: "peer A", want: all4, reason: "as before, once each"},
	)
}

// addressed waits for pods that have addresses of both families.
func addressed(t *testing.T, ns, selector string, n int) []corev1.Pod {
	t.Helper()
	var list *corev1.PodList
	eventually(t, "pods with addresses", func(ctx context.Context) (err error) {
		if list, err = shared.Client().CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: selector}); err != nil {
			return err
		}
		if len(list.Items) != n || slices.ContainsFunc(list.Items, func(p corev1.Pod) bool { return len(p.Status.PodIPs) < 2 }) {
			return errNotYet
		}
		return nil
	})
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items
}

// firstPointer has the first PTR record of an address be a name: RabbitMQ takes no other.
func firstPointer(t *testing.T, address, want string) {
	t.Helper()
	for range 5 { // as often as it is asked
		m := new(dns.Msg)
		m.SetQuestion(reverse(address), dns.TypePTR)
		got, _, err := new(dns.Client).ExchangeContext(t.Context(), m, server.Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if first, ok := got.Answer[0].(*dns.PTR); !ok || first.Ptr != want {
			t.Errorf("the PTR records of %s are %q, want %s first", address, got.Answer, want)
		}
	}
}

// everything has ANY over TCP be answered with all records of a name, which is how
// memberlist asks.
func everything(t *testing.T, ns, name string, want []string) {
	t.Helper()
	q := dnsquery.Question{Name: absolute(name, ns), Type: "ANY", TCP: true}
	got, err := server.Dig(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range got.Answer {
		got.Answer[i] = anyWeight(line)
	}
	if diff := cmp.Diff(expand(want, ns), slices.Sorted(slices.Values(got.Answer))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", q, diff)
	}
}

// TestScaleUp has a set of peers grow over the limit of one EndpointSlice. Whoever asks
// meanwhile sees no pod vanish that is still there, nor any twice.
func TestScaleUp(t *testing.T) {
	t.Parallel()
	const most = 120 // an EndpointSlice has 100 endpoints at most
	ns := shared.Namespace(t)
	apply(t, ns, strings.NewReplacer(cluster.HoldReady, "rollcall.test/none", "longest-of-names", "web").Replace(group))
	addressed(t, ns, "app=peer", 2)
	if err := patchSet(t.Context(), ns, fmt.Sprintf(`{"spec":{"replicas":%d}}`, most)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	asked := 0
	for deadline := time.Now().Add(4 * within); len(seen) < most; asked++ {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d pods after %d questions", len(seen), most, asked)
		}
		got, err := server.Dig(t.Context(), dnsquery.Question{Name: absolute("_mongodb._tcp.ready", ns), Type: "SRV", TCP: true})
		if err != nil {
			t.Fatal(err)
		}
		now := map[string]bool{}
		for _, line := range got.Answer {
			if now[line] {
				t.Errorf("question %d: twice: %s", asked, line)
			}
			now[line] = true
		}
		for line := range seen {
			if !now[line] {
				t.Fatalf("question %d: of %d pods %s has vanished", asked, len(seen), line)
			}
		}
		seen = now
	}
	t.Logf("%d questions while the set grew to %d pods", asked, most)
}

// TestTTLs has a server with TTLs of its own: of answers, of a headless Service's, and of
// denials.
func TestTTLs(t *testing.T) {
	t.Parallel()
	needsRollcall(t)
	ns := shared.Namespace(t)
	apply(t, ns, group+`---
apiVersion: v1
kind: Service
metadata: {name: vip}
spec: {ports: [{port: 80}]}
`)
	addressed(t, ns, "app=peer", 2)
	conf := filepath.Join(t.TempDir(), "Corefile")
	directives := strings.Replace(directives(kubeconfig), fmt.Sprintf("ttl %d\n", ttl), "ttl 30\n    headless_ttl 3\n    negative_ttl 2\n", 1)
	if err := writeCorefile(conf, directives); err != nil {
		t.Fatal(err)
	}
	s := rollcall.Start(t, program, "-conf", conf)
	for _, tt := range []struct{ name, typ, section, ttl, minimum, reason string }{
		{"vip", "A", "answer", "30", "", "ttl"},
		{"peer", "SRV", "answer", "3", "", "headless_ttl"},
		{"longest-of-names-0.peer", "A", "answer", "3", "", "headless_ttl"},
		{"nobody.peer", "A", "authority", "2", "2", "negative_ttl, and the SOA's minimum follows it (RFC 2308 section 3)"},
		{"peer", "TXT", "authority", "2", "2", "likewise"},
	} {
		eventually(t, tt.name, func(ctx context.Context) error {
			got, err := s.Dig(ctx, dnsquery.Question{Name: absolute(tt.name, ns), Type: tt.typ})
			if err != nil {
				return err
			}
			lines := map[string][]string{"answer": got.Answer, "authority": got.Authority}[tt.section]
			if len(lines) == 0 {
				return errNotYet
			}
			f := strings.Fields(lines[0])
			if f[1] != tt.ttl || tt.minimum != "" && f[len(f)-1] != tt.minimum {
				return fmt.Errorf("%q, want the TTL %s: %s", lines[0], tt.ttl, tt.reason)
			}
			return nil
		})
	}
}

// TestTargetsAreHosts has endpoints without hostname whose addresses begin or end with an
// empty group. Go's resolver, which peer-finder has, loses all targets to one that is no
// host's name, as its labels begin or end with a dash (RFC 952).
func TestTargetsAreHosts(t *testing.T) {
	t.Parallel()
	needsRollcall(t)
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: peer}
spec: {clusterIP: None, ipFamilies: [IPv6], ports: [{name: gossip, port: 7946}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: peer-1, labels: {kubernetes.io/service-name: peer}}
addressType: IPv6
ports: [{name: gossip, port: 7946, protocol: TCP}]
endpoints: [{addresses: ["fd00:300::"]}, {addresses: ["::300:1"]}, {addresses: ["fd00:300::1"]}]
`)
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Addr.String())
	}}
	want := map[string]string{"0--300-1": "::300:1", "fd00-300--0": "fd00:300::", "fd00-300--1": "fd00:300::1"}
	eventually(t, "SRV at the bare name", func(ctx context.Context) error {
		_, records, err := r.LookupSRV(ctx, "", "", absolute("peer", ns))
		if err != nil {
			return err
		}
		got := map[string]string{}
		for _, srv := range records {
			addrs, err := r.LookupHost(ctx, srv.Target)
			if err != nil {
				return err
			}
			host, rest, _ := strings.Cut(srv.Target, ".")
			if rest != absolute("peer", ns) {
				return fmt.Errorf("the target %s is not of the Service", srv.Target)
			}
			got[host] = strings.Join(addrs, " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}
