package assemble_test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/kubedns"
	"github.com/rollcall-dns/rollcall/zone"
)

// following is a process that follows the ConfigMap of a cluster.
type following struct {
	*process
	cluster     *cluster
	file        *changing
	stub, other string // upstreams: the Corefile's knows a.example.org as 192.0.2.1; these as 192.0.2.2 and 192.0.2.3
}

const (
	aName       = "a.example.org."
	clusterZone = "kubernetes cluster.local in-addr.arpa {\nendpoint %s\nfallthrough in-addr.arpa\n}\n"
)

// follow starts a process with a Corefile of one block, whose body has %[1]s for the
// API server and %[2]s for an upstream.
func follow(t *testing.T, body string, prepare func(*cluster)) *following {
	t.Helper()
	f := &following{cluster: newCluster(t), file: new(changing)}
	own := startUpstream(t, "a.example.org=192.0.2.1")
	f.stub, f.other = startUpstream(t, "a.example.org=192.0.2.2"), startUpstream(t, "a.example.org=192.0.2.3")
	if prepare != nil {
		prepare(f.cluster)
	}
	addr := freeAddr(t)
	f.file.set(fmt.Sprintf(key(".", addr)+" {\n"+bound(addr)+body+"}\n", f.cluster.URL, own))
	f.process = startProcess(t, f.file.get, assemble.Process{ConfigMap: zone.Key{Namespace: "kube-system", Name: "kube-dns"}})
	return f
}

// stubs is a ConfigMap with a stub domain.
func stubs(domain, server string) map[string]string {
	return map[string]string{"stubDomains": fmt.Sprintf(`{%q: [%q]}`, domain, server)}
}

func upstreams(server string) map[string]string {
	return map[string]string{"upstreamNameservers": fmt.Sprintf("[%q]", server)}
}

// answers waits until a name has an address.
func (f *following) answers(at, name, want, reason string) {
	f.t.Helper()
	dnstest.Eventually(f.t, fmt.Sprintf("%s is %s: %s", name, want, reason), func() bool { return lookup(f.t, at, name) == want })
}

func TestConfigMap(t *testing.T) {
	dnstest.NoLeaks(t)
	f := follow(t, clusterZone+"forward . %[2]s\ncache 30\n", nil)
	at := f.addr()
	const web = "dns.default.svc.cluster.local."
	serves := "serving what the ConfigMap says"
	steps := []struct {
		name   string
		data   map[string]string
		want   string // of aName
		logged string
		reason string
	}{
		{"a stub domain", stubs("example.org", f.stub), "192.0.2.2", serves, "its server is asked, though the cache has another answer"},
		{"another server", stubs("example.org", f.other), "192.0.2.3", serves, "a change"},
		{"another domain", stubs("example.com", f.stub), "192.0.2.1", serves, "the Corefile's server is asked"},
		{"upstreams", upstreams(f.stub), "192.0.2.2", serves, "all is asked of them"},
		{"no JSON", map[string]string{"stubDomains": "example.org: 192.0.2.9"}, "192.0.2.2", "configmap kube-system/kube-dns: stubDomains: wants a JSON object", "the last good one stays"},
		{"no good", stubs("svc.cluster.local", f.stub), "192.0.2.2", "svc.cluster.local: its names are those of the cluster itself, by kubernetes at Corefile:3", "likewise"},
		{"both", merged(stubs("example.org", f.other), upstreams(f.stub)), "192.0.2.3", serves, "the stub domain comes first"},
		{"other keys", map[string]string{"federations": "x"}, "192.0.2.1", "keys=federations", "they have no effect, and nothing else is left"},
		{"back", stubs("example.org", f.stub), "192.0.2.2", serves, "and so on"},
		{"deleted", nil, "192.0.2.1", serves, "the Corefile alone is left"},
	}
	if got := lookup(t, at, aName); got != "192.0.2.1" {
		t.Fatalf("without a ConfigMap: %s", got)
	}
	for _, step := range steps {
		before := strings.Count(f.log(), step.logged)
		f.cluster.set(step.data)
		dnstest.Eventually(t, step.name+": "+step.logged, func() bool { return strings.Count(f.log(), step.logged) > before })
		f.answers(at, aName, step.want, step.reason)
		if got := lookup(t, at, web); got != "127.0.0.1" {
			t.Errorf("%s: the cluster's names are %s", step.name, got)
		}
	}
	if n := f.cluster.listed("services"); n != 1 {
		t.Errorf("the cluster was listed %d times, want once: its zones stay", n)
	}
	for name, want := range map[string]float64{
		"rollcall_kube_dns_configmap_refused_total": 2, "rollcall_kube_dns_configmap_connected": 1,
		"rollcall_kube_dns_configmap_errors_total": 0, "coredns_reload_failed_total": 0,
	} {
		if got := f.metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if err := f.end(); err != nil {
		t.Error(err)
	}
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// TestConfigMapInZones has stub domains within the zones of the cluster: it comes
// first.
func TestConfigMapInZones(t *testing.T) {
	addr := startUpstream(t, "x.my.cluster.local=192.0.2.7", "dns.my.cluster.local=192.0.2.8")
	f := follow(t, clusterZone+"forward . %[2]s\n", func(c *cluster) { c.set(stubs("my.cluster.local", addr)) })
	at := f.addr()
	for name, want := range map[string]string{
		"x.my.cluster.local.": "192.0.2.7", "dns.default.svc.cluster.local.": "127.0.0.1",
		"x.default.svc.cluster.local.": "NXDOMAIN", "ns.dns.cluster.local.": "127.0.0.1", "y.cluster.local.": "NXDOMAIN",
	} {
		if got := lookup(t, at, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	_, port, err := net.SplitHostPort(f.stub)
	if err != nil {
		t.Fatal(err)
	}
	f.cluster.set(stubs("example.org", "dns.default.svc.cluster.local:"+port))
	f.answers(at, aName, "192.0.2.2", "a Service of the cluster may be the server")
	if n := f.cluster.listed("services"); n != 1 {
		t.Errorf("the cluster was listed %d times, want once: what falls through has its zones stay", n)
	}
}

// TestConfigMapAtStart is of the first query.
func TestConfigMapAtStart(t *testing.T) {
	tests := []struct {
		name    string
		body    string // beside what forwards
		prepare func(*cluster)
		want    string
		within  time.Duration
		logged  string
		reason  string
	}{
		{"there", "", func(c *cluster) { c.delay = 300 * time.Millisecond }, "192.0.2.3", 20 * time.Second, "serving what the ConfigMap says", "what it says is waited for"},
		{"forbidden", "startup_timeout 1m\n", func(c *cluster) { c.forbidden["configmaps"] = true }, "192.0.2.1", 20 * time.Second, "grant list and watch on it with a Role", "it is known that there is nothing to wait for"},
		{"silent", "startup_timeout 200ms\n", func(c *cluster) { c.delay = time.Minute }, "192.0.2.1", 20 * time.Second, "serving before it is known what the ConfigMap says", "nothing is waited for without end"},
		{"away", "startup_timeout 200ms\n", func(c *cluster) { c.Close() }, "192.0.2.1", 20 * time.Second, "cannot follow the ConfigMap", "nor an API server that is not there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			other := startUpstream(t, "a.example.org=192.0.2.3")
			f := follow(t, "kubernetes cluster.local {\nendpoint %[1]s\n"+tt.body+"}\nforward . %[2]s\n", func(c *cluster) {
				c.set(stubs("example.org", other))
				tt.prepare(c)
			})
			began := time.Now()
			if got := lookup(t, f.addr(), aName); got != tt.want || time.Since(began) > tt.within {
				t.Errorf("%s: %s after %v", tt.reason, got, time.Since(began))
			}
			dnstest.Eventually(t, tt.logged, func() bool { return strings.Contains(f.log(), tt.logged) })
		})
	}
}

// TestConfigMapGranted: the right is granted, and taken away again.
func TestConfigMapGranted(t *testing.T) {
	f := follow(t, clusterZone+"forward . %[2]s\n", func(c *cluster) { c.forbid("configmaps", true) })
	at := f.addr()
	f.cluster.set(stubs("example.org", f.stub))
	f.cluster.forbid("configmaps", false)
	f.answers(at, aName, "192.0.2.2", "the right is there now")
	f.cluster.forbid("configmaps", true)
	f.cluster.CloseClientConnections()
	dnstest.Eventually(t, "the loss is noticed", func() bool { return f.metric("rollcall_kube_dns_configmap_connected") == 0 })
	if got := lookup(t, at, aName); got != "192.0.2.2" {
		t.Errorf("without the right: %s, and what was known is no less true", got)
	}
}

// TestConfigMapUnsynced: what does not wait for the zones is served without.
func TestConfigMapUnsynced(t *testing.T) {
	const wait = 3 * time.Second
	f := follow(t, fmt.Sprintf("kubernetes cluster.local {\nendpoint %%[1]s\nstartup_timeout %s\n}\nforward . %%[2]s\n", wait), func(c *cluster) { c.forbid("services", true) })
	at := f.addr()
	began := time.Now()
	for i, server := range []string{f.stub, f.other, f.stub} {
		f.cluster.set(stubs("example.org", server))
		f.answers(at, aName, []string{"192.0.2.2", "192.0.2.3", "192.0.2.2"}[i], "a change")
	}
	if took := time.Since(began); took >= 3*wait {
		t.Errorf("three changes took %v, as if the zones had been waited for", took)
	}
}

// TestConfigMapAndReload has both inputs change.
func TestConfigMapAndReload(t *testing.T) {
	f := follow(t, clusterZone+"forward . %[2]s\n", nil)
	at, first := f.addr(), f.file.get()
	f.cluster.set(stubs("example.org", f.stub))
	f.answers(at, aName, "192.0.2.2", "a stub domain")

	f.hangUp(unchanged)
	f.file.set(strings.Replace(first, "forward .", "any\nforward .", 1))
	f.hangUp(changed)
	f.answers(at, aName, "192.0.2.2", "a changed Corefile has the stub domain too")

	f.file.set(strings.Replace(first, "forward .", "foo\nforward .", 1))
	f.cluster.set(stubs("example.org", f.other))
	f.answers(at, aName, "192.0.2.3", "a broken Corefile keeps no ConfigMap out")
	f.hangUp(kept)

	f.cluster.set(map[string]string{"stubDomains": "{"})
	dnstest.Eventually(t, "it is refused", func() bool { return f.metric("rollcall_kube_dns_configmap_refused_total") == 1 })
	f.file.set(strings.Replace(first, "forward .", "nsid x\nforward .", 1))
	f.hangUp(changed)
	f.answers(at, aName, "192.0.2.3", "a bad ConfigMap keeps no Corefile out, and what it said last stays")
	if n := f.metric("rollcall_kube_dns_configmap_refused_total"); n != 1 {
		t.Errorf("the same ConfigMap was refused %v times", n)
	}

	for says, text := range map[string]string{
		"example.org: its names go to the server block example.org": strings.Replace(first, ".:", "example.org:", 1) + first,
		"no kubernetes directive reads an API server":               strings.Replace(first, "endpoint "+f.cluster.URL, "manifests "+manifest(t), 1),
		"no server block is for the root zone":                      strings.Replace(first, ".:", "example.org:", 1),
	} {
		f.file.set(text)
		f.hangUp(kept)
		if !strings.Contains(f.log(), says) {
			t.Errorf("no %q in the log", says)
		}
	}

	second := newCluster(t)
	second.set(upstreams(f.stub))
	f.file.set(strings.Replace(first, f.cluster.URL, second.URL, 1))
	f.hangUp(changed)
	f.answers(at, aName, "192.0.2.2", "another API server has another ConfigMap")
	dnstest.Eventually(t, "the first one's is not followed", func() bool { return f.cluster.watched() == 0 })
	second.set(nil)
	f.answers(at, aName, "192.0.2.1", "the other one's is")
}

// TestConfigMapRetry: what keeps a good ConfigMap out for a while is not for good.
func TestConfigMapRetry(t *testing.T) {
	t.Parallel()
	secrets := filepath.Join(t.TempDir(), "secrets")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("0", 32) + "\n")
	// The handler of hosts logs each time that one is made, and so each trial.
	f := follow(t, "cookies "+secrets+"\nhosts /dev/null h.example {\n192.0.2.9 other.example\nreload 0s\nfallthrough\n}\n"+clusterZone+"forward . %[2]s\n", nil)
	const trial = "a name is in no zone of the directive"
	at := f.addr()
	write("nonsense\n")
	began := time.Now()
	for i, server := range []string{f.other, f.stub, f.other, f.stub} {
		f.cluster.set(stubs("example.org", server))
		dnstest.Eventually(t, "it is tried", func() bool { return strings.Count(f.log(), trial) > i+1 })
	}
	tried, took := strings.Count(f.log(), trial), time.Since(began)
	dnstest.Eventually(t, "it is tried again", func() bool { return strings.Count(f.log(), trial) > tried })
	time.Sleep(min(took+time.Second, 5*time.Second)) // for what each of the trials may have set off
	if n := strings.Count(f.log(), trial) - tried; n != 1 {
		t.Errorf("after four trials it is tried %d times again at a time, want once", n)
	}
	write(strings.Repeat("1", 32) + "\n")
	f.answers(at, aName, "192.0.2.2", "it is tried again")
	if n := strings.Count(f.log(), kept); n != 1 {
		t.Errorf("it is told %d times that it could not be served", n)
	}
}

// TestConfigMapErrors is of Corefiles that a ConfigMap is of no use for.
func TestConfigMapErrors(t *testing.T) {
	tests := []struct{ name, text, want, reason string }{
		{"no root zone", "example.org {\nkubernetes cluster.local {\nendpoint http://127.0.0.1:1\n}\n}", "Corefile: configmap kube-system/kube-dns: no server block is for the root zone", "nothing that it is for"},
		{"no kubernetes", ". {\nwhoami\n}", "Corefile: configmap kube-system/kube-dns: no kubernetes directive reads an API server", "nowhere to read it"},
		{"manifests", ". {\nkubernetes cluster.local {\nmanifests " + manifest(t) + "\n}\n}", "Corefile: configmap kube-system/kube-dns: no kubernetes directive reads an API server", "nowhere to read it"},
		{"no kubeconfig", ". {\nkubernetes cluster.local {\nkubeconfig /nonexistent\n}\n}", "/nonexistent: no such file or directory", "as for the zones"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			key := zone.Key{Namespace: "kube-system", Name: "kube-dns"}
			err = plan.Run(t.Context(), assemble.Process{ConfigMap: key})
			_, second := plan.ReadConfigMap(t.Context(), assemble.Process{}, key)
			for _, err := range []error{err, second} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: error %v, want one with %s", tt.reason, err, tt.want)
				}
			}
		})
	}
}

// TestExplainConfigMap sees what is said of a ConfigMap beside the Corefile.
func TestExplainConfigMap(t *testing.T) {
	c := newCluster(t)
	c.set(merged(stubs("example.org", "192.0.2.1"), upstreams("192.0.2.2")))
	plan, err := load(t, ".:53 {\nkubernetes cluster.local {\nendpoint "+c.URL+"\n}\nforward . 192.0.2.3\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	says, err := plan.ReadConfigMap(t.Context(), assemble.Process{}, zone.Key{Namespace: "kube-system", Name: "kube-dns"})
	if err != nil {
		t.Fatal(err)
	}
	with, err := plan.WithConfigMap(says)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Corefile:1: queries for names in .:53 are served with:",
		"Corefile:2:   kubernetes cluster.local: answers for the zones of a cluster, which are followed and never cached",
		"configmap kube-system/kube-dns: stubDomains:   forward example.org 192.0.2.1: " + assemble.Effect("forward"),
		"configmap kube-system/kube-dns: upstreamNameservers:   forward . 192.0.2.2: " + assemble.Effect("forward"),
	}
	if diff := cmp.Diff(want, with.Explain()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := with.WithConfigMap(kubedns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan.File.String(), again.File.String()); diff != "" {
		t.Errorf("without it, the Corefile is another (-want +got):\n%s", diff)
	}
}
