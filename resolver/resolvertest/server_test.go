package resolvertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// pods returns the names of the pods of a headless Service, in order; NXDOMAIN for none.
func pods(t testing.TB, s *resolvertest.Server, service string) string {
	t.Helper()
	r := dnstest.Ask(t, "udp", s.Addr(), dnstest.EDNS(dnstest.Question(service+".svc.cluster.local.", dns.TypeSRV), 1232))
	var names []string
	for _, rr := range r.Answer {
		name, _, _ := strings.Cut(rr.(*dns.SRV).Target, ".")
		names = append(names, name)
	}
	slices.Sort(names)
	if r.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[r.Rcode]
	}
	return strings.Join(names, " ")
}

// addrs returns the IPv4 addresses of a name, in the order of the answer.
func addrs(t testing.TB, s *resolvertest.Server, name string) string {
	t.Helper()
	r := dnstest.Ask(t, "udp", s.Addr(), dnstest.EDNS(dnstest.Question(name, dns.TypeA), 1232))
	var all []string
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			all = append(all, a.A.String())
		}
	}
	if len(all) == 0 {
		return dns.RcodeToString[r.Rcode]
	}
	return strings.Join(all, " ")
}

// TestVerbs: each is in the next answer.
func TestVerbs(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 3, "http=8080"), resolvertest.StatefulSet("prod/db", 1, "5432"))
	before := addrs(t, srv, "web-0.web.default.svc.cluster.local.")
	steps := []struct {
		do      func() error
		web, db string
		reason  string
	}{
		{func() error { return nil }, "web-0 web-1 web-2", "db-0", "all pods are ready"},
		{func() error { return srv.SetReady("web-1", false) }, "web-0 web-2", "db-0", "one is not"},
		{func() error { return srv.Scale("web", 5) }, "web-0 web-2 web-3 web-4", "db-0", "and stays so while there are more"},
		{func() error { return srv.SetReady("web-1", true) }, "web-0 web-1 web-2 web-3 web-4", "db-0", "it is again"},
		{func() error { return srv.Scale("prod/statefulset/db", 2) }, "web-0 web-1 web-2 web-3 web-4", "db-0 db-1", "a namespace, and a kind"},
		{func() error { return srv.Scale("web", 1) }, "web-0", "db-0 db-1", "fewer"},
		{func() error { return srv.SetReady("prod/db-0", false) }, "web-0", "db-1", ""},
		{func() error { return srv.Roll("prod/db") }, "web-0", "db-0 db-1", "new pods are ready"},
		{func() error { return srv.Roll("web") }, "web-0", "db-0 db-1", "of the same names"},
		{func() error { return srv.Delete("Service", "prod/db") }, "web-0", "NXDOMAIN", "an object goes"},
		{func() error {
			return srv.ApplyYAML("apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: prod}\nspec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}")
		}, "web-0", "db-0 db-1", "and comes, as text"},
		{func() error {
			return srv.Apply(&corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "prod"},
				Spec:       corev1.ServiceSpec{ClusterIP: "None", Selector: map[string]string{"app": "nothing"}, Ports: []corev1.ServicePort{{Port: 1}}},
			})
		}, "web-0", "NXDOMAIN", "or as an object"},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
		if got := pods(t, srv, "web.default"); got != step.web {
			t.Errorf("%s: web is %s, want %s", step.reason, got, step.web)
		}
		if got := pods(t, srv, "db.prod"); got != step.db {
			t.Errorf("%s: db is %s, want %s", step.reason, got, step.db)
		}
	}
	if after := addrs(t, srv, "web-0.web.default.svc.cluster.local."); after == before {
		t.Errorf("the pod that was rolled still has %s", after)
	}
}

// TestOptions: where objects come from, and how they are answered.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	manifest := func(name, ip string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + ip + ", ports: [{port: 80}]}\n"
	}
	path := filepath.Join(dir, "a.yaml")
	if err := os.WriteFile(path, []byte(manifest("filed", "10.96.0.1")), 0o600); err != nil {
		t.Fatal(err)
	}
	typed := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "typed", Namespace: "prod"}, Spec: corev1.ServiceSpec{
		ClusterIP: "10.96.0.3", Ports: []corev1.ServicePort{{Port: 80}},
	}}
	tests := []struct {
		options []resolvertest.Option
		name    string
		want    string // records, or the rcode
		reason  string
	}{
		{nil, "web.default.svc.cluster.local.", "NXDOMAIN", "no objects"},
		{nil, "example.org.", "NXDOMAIN", "names elsewhere do not exist"},
		{nil, "1.2.0.192.in-addr.arpa.", "NXDOMAIN", "nor addresses"},
		{[]resolvertest.Option{resolvertest.Dir(dir)}, "filed.default.svc.cluster.local.", "filed.default.svc.cluster.local. 0 IN A 10.96.0.1", "a folder; the TTL is 0"},
		{[]resolvertest.Option{resolvertest.File(path)}, "filed.default.svc.cluster.local.", "filed.default.svc.cluster.local. 0 IN A 10.96.0.1", "a file"},
		{[]resolvertest.Option{resolvertest.YAML(manifest("text", "10.96.0.2"))}, "text.default.svc.cluster.local.", "text.default.svc.cluster.local. 0 IN A 10.96.0.2", "a text"},
		{[]resolvertest.Option{resolvertest.Objects(typed)}, "typed.prod.svc.cluster.local.", "typed.prod.svc.cluster.local. 0 IN A 10.96.0.3", "objects"},
		{[]resolvertest.Option{resolvertest.Dir(dir), resolvertest.YAML(manifest("filed", "10.96.0.4"))}, "filed.default.svc.cluster.local.", "filed.default.svc.cluster.local. 0 IN A 10.96.0.4", "a text comes before a file"},
		{[]resolvertest.Option{resolvertest.YAML(manifest("a", "10.96.0.4")), resolvertest.TTL(30 * time.Second)}, "a.default.svc.cluster.local.", "a.default.svc.cluster.local. 30 IN A 10.96.0.4", "a TTL"},
		{[]resolvertest.Option{resolvertest.YAML(manifest("a", "10.96.0.4")), resolvertest.Zone("Example.org")}, "a.default.svc.example.org.", "a.default.svc.example.org. 0 IN A 10.96.0.4", "a zone"},
		{[]resolvertest.Option{resolvertest.YAML(manifest("a", "10.96.0.4")), resolvertest.IPv6()}, "a.default.svc.cluster.local.", "a.default.svc.cluster.local. 0 IN A 10.96.0.4", "by IPv6"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			srv := resolvertest.NewServer(t, tt.options...)
			for _, network := range []string{"udp", "tcp"} {
				r := dnstest.Ask(t, network, srv.Addr(), dnstest.Question(tt.name, dns.TypeA))
				got := strings.Join(dnstest.Text(r.Answer), "; ")
				if got == "" {
					got = dns.RcodeToString[r.Rcode]
				}
				if got != tt.want {
					t.Errorf("by %s: %s, want %s", network, got, tt.want)
				}
			}
		})
	}
}

// TestOrder is fixed, unless it is asked otherwise.
func TestOrder(t *testing.T) {
	orders := func(options ...resolvertest.Option) map[string]bool {
		srv := resolvertest.NewServer(t, append(options, resolvertest.StatefulSet("web", 5))...)
		seen := map[string]bool{}
		for range 64 {
			seen[addrs(t, srv, "web.default.svc.cluster.local.")] = true
		}
		return seen
	}
	fixed := orders()
	if diff := cmp.Diff(fixed, orders()); len(fixed) != 1 || diff != "" {
		t.Errorf("%d orders, want the same one each time:\n%s", len(fixed), diff)
	}
	if turned := orders(resolvertest.LoadBalance()); len(turned) < 2 {
		t.Errorf("always the same order: %v", turned)
	}
}

func TestForward(t *testing.T) {
	outside := resolvertest.NewServer(t)
	if err := outside.AddRR("db.example.org. 60 IN A 192.0.2.1\n1.2.0.192.in-addr.arpa. IN PTR db.example.org."); err != nil {
		t.Fatal(err)
	}
	srv := resolvertest.NewServer(t, resolvertest.Forward(outside.Addr()), resolvertest.StatefulSet("web", 1))
	if got := addrs(t, srv, "db.example.org."); got != "192.0.2.1" {
		t.Errorf("a name elsewhere: %s", got)
	}
	r := dnstest.Ask(t, "udp", srv.Addr(), dnstest.Question("1.2.0.192.in-addr.arpa.", dns.TypePTR))
	if len(r.Answer) != 1 {
		t.Errorf("an address elsewhere: %v", r)
	}
	if got := addrs(t, srv, "gone.default.svc.cluster.local."); got != "NXDOMAIN" || len(outside.Queries()) != 2 {
		t.Errorf("a name of the cluster: %s; asked elsewhere: %v", got, outside.Queries())
	}
}

func TestAddRR(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 1))
	srv.AddRR("db.example.org. A 192.0.2.1")
	if got := addrs(t, srv, "db.example.org."); got != "192.0.2.1" {
		t.Errorf("a record added by hand: %s", got)
	}
	srv.ClearQueries()
	srv.AddRR("alias.example.org. CNAME web-0.web.default.svc.cluster.local.")
	if got, want := addrs(t, srv, "alias.example.org."), addrs(t, srv, "web-0.web.default.svc.cluster.local."); got != want {
		t.Errorf("an alias of a pod: %s, want %s", got, want)
	}
	if n := len(srv.Queries()); n != 2 {
		t.Errorf("%d questions are recorded, want the 2 that were asked", n)
	}
}

// TestFaults has those that are seen from outside alone.
func TestFaults(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 3))
	const name = "web.default.svc.cluster.local."
	question := dnstest.Question(name, dns.TypeA)
	t.Run("stale", func(t *testing.T) {
		remove, _ := srv.Fault(fault.Fault{Name: name, Do: fault.Stale})
		before := addrs(t, srv, name)
		srv.SetReady("web-1", false)
		if got := addrs(t, srv, name); got != before {
			t.Errorf("%s, want the %s of before", got, before)
		}
		remove()
		if got := addrs(t, srv, name); got == before {
			t.Errorf("still %s", got)
		}
		srv.SetReady("web-1", true)
	})
	t.Run("truncate", func(t *testing.T) {
		remove, _ := srv.Fault(fault.Fault{Name: name, Do: fault.Truncate})
		defer remove()
		srv.ClearQueries()
		found, err := srv.Resolver().LookupNetIP(t.Context(), "ip4", name)
		if err != nil || len(found) != 3 {
			t.Errorf("%v, %v; want Go's resolver to ask again over TCP", found, err)
		}
		asked := srv.Queries()
		if len(asked) != 2 || asked[0].Transport != "udp" || asked[1].Transport != "tcp" {
			t.Errorf("asked: %v", asked)
		}
	})
	t.Run("half-open", func(t *testing.T) {
		remove, _ := srv.Fault(fault.Fault{Name: name, Do: fault.HalfOpen})
		defer remove()
		c, err := dns.Dial("tcp", srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.WriteMsg(question); err != nil {
			t.Fatal(err)
		}
		// The connection is alive: what comes after is answered.
		other := dnstest.Question("web-0."+name, dns.TypeA)
		other.Id = 2
		if err := c.WriteMsg(other); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		r, err := c.ReadMsg()
		if err != nil || r.Id != 2 {
			t.Fatalf("%v, %v; want the second reply and no first", r, err)
		}
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if r, err := c.ReadMsg(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, %v; want nothing, and no end", r, err)
		}
	})
	t.Run("drop", func(t *testing.T) {
		remove, _ := srv.Fault(fault.Fault{Name: name, Do: fault.Drop})
		defer remove()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if found, err := srv.Resolver().LookupHost(ctx, name); err == nil {
			t.Errorf("an answer all the same: %v", found)
		}
	})
}

// TestWorkloads: what the options in a line stand for.
func TestWorkloads(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.Deployment("api", 2, "80"), resolvertest.StatefulSet("dns", 1, "dns=53/udp", "sig=9/sctp"), resolvertest.Service("empty", "80"))
	tests := []struct {
		name   string
		typ    uint16
		want   int // records
		reason string
	}{
		{"api.default.svc.cluster.local.", dns.TypeA, 1, "a ClusterIP"},
		{"api.default.svc.cluster.local.", dns.TypeSRV, 1, "and its port"},
		{"_dns._udp.dns.default.svc.cluster.local.", dns.TypeSRV, 1, "a protocol"},
		{"_sig._sctp.dns.default.svc.cluster.local.", dns.TypeSRV, 1, "another"},
		{"_dns._tcp.dns.default.svc.cluster.local.", dns.TypeSRV, 0, "that it is not"},
		{"empty.default.svc.cluster.local.", dns.TypeA, 1, "a Service that nothing is behind"},
	}
	for _, tt := range tests {
		if r := dnstest.Ask(t, "udp", srv.Addr(), dnstest.Question(tt.name, tt.typ)); len(r.Answer) != tt.want {
			t.Errorf("%s: %v, want %d records", tt.reason, r, tt.want)
		}
	}
}

// TestSeed: chance is the same with the same seed, and another with another.
func TestSeed(t *testing.T) {
	orders := func(seed uint64) string {
		srv := resolvertest.NewServer(t, resolvertest.Seed(seed), resolvertest.StatefulSet("web", 5))
		srv.Fault(fault.Fault{Do: fault.Shuffle})
		return addrs(t, srv, "web.default.svc.cluster.local.") + ", " + addrs(t, srv, "web.default.svc.cluster.local.")
	}
	if one, again, two := orders(1), orders(1), orders(2); one != again || one == two {
		t.Errorf("with seed 1 %s and %s, with 2 %s", one, again, two)
	}
}

// TestErrors of options are Start's.
func TestErrors(t *testing.T) {
	dnstest.NoLeaks(t)
	tests := []struct {
		option resolvertest.Option
		want   string
	}{
		{resolvertest.Dir("missing"), "missing: no such file or directory"},
		{resolvertest.YAML("kind: Service\napiVersion: v1\nmetadata: {name: A_}"), "YAML:3: metadata.name: "},
		{resolvertest.StatefulSet("a/b/c", 1), `"a/b/c": want a name, or namespace/name`},
		{resolvertest.StatefulSet("web", 1, "http"), `web: port "http": want a number from 1 to 65535`},
		{resolvertest.Deployment("web", 1, "80/quic"), `protocol "quic": want tcp, udp or sctp`},
		{resolvertest.TTL(time.Millisecond), "TTL(1ms): want whole seconds from 0s to 1h"},
		{resolvertest.Forward("dns.example"), `Forward("dns.example"): want an IP address`},
		{resolvertest.Zone("a..b"), "kubernetes"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			srv, err := resolvertest.Start(tt.option)
			if err == nil {
				srv.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// failing is a test that fails without an end.
type failing struct {
	testing.TB
	failures []string
}

func (f *failing) Helper()           {}
func (f *failing) Cleanup(c func())  { f.TB.Cleanup(c) }
func (f *failing) Output() io.Writer { return io.Discard }
func (f *failing) Fatalf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// TestMethodErrors fail the test of a Server that has one.
func TestMethodErrors(t *testing.T) {
	test := &failing{TB: t}
	srv := resolvertest.NewServer(test, resolvertest.StatefulSet("web", 1))
	tests := []struct {
		do   func() error
		want string
	}{
		{func() error { return srv.SetReady("web-7", false) }, "resolvertest: there is no Pod default/web-7"},
		{func() error { return srv.Scale("gone", 1) }, "resolvertest: there is no workload gone in namespace default"},
		{func() error { return srv.Roll("a/deployment/c") }, "resolvertest: there is no workload deployment/c in namespace a"},
		{func() error { return srv.SetReady("a/b/c", true) }, `resolvertest: "a/b/c": want a name, or namespace/name`},
		{func() error { return srv.Delete("Service", "gone") }, "resolvertest: there is no Service default/gone"},
		{func() error { return srv.AddRR("nonsense") }, "resolvertest: records: "},
		{func() error { _, err := srv.Fault(fault.Fault{Do: "break"}); return err }, `resolvertest: not a fault: "break" can't be done`},
		{func() error { _, err := srv.Listen("web-0", 0); return err }, `resolvertest: Listen("web-0", 0): want a port from 1 to 65535`},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			test.failures = nil
			if err := tt.do(); err == nil {
				t.Error("no error")
			}
			if len(test.failures) != 1 || !strings.HasPrefix(test.failures[0], tt.want) {
				t.Errorf("the test failed with %q, want %s", test.failures, tt.want)
			}
		})
	}
}

// TestClosed: nothing of a Server runs after it.
func TestClosed(t *testing.T) {
	dnstest.NoLeaks(t)
	outside := resolvertest.NewServer(t)
	for range 3 {
		srv, err := resolvertest.Start(append(ten(), resolvertest.Forward(outside.Addr()))...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := srv.Listen("web-0", 8080); err != nil {
			t.Fatal(err)
		}
		srv.Fault(fault.Fault{Name: "slow.example.", Do: fault.Delay, Delay: time.Hour})
		srv.Fault(fault.Fault{Name: "open.example.", Do: fault.HalfOpen})
		for name, network := range map[string]string{"slow.example.": "udp", "open.example.": "tcp", "elsewhere.example.": "udp"} {
			c, err := dns.Dial(network, srv.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.WriteMsg(dnstest.Question(name, dns.TypeA)); err != nil {
				t.Fatal(err)
			}
		}
		dnstest.Eventually(t, "all questions came, and two wait", func() bool {
			text := stacks()
			return strings.Contains(text, "fault.delay(") && strings.Contains(text, "fault.serve(") && len(srv.Queries()) == 1
		})
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if text := stacks(); strings.Contains(text, "resolver/fault.") || strings.Count(text, "server.(*Server).Serve(") > 1 {
			t.Errorf("something runs after Close:\n%s", text)
		}
		if err := srv.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	}
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
