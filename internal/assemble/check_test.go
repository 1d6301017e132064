package assemble_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"junk.kc":   "hello there",
		"empty.kc":  "",
		"empty.pem": "",
		"good.kc": "kind: Config\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n" +
			"contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("m", 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		want       []string
		reason     string
	}{
		{"nothing named", ". {\nkubernetes a.example\n}", nil, "the cluster is not asked"},
		{"all there", ". {\nbind 127.0.0.1\nkubernetes a.example {\nmanifests m -\n}\n}\nb.example {\nbind 127.0.0.1\nkubernetes {\nkubeconfig good.kc\n}\n}", nil, "files that exist"},
		{
			"manifests", ". {\nkubernetes a.example {\nmanifests nope m\nmanifests gone\n}\n}",
			[]string{"Corefile:3: manifests nope: no such file or directory", "Corefile:4: manifests gone: no such file or directory"}, "each at its place",
		},
		{"no kubeconfig", ". {\nkubernetes a.example {\nkubeconfig nope\n}\n}", []string{"Corefile:3: kubeconfig nope: no such file or directory"}, "at its place"},
		{
			"junk", ". {\nkubernetes a.example {\nkubeconfig junk.kc\n}\n}",
			[]string{"Corefile:3: kubeconfig junk.kc: not a kubeconfig: it is no YAML or JSON of kind Config"}, "in a user's words",
		},
		{
			"empty", ". {\nkubernetes a.example {\nkubeconfig empty.kc\n}\n}",
			[]string{"Corefile:3: kubeconfig empty.kc: not a kubeconfig: it names no cluster"}, "without client-go's advice",
		},
		{
			"context", ". {\nkubernetes a.example {\nkubeconfig good.kc b\n}\n}",
			[]string{`Corefile:3: kubeconfig good.kc: context "b" does not exist`}, "a slip",
		},
		{
			"tls", ". {\nkubernetes a.example {\nendpoint https://127.0.0.1:1\ntls nope.pem nope.key empty.pem\n}\n}",
			[]string{"Corefile:2: kubernetes: open nope.pem: no such file or directory"}, "the files of an endpoint",
		},
		{
			"no endpoint", ". {\nkubernetes a.example {\ntls nope.pem nope.key empty.pem\n}\n}",
			[]string{"Corefile:2: kubernetes: certificates are for an endpoint, and none is named"}, "as the source says it",
		},
		{
			"endpoint", ". {\nkubernetes a.example {\nendpoint https://[::1\n}\n}",
			[]string{`Corefile:2: kubernetes: API server "https://[::1": host must be a URL or a host:port pair: "https://[::1"`}, "a slip",
		},
		{
			"interface", ". {\nbind nosuch0\n}",
			[]string{`Corefile:1: bind: "nosuch0" is neither an IP address nor an interface of this machine`}, "before it is served",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := plan.Check(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	dir := filepath.Clean(t.TempDir())
	tests := []struct {
		name, text string
		want       []string
		reason     string
	}{
		{"root", ". {\nkubernetes a.example in-addr.arpa\n}", nil, "every name is in the root"},
		{"own zones", "a.example 10.0.0.0/8 {\nkubernetes {\nmanifests " + dir + "\n}\n}", nil, "as the block's"},
		{"a part", "prod.svc.a.example {\nkubernetes a.example\n}", nil, "some of the names come here"},
		{"no kubernetes", ". {\nerrors\n}", []string{"Corefile: no server block has kubernetes, forward, file, hosts, template, local, chaos, erratic, whoami: every query is REFUSED"}, "a server of nothing"},
		{
			"views", ". {\nview a\nwhoami\n}\n. {\nwhoami\n}\na. b. {\nview c\nwhoami\n}\na.:54 {\nbind 127.0.0.1 ::1\nwhoami\n}", nil,
			"none of them is behind one without a view",
		},
		{
			"behind", "a. b. {\nwhoami\n}\na. b. c. {\nview v\nwhoami\n}\na.:54 {\nview v\nwhoami\n}",
			[]string{"Corefile:5: view: no query for a. and b. comes here, as the server block at Corefile:1 comes first and has no view"}, "an order that is hardly meant",
		},
		{
			"behind on an address", "a. {\nbind 127.0.0.1\nwhoami\n}\na. {\nbind 127.0.0.2\nview v\nwhoami\n}\na. {\nbind 127.0.0.1\nview w\nwhoami\n}",
			[]string{"Corefile:12: view: no query for a. comes here, as the server block at Corefile:1 comes first and has no view"}, "of one address",
		},
		{
			"other zones", "\na.example {\nerrors\nkubernetes a.example in-addr.arpa ip6.arpa\n}",
			[]string{"Corefile:4: kubernetes: no query for in-addr.arpa. and ip6.arpa. comes here, as the server block is for a.example."}, "no reverse names",
		},
		{"addresses alone", "10.0.0.0/8 fd00::/8 {\nkubernetes a.example 10.0.0.0/8 fd00::/8\n}", nil, "what the names of addresses lead into must be named"},
		{
			"addresses of none", "10.0.0.0/8 {\nkubernetes a.example b.example 10.0.0.0/8 192.168.0.0/16\n}",
			[]string{"Corefile:2: kubernetes: no query for b.example. and 168.192.in-addr.arpa. comes here, as the server block is for 10.in-addr.arpa."}, "names lead into the first zone only",
		},
		{
			"neither", "other.example {\nkubernetes a.example in-addr.arpa\n}",
			[]string{"Corefile:2: kubernetes: no query for a.example. and in-addr.arpa. comes here, as the server block is for other.example."}, "no address either",
		},
		{"explain", ". {\nexplain\nkubernetes a.example\n}", nil, "kubernetes has reasons"},
		{
			"explain without kubernetes", ". {\nwhoami\nexplain\n}",
			[]string{"Corefile:3: explain: it has no effect without kubernetes in the server block"}, "another handler's denials have none",
		},
		{"autopath", ". {\nautopath @kubernetes\nkubernetes a.example {\npods verified\n}\n}", nil, "pods are known"},
		{"autopath of a file", ". {\nautopath f\nkubernetes a.example\n}", nil, "of any client"},
		{
			"autopath without pods", ". {\nkubernetes a.example {\npods insecure\n}\nautopath @kubernetes\n}",
			[]string{"Corefile:5: autopath: @kubernetes has no effect without kubernetes in the server block that has pods verified"}, "as in CoreDNS, which does not say so",
		},
		{
			"autopath without kubernetes", ". {\nwhoami\nautopath @kubernetes\n}\na.example {\nkubernetes {\npods verified\n}\n}",
			[]string{"Corefile:3: autopath: @kubernetes has no effect without kubernetes in the server block that has pods verified"}, "another block's pods are not its own",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, plan.Warnings()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
