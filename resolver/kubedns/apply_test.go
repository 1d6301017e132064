package kubedns_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubedns"
)

// read reads a Corefile.
func read(t testing.TB, text string) *corefile.File {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// apply applies a ConfigMap, whose stub domains are DOMAIN=SERVER,... and whose
// upstreams come after a dot.
func apply(t testing.TB, text, configMap string) (*corefile.File, error) {
	t.Helper()
	c := kubedns.Config{Name: name}
	for _, part := range strings.Fields(configMap) {
		domain, servers, _ := strings.Cut(part, "=")
		if list := strings.Split(servers, ","); domain == "." {
			c.Upstreams = list
		} else {
			c.Stubs = append(c.Stubs, kubedns.Stub{Zone: domain + ".", Servers: list})
		}
	}
	return c.Apply(read(t, text))
}

func TestApply(t *testing.T) {
	const kubeadm = ".:53 {\nkubernetes cluster.local in-addr.arpa ip6.arpa {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\n}\nforward . /etc/resolv.conf {\nmax_concurrent 1000\n}\ncache 30\n}\n"
	tests := []struct{ name, text, configMap, want, reason string }{
		{"nothing", kubeadm, "", kubeadm, "the Corefile as it is"},
		{
			"stub domain", kubeadm, "acme.local=1.2.3.4,1.2.3.5:5353",
			".:53 {\nkubernetes cluster.local in-addr.arpa ip6.arpa {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\n}\n" +
				"forward acme.local 1.2.3.4 1.2.3.5:5353\nforward . /etc/resolv.conf {\nmax_concurrent 1000\n}\ncache 30\n}\n", "before the forward that its names would go to",
		},
		{
			"upstreams", kubeadm, ".=8.8.8.8,8.8.4.4",
			".:53 {\nkubernetes cluster.local in-addr.arpa ip6.arpa {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\n}\n" +
				"forward . 8.8.8.8 8.8.4.4 {\nmax_concurrent 1000\n}\ncache 30\n}\n", "in the place of those that there are, with the options",
		},
		{
			"both, without forward", ". {\nkubernetes cluster.local\n}\n", "acme.local=1.2.3.4 .=8.8.8.8",
			".:53 {\nkubernetes cluster.local\nforward acme.local 1.2.3.4\nforward . 8.8.8.8\n}\n", "there need be none",
		},
		{
			"nested", ". {\nforward . 192.0.2.1\n}\n", "a.b.c=1.1.1.1 b.c=2.2.2.2 x.a.b.c=3.3.3.3",
			".:53 {\nforward x.a.b.c 3.3.3.3\nforward a.b.c 1.1.1.1\nforward b.c 2.2.2.2\nforward . 192.0.2.1\n}\n", "the longest comes first",
		},
		{
			"nested the other way", ". {\nforward . 192.0.2.1\n}\n", "b.c=2.2.2.2 x.a.b.c=3.3.3.3 a.b.c=1.1.1.1",
			".:53 {\nforward x.a.b.c 3.3.3.3\nforward a.b.c 1.1.1.1\nforward b.c 2.2.2.2\nforward . 192.0.2.1\n}\n", "whatever the order",
		},
		{
			"beside the Corefile's", ". {\nforward x.b.c 192.0.2.1\nforward c 192.0.2.2\nforward . 192.0.2.3\nforward a.b.c 192.0.2.4\n}\n", "b.c=2.2.2.2",
			".:53 {\nforward x.b.c 192.0.2.1\nforward b.c 2.2.2.2\nforward c 192.0.2.2\nforward . 192.0.2.3\nforward a.b.c 192.0.2.4\n}\n",
			"what the Corefile says of names within it counts still, and what has no effect has none",
		},
		{
			"several forwards", ". {\nforward . 192.0.2.1 {\nnext NXDOMAIN\n}\nforward . 192.0.2.2\n}\n", ".=8.8.8.8",
			".:53 {\nforward . 8.8.8.8 {\nnext NXDOMAIN\n}\nforward . 8.8.8.8\n}\n", "none of the Corefile's upstreams is asked",
		},
		{
			"in the cluster's zone", ". {\nkubernetes cluster.local\nforward . 192.0.2.1\n}\n", "my.cluster.local=2.3.4.5",
			".:53 {\nkubernetes cluster.local {\nfallthrough my.cluster.local\n}\nforward my.cluster.local 2.3.4.5\nforward . 192.0.2.1\n}\n",
			"as Kubernetes' documentation has it: what the cluster does not have there",
		},
		{
			"reverse", ". {\nkubernetes cluster.local in-addr.arpa {\nfallthrough ip6.arpa\n}\n}\n", "10.in-addr.arpa=1.2.3.4",
			".:53 {\nkubernetes cluster.local in-addr.arpa {\nfallthrough ip6.arpa 10.in-addr.arpa\n}\nforward 10.in-addr.arpa 1.2.3.4\n}\n", "addresses that are not the cluster's",
		},
		{
			"all reverse names", ". {\nkubernetes cluster.local in-addr.arpa\n}\n", "in-addr.arpa=1.2.3.4",
			".:53 {\nkubernetes cluster.local in-addr.arpa {\nfallthrough in-addr.arpa\n}\nforward in-addr.arpa 1.2.3.4\n}\n", "likewise",
		},
		{
			"falls already", ". {\nkubernetes cluster.local in-addr.arpa {\nfallthrough\n}\n}\n", "my.cluster.local=1.2.3.4 10.in-addr.arpa=1.2.3.4",
			".:53 {\nkubernetes cluster.local in-addr.arpa {\nfallthrough\n}\nforward my.cluster.local 1.2.3.4\nforward 10.in-addr.arpa 1.2.3.4\n}\n", "without zones it is all",
		},
		{
			"above the cluster's zone", ". {\nkubernetes cluster.local\n}\n", "local=1.2.3.4",
			".:53 {\nkubernetes cluster.local\nforward local 1.2.3.4\n}\n", "which keeps its own names",
		},
		{
			"a Service", "cluster.local {\nkubernetes\n}\n. {\nforward . 192.0.2.1\n}\n", "acme.local=dns.x.svc.cluster.local,dns.y.svc.cluster.local:54",
			"cluster.local:53 {\nkubernetes\n}\n\n.:53 {\nforward acme.local dns.x.svc.cluster.local dns.y.svc.cluster.local:54\nforward . 192.0.2.1\n}\n", "in a zone of any block",
		},
		{
			"the blocks of the root zone", "example.org {\nforward . 192.0.2.1\n}\n. tls://. {\nbind 127.0.0.1\nforward . 192.0.2.2\n}\n.:5353 {\n}\n", "acme.local=1.2.3.4 .=8.8.8.8",
			"example.org:53 {\nforward . 192.0.2.1\n}\n\n.:53 tls://.:853 {\nbind 127.0.0.1\nforward acme.local 1.2.3.4\nforward . 8.8.8.8\n}\n\n.:5353 {\nforward acme.local 1.2.3.4\nforward . 8.8.8.8\n}\n",
			"those, and no others",
		},
		{
			"blocks elsewhere", "acme.local:54 {\n}\n. {\nbind 127.0.0.1\n}\nacme.local {\nbind 127.0.0.2\n}\n", "acme.local=1.2.3.4",
			"acme.local:54 {\n}\n\n.:53 {\nbind 127.0.0.1\nforward acme.local 1.2.3.4\n}\n\nacme.local:53 {\nbind 127.0.0.2\n}\n", "on another port and address",
		},
		{
			"a zone of the block itself", ". acme.local {\nforward . 192.0.2.1\n}\n", "acme.local=1.2.3.4",
			".:53 acme.local:53 {\nforward acme.local 1.2.3.4\nforward . 192.0.2.1\n}\n", "its names come here",
		},
		{
			"answers that fall through", ". {\nhosts /etc/h {\nfallthrough\n}\nhosts /etc/g other.test\nfile db acme.local {\nfallthrough x.acme.local\n}\n}\n", "x.acme.local=1.2.3.4",
			".:53 {\nhosts /etc/h {\nfallthrough\n}\nhosts /etc/g other.test\nfile db acme.local {\nfallthrough x.acme.local\n}\nforward x.acme.local 1.2.3.4\n}\n", "what they do not have",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apply(t, tt.text, tt.configMap)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(read(t, tt.want).String(), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestApplyPositions: what a ConfigMap adds is of the ConfigMap, and the Corefile
// stays what it is.
func TestApplyPositions(t *testing.T) {
	f := read(t, ". {\nkubernetes cluster.local {\nfallthrough a.cluster.local\n}\nforward . 192.0.2.1 {\nforce_tcp\n}\n}\n")
	before := f.String()
	c := kubedns.Config{Name: name, Stubs: []kubedns.Stub{{"b.cluster.local.", []string{"1.2.3.4"}}}, Upstreams: []string{"8.8.8.8"}}
	out, err := c.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, f.String()); diff != "" {
		t.Errorf("the Corefile is another (-before +after):\n%s", diff)
	}
	var got []string
	for _, d := range out.Blocks[0].Directives {
		got = append(got, d.Pos.String()+" "+d.Name)
		for _, o := range d.Body {
			got = append(got, "  "+o.Pos.String()+" "+o.Name)
		}
	}
	want := []string{
		"Corefile:2 kubernetes", "  Corefile:3 fallthrough", "configmap kube-system/kube-dns: stubDomains forward",
		"configmap kube-system/kube-dns: upstreamNameservers forward", "  Corefile:6 force_tcp",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestApplyErrors(t *testing.T) {
	const at = "configmap kube-system/kube-dns: stubDomains: "
	tests := []struct {
		name, text, configMap string
		want                  []string
		reason                string
	}{
		{
			"no root zone", "cluster.local {\nkubernetes\n}\n", ".=8.8.8.8",
			[]string{"configmap kube-system/kube-dns: no server block is for the root zone, and so nothing of it can take effect; the least is: . { forward . /etc/resolv.conf }"}, "nothing that it is for",
		},
		{
			"the cluster's zone", ". {\n\nkubernetes cluster.local\n}\n", "cluster.local=1.2.3.4 svc.cluster.local=1.2.3.4 x.pod.cluster.local=1.2.3.4",
			[]string{
				at + "cluster.local: its names are those of the cluster itself, by kubernetes at Corefile:3; want a domain beside svc.cluster.local and pod.cluster.local",
				at + "svc.cluster.local: its names are those of the cluster itself, by kubernetes at Corefile:3; want a domain beside svc.cluster.local and pod.cluster.local",
				at + "x.pod.cluster.local: its names are those of the cluster itself, by kubernetes at Corefile:3; want a domain beside svc.cluster.local and pod.cluster.local",
			}, "a denial would be another server's",
		},
		{
			"another block", ". {\n}\nacme.local {\n}\nexample.org {\n}\n", "acme.local=1.2.3.4 x.example.org=1.2.3.4",
			[]string{
				at + "acme.local: its names go to the server block acme.local:53 at Corefile:3; take it out of the ConfigMap, or that out of the Corefile",
				at + "x.example.org: its names go to the server block example.org:53 at Corefile:5; take it out of the ConfigMap, or that out of the Corefile",
			}, "its names never come",
		},
		{
			"another block for the cluster", "cluster.local:53 {\nbind 169.254.20.10\nforward . 10.96.0.10\n}\n.:53 {\nbind 169.254.20.10\nforward . 10.96.0.10\n}\n", "my.cluster.local=1.2.3.4",
			[]string{at + "my.cluster.local: its names go to the server block cluster.local:53 at Corefile:1; take it out of the ConfigMap, or that out of the Corefile"}, "as NodeLocal DNSCache has it",
		},
		{
			"forwarded", ". {\nforward acme.local 192.0.2.1\n}\n", "acme.local=1.2.3.4",
			[]string{at + "acme.local: is forwarded at Corefile:2 already; take it out of the ConfigMap, or that out of the Corefile"}, "which of them would count?",
		},
		{
			"a name elsewhere", ". {\nkubernetes cluster.local in-addr.arpa\n}\n", "acme.local=ns.acme.local,1.2.3",
			[]string{
				at + `acme.local: "ns.acme.local" is neither an address nor the name of a Service in a zone of kubernetes (cluster.local.)`,
				at + `acme.local: "1.2.3" is neither an address nor the name of a Service in a zone of kubernetes (cluster.local.)`,
			}, "who would look it up?",
		},
		{
			"answered", ". {\nfile db acme.local\nhosts\n}\n", "x.acme.local=1.2.3.4",
			[]string{
				at + "x.acme.local: its names are answered by file at Corefile:2; give that a fallthrough x.acme.local",
				at + "x.acme.local: its names are answered by hosts at Corefile:3; give that a fallthrough x.acme.local",
			}, "they stand before forward",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apply(t, tt.text, tt.configMap)
			if err == nil {
				t.Fatalf("no error, and %s", got)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// FuzzApply is of what anybody may write into a ConfigMap: either it is an error that
// names the ConfigMap, or a Corefile that means the same when it is written down.
func FuzzApply(f *testing.F) {
	f.Add(`{"acme.local": ["1.2.3.4", "dns.x.svc.cluster.local:54"], "my.cluster.local": ["::1"]}`, `["8.8.8.8", "[::1]:53"]`)
	f.Add(`{"10.in-addr.arpa": ["1.2.3.4"]}`, "[]")
	f.Add("{", "null")
	f.Fuzz(func(t *testing.T, stubs, upstreams string) {
		c, err := kubedns.Parse(name, map[string]string{"stubDomains": stubs, "upstreamNameservers": upstreams})
		var out *corefile.File
		if err == nil {
			out, err = c.Apply(read(t, ". {\nkubernetes cluster.local in-addr.arpa\nforward . 192.0.2.1\n}\n"))
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "configmap "+name+": ") {
				t.Errorf("whose error is this? %v", err)
			}
			return
		}
		if again := read(t, out.String()).String(); again != out.String() {
			t.Errorf("%s is read as %s", out, again)
		}
	})
}
