package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The servers of these tests: what the Corefile names, for the world as a node sees
// it, and what the ConfigMap names.
const (
	outside = `
public.example.       A    192.0.2.53
public.example.       AAAA 2001:db8::53
8.8.8.8.in-addr.arpa. PTR  public.example.
`
	custom = `
abc.acme.local.           A    1.1.1.1
def.acme.local.           A    2.2.2.2
widget.local.             A    3.3.3.3
abc.acme.local.           AAAA 2606:4700:4700::1111
def.acme.local.           AAAA 2606:4700:4700::2222
widget.local.             AAAA 2606:4700:4700::3333
foo.example.com.          A    192.0.2.123
foo.example.com.          AAAA 2001:db8::29
123.2.0.192.in-addr.arpa. PTR  my.test.
9.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR my.test.
`
)

// TestKubeDNSConfigMap does what the tests of Kubernetes do that write the ConfigMap
// (test/e2e/network/dns_configmap.go), in each family: they wait for the cluster's
// DNS to answer by it, and delete it. The flag and the rights are those of the
// component.
func TestKubeDNSConfigMap(t *testing.T) {
	t.Parallel()
	needsRollcall(t)
	_, _, args := component(t)
	at := slices.Index(args, "-kube-dns-configmap")
	if at < 0 {
		t.Fatalf("the component gives no flag: %q", args)
	}
	c := &configMap{t: t, namespace: "kube-system", account: "rollcall", kubeconfig: kubeconfig}
	c.grant()
	c.onlyThis()
	c.start(startRoot(t, outside), args[at:at+2]...)
	server := startRoot(t, custom)
	upstreams := fmt.Sprintf("[%q]", server)

	for _, family := range []struct {
		typ                                string
		abc, def, widget, public, foo, ptr string
	}{
		{"A", "1.1.1.1", "2.2.2.2", "3.3.3.3", "192.0.2.53", "192.0.2.123", "192.0.2.123"},
		{"AAAA", "2606:4700:4700::1111", "2606:4700:4700::2222", "2606:4700:4700::3333", "2001:db8::53", "2001:db8::29", "2001:db8::29"},
	} {
		t.Run("stub domain "+family.typ, func(t *testing.T) {
			c.sees(nil, "abc.acme.local", family.typ)
			c.set(map[string]string{"stubDomains": fmt.Sprintf(`{"acme.local":[%q]}`, server), "upstreamNameservers": upstreams})
			c.changes([]string{family.abc}, "abc.acme.local", family.typ)
			c.sees([]string{family.def}, "def.acme.local", family.typ)
			c.sees([]string{family.widget}, "widget.local", family.typ)
			c.remove()
			c.changes(nil, "abc.acme.local", family.typ)
		})
		t.Run("PTR "+family.typ, func(t *testing.T) {
			c.sees([]string{"public.example."}, "-x", "8.8.8.8")
			c.set(map[string]string{"upstreamNameservers": upstreams})
			c.changes([]string{"my.test."}, "-x", family.ptr)
			c.remove()
			c.changes(nil, "-x", family.ptr)
		})
		t.Run("external name "+family.typ, func(t *testing.T) {
			ns := shared.Namespace(t)
			apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: dns-externalname-upstream-test}
spec: {type: ExternalName, externalName: public.example}
---
apiVersion: v1
kind: Service
metadata: {name: dns-externalname-upstream-local}
spec: {type: ExternalName, externalName: foo.example.com}
`)
			const test, local = "dns-externalname-upstream-test.", "dns-externalname-upstream-local."
			zone := ns + ".svc.cluster.local"
			c.sees([]string{"public.example.", family.public}, test+zone, family.typ)
			c.set(map[string]string{"upstreamNameservers": upstreams})
			c.changes([]string{"foo.example.com.", family.foo}, local+zone, family.typ)
			c.remove()
			c.changes([]string{"foo.example.com."}, local+zone, family.typ)
		})
	}
}

// onlyThis asks the API server what the account may do to ConfigMaps: to see this
// one, and nothing else.
func (c *configMap) onlyThis() {
	c.t.Helper()
	client := clientOf(c.t, c.kubeconfig)
	for _, name := range []string{"kube-dns", "coredns", ""} {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete"} {
			review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(c.t.Context(), &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: c.namespace, Verb: verb, Resource: "configmaps", Name: name,
				}},
			}, metav1.CreateOptions{})
			if err != nil {
				c.t.Fatal(err)
			}
			if want := name == "kube-dns" && (verb == "list" || verb == "watch"); review.Status.Allowed != want {
				c.t.Errorf("%s configmaps %q: allowed %v, want %v", verb, name, review.Status.Allowed, want)
			}
		}
	}
}

// TestConfigMapBroken has the ConfigMap be nonsense for a while.
func TestConfigMapBroken(t *testing.T) {
	t.Parallel()
	c := newConfigMap(t)
	c.grant()
	server := startRoot(t, custom)
	c.set(map[string]string{"stubDomains": fmt.Sprintf(`{"acme.local":[%q]}`, server)})
	c.start(startRoot(t, outside))
	c.sees([]string{"1.1.1.1"}, "abc.acme.local")
	for i, broken := range []map[string]string{
		{"stubDomains": "acme.local=" + server},
		{"stubDomains": fmt.Sprintf(`{"svc.cluster.local":[%q]}`, server)},
		{"upstreamNameservers": `["1.1.1.1","2.2.2.2","3.3.3.3","4.4.4.4"]`},
	} {
		c.set(broken)
		eventually(t, "it is counted", func(ctx context.Context) error {
			got, err := c.metric(ctx, "rollcall_kube_dns_configmap_refused_total")
			if want := fmt.Sprint(i + 1); err == nil && got != want {
				err = fmt.Errorf("%w: %s, want %s", errNotYet, got, want)
			}
			return err
		})
		c.sees([]string{"1.1.1.1"}, "abc.acme.local")
	}
	for _, says := range []string{
		"configmap " + c.namespace + "/kube-dns: stubDomains: wants a JSON object such as",
		"configmap " + c.namespace + "/kube-dns: stubDomains: svc.cluster.local: its names are those of the cluster itself",
		"configmap " + c.namespace + "/kube-dns: upstreamNameservers: has 4 servers; want 3 at most",
	} {
		if n := strings.Count(c.log(), says); n != 1 {
			t.Errorf("the log says %d times, and not once, that %s", n, says)
		}
	}
	c.set(map[string]string{"stubDomains": fmt.Sprintf(`{"widget.local":[%q]}`, server)})
	c.changes([]string{"3.3.3.3"}, "widget.local")
	c.sees(nil, "abc.acme.local")
}

// TestConfigMapRight grants the right late.
func TestConfigMapRight(t *testing.T) {
	t.Parallel()
	c := newConfigMap(t)
	server := startRoot(t, custom)
	c.set(map[string]string{"upstreamNameservers": fmt.Sprintf("[%q]", server)})
	c.start(startRoot(t, outside))
	c.sees([]string{"192.0.2.53"}, "public.example")
	c.sees(nil, "abc.acme.local")
	c.grant()
	c.sees([]string{"1.1.1.1"}, "abc.acme.local")
	if says := "grant list and watch on it with a Role"; strings.Count(c.log(), says) != 1 {
		t.Errorf("the log does not say once to %s:\n%s", says, c.log())
	}
}

// TestConfigMapLosesNothing asks without a pause, by UDP and TCP, while the ConfigMap
// changes, and wants each question answered, by the server of one of its stub domains.
func TestConfigMapLosesNothing(t *testing.T) {
	t.Parallel()
	c := newConfigMap(t)
	c.grant()
	servers := []string{startRoot(t, "abc.acme.local. A 1.1.1.1\n"), startRoot(t, "abc.acme.local. A 1.1.1.2\n")}
	set := func(i int) {
		c.set(map[string]string{"stubDomains": fmt.Sprintf(`{"acme.local":[%q]}`, servers[i%2]), "upstreamNameservers": fmt.Sprintf("[%q]", servers[(i+1)%2])})
	}
	set(0)
	c.start(startRoot(t, outside))
	const cluster, stub = "kubernetes.default.svc.cluster.local.", "abc.acme.local."
	wants := map[string][]string{cluster: {"10.96.0.1"}, stub: {"1.1.1.1", "1.1.1.2"}}

	stop := make(chan struct{})
	var clients sync.WaitGroup
	var asked atomic.Int64
	for name, want := range wants {
		for _, network := range []string{"udp", "tcp"} {
			clients.Go(func() {
				client := dns.Client{Net: network, Timeout: within}
				conn, err := client.Dial(c.server.Addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				for {
					select {
					case <-stop:
						return
					default:
					}
					q := new(dns.Msg).SetQuestion(name, dns.TypeA)
					r, _, err := client.ExchangeWithConn(q, conn)
					if err != nil || len(r.Answer) != 1 || !slices.Contains(want, r.Answer[0].(*dns.A).A.String()) {
						t.Errorf("%s by %s: %v, %v", name, network, r, err)
						return
					}
					asked.Add(1)
				}
			})
		}
	}
	const changes = 10
	for i := range changes {
		set(i + 1)
		c.changes([]string{"1.1.1." + fmt.Sprint(1+(i+1)%2)}, stub)
	}
	close(stop)
	clients.Wait()
	t.Logf("%d questions over %d changes, none lost", asked.Load(), changes)
}
