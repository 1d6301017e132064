package kubernetes_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// parse parses a Corefile's first directive, for the zones of its block.
func parse(t *testing.T, text string) (kubernetes.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return kubernetes.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       func(*kubernetes.Config) // what differs from the default
		reason     string
	}{{
		name: "default", text: "Cluster.Local 10.0.0.0/24 {\n kubernetes\n}",
		want:   func(c *kubernetes.Config) { c.Zones = []string{"cluster.local.", "0.0.10.in-addr.arpa."} },
		reason: "without zones of its own the block's count",
	}, {
		name: "kubeadm",
		text: ".:53 {\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n  pods insecure\n  fallthrough in-addr.arpa ip6.arpa\n  ttl 30\n }\n}",
		want: func(c *kubernetes.Config) {
			c.Zones = []string{"cluster.local.", "in-addr.arpa.", "ip6.arpa."}
			c.Pods = kubernetes.PodsInsecure
			c.Fallthrough = []string{"in-addr.arpa.", "ip6.arpa."}
			c.TTL, c.HeadlessTTL = 30, 30
		},
		reason: "the most common Corefile",
	}, {
		name: "everything of an API server",
		text: `. { kubernetes cluster.local clusterset.local {
			endpoint https://192.0.2.1:6443
			tls cert.pem key.pem ca.pem
			kubeconfig admin.conf other
			apiserver_qps 2.5
			apiserver_burst 10
			apiserver_max_inflight 3
			namespaces a b
			namespaces b c
			labels environment in (staging, qa),application=nginx
			pods verified
			endpoint_pod_names
			headless_ttl 2
			ttl 0
			negative_ttl 3
			fallthrough
			ignore empty_service
			multicluster clusterset.local
			zonal
			startup_timeout 1m
			ptr hostname
		} }`,
		want: func(c *kubernetes.Config) {
			c.Zones = []string{"cluster.local.", "clusterset.local."}
			c.Endpoint = "https://192.0.2.1:6443"
			c.TLS = kubernetes.TLSFiles{Cert: "cert.pem", Key: "key.pem", CA: "ca.pem"}
			c.Kubeconfig, c.Context = "admin.conf", "other"
			c.QPS, c.Burst, c.MaxInflight = 2.5, 10, 3
			c.Namespaces = []string{"a", "b", "c"}
			c.Labels = "environment in (staging, qa),application=nginx"
			c.Pods = kubernetes.PodsVerified
			c.EndpointPodNames, c.IgnoreEmptyService, c.Zonal, c.PTRHostname = true, true, true, true
			c.TTL, c.HeadlessTTL, c.NegativeTTL = 0, 2, 3
			c.Fallthrough = []string{"."}
			c.Multicluster = []string{"clusterset.local."}
			c.StartupTimeout = time.Minute
		},
		reason: "each option sets its field, and namespaces add up",
	}, {
		name: "manifests",
		text: ". { kubernetes a {\nmanifests dir -\nmanifests more.yaml\nnamespace_labels team=a\nnoendpoints\npods disabled\n} }",
		want: func(c *kubernetes.Config) {
			c.Zones = []string{"a."}
			c.Manifests = []string{"dir", "-", "more.yaml"}
			c.NamespaceLabels = "team=a"
			c.NoEndpoints = true
		},
		reason: "manifests add up, and their paths stay as written",
	}, {
		name: "root", text: ".:53 {\n kubernetes\n}",
		want:   func(c *kubernetes.Config) { c.Zones = []string{"."} },
		reason: "the root is a zone as any other",
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			want := kubernetes.Default()
			tt.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	const known = "apiserver_burst, apiserver_max_inflight, apiserver_qps, default_namespace, endpoint, endpoint_pod_names, fallthrough, headless_ttl, ignore, kubeconfig, labels, manifests, multicluster, namespace_labels, namespaces, negative_ttl, noendpoints, pods, ptr, startup_timeout, tls, ttl, zonal"
	tests := []struct{ options, want string }{
		{"foo", `:2: unknown option "foo" of kubernetes (known: ` + known + `)`},
		{"pods some", `:2: pods: wants one of disabled, insecure, verified, got "some"`},
		{"pods", `:2: pods: wants one of disabled, insecure, verified, got none`},
		{"ttl 3601", `:2: ttl: wants an integer, 0 to 3600, got "3601"`},
		{"headless_ttl 3601", `:2: headless_ttl: wants an integer, 0 to 3600, got "3601"`},
		{"negative_ttl -1", `:2: negative_ttl: wants an integer, 0 to 3600, got "-1"`},
		{"ttl 5s", `:2: ttl: wants an integer, 0 to 3600, got "5s"`},
		{"ttl 5\nttl 6", `:3: ttl: is given already at Corefile:2`},
		{"namespaces", `:2: namespaces: wants NAMESPACE..., got none`},
		{"manifests", `:2: manifests: wants PATH..., got none`},
		{"endpoint a b", `:2: endpoint: wants the URL of one API server, got "a" "b"`},
		{"tls a b", `:2: tls: wants CERT KEY CACERT, got "a" "b"`},
		{"kubeconfig a b c", `:2: kubeconfig: wants KUBECONFIG [CONTEXT], got "a" "b" "c"`},
		{"labels", `:2: labels: wants a label selector such as app=web,tier!=test, got none`},
		{"labels =", `:2: labels: "=" is not a label selector such as app=web,tier!=test: `},
		{"namespace_labels a in", `:2: namespace_labels: "a in" is not a label selector such as app=web,tier!=test: `},
		{"noendpoints yes", `:2: noendpoints: takes no arguments, got "yes"`},
		{"endpoint_pod_names yes", `:2: endpoint_pod_names: takes no arguments, got "yes"`},
		{"ignore services", `:2: ignore: wants empty_service, got "services"`},
		{"ignore", `:2: ignore: wants empty_service, got none`},
		{"ptr", `:2: ptr: wants hostname, got none`},
		{"fallthrough a:53", `:2: fallthrough: "a:53" is not a zone: ':' is not allowed in a name`},
		{"multicluster", `:2: multicluster: wants ZONES..., some of the zones that are served, got none`},
		{"multicluster b", `:1: kubernetes: the multicluster zone b. is none of the zones served (a., in-addr.arpa.)`},
		{"startup_timeout 5", `:2: startup_timeout: wants a duration such as 5s, 1m30s or 0s, got "5"`},
		{"apiserver_qps -1", `:2: apiserver_qps: wants a number, 0 or more, got "-1"`},
		{"apiserver_burst 1.5", `:2: apiserver_burst: wants an integer, 0 to 2147483647, got "1.5"`},
		{"apiserver_max_inflight", `:2: apiserver_max_inflight: wants an integer, 0 to 2147483647, got none`},
		{"namespaces a\nnamespace_labels b", `:1: kubernetes: namespaces and namespace_labels exclude one another`},
		{"zonal\nnoendpoints", `:1: kubernetes: zonal names are those of endpoints, so that zonal excludes noendpoints`},
		{"manifests a\nendpoint b", `:1: kubernetes: objects come from files or from an API server, so that manifests excludes endpoint, kubeconfig and tls`},
		{"kubeconfig b\nmanifests a", `:1: kubernetes: objects come from files or from an API server, so that manifests excludes endpoint, kubeconfig and tls`},
		{"tls a b c\nmanifests a", `:1: kubernetes: objects come from files or from an API server, so that manifests excludes endpoint, kubeconfig and tls`},
	}
	for _, tt := range tests {
		t.Run(tt.options, func(t *testing.T) {
			_, err := parse(t, ". { kubernetes a in-addr.arpa {\n"+tt.options+"\n} }")
			if err == nil {
				t.Fatal("no error")
			}
			// Of errors that end in another package's words, only ours are compared.
			got := err.Error()
			if strings.HasSuffix(tt.want, ": ") && len(got) > len("Corefile"+tt.want) {
				got = got[:len("Corefile"+tt.want)]
			}
			if diff := cmp.Diff("Corefile"+tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var at *corefile.Error
			if !errors.As(err, &at) {
				t.Errorf("%T is not a *corefile.Error", err)
			}
		})
	}
}

func TestParseReverseOnly(t *testing.T) {
	_, err := parse(t, "10.0.0.0/8 {\n kubernetes ip6.arpa\n}")
	want := "Corefile:2: kubernetes: at least one zone that is not a reverse zone is needed, such as cluster.local"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`
cluster.local 10.96.0.0/16 {
    kubernetes {
        manifests deploy/examples
        pods sometimes
    }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	block := f.Blocks[0]
	_, err = kubernetes.Parse(block.Directives[0], block.Zones())
	fmt.Println(err)
	// Output: Corefile:5: pods: wants one of disabled, insecure, verified, got "sometimes"
}
