package watch

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/zone"
)

var update = flag.Bool("update", false, "write the golden files anew")

var quietLog = slog.New(slog.DiscardHandler)

// allKinds asks for everything that there is.
var allKinds = zone.Kinds[:]

func newTestManifests(t testing.TB, c ManifestsConfig) *Manifests {
	t.Helper()
	if c.Logger == nil {
		c.Logger = quietLog
	}
	m, err := NewManifests(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLoadGolden reads each folder of testdata/manifests, and compares the
// events with events.golden there.
func TestLoadGolden(t *testing.T) {
	dirs, err := filepath.Glob("testdata/manifests/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			m := newTestManifests(t, ManifestsConfig{Paths: []string{dir}, Kinds: allKinds})
			events, err := m.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := dump(events)
			golden := filepath.Join(dir, "events.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// dump writes events as text, an object a line.
func dump(events []zone.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "replace %s\n", e.Kind)
		for _, o := range e.Objects {
			fmt.Fprintf(&b, "  %+v\n", o)
		}
	}
	return b.String()
}

const (
	svcHead   = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n"                   // 5 lines
	setHead   = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec:\n"           // 4 lines
	sliceHead = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n" // 4 lines
)

func TestLoadErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reason string
		in     string
		want   []string // each is in the error
	}{
		{"not YAML", "a syntax error has the parser's line", "a: b\nb: c\n  d: e\n", []string{"in.yaml:3: not YAML: "}},
		{"not an object", "a document is a mapping", "- a\n- b\n", []string{"in.yaml:1: not a Kubernetes object: allowed is a mapping"}},
		{"second document", "lines count from the file's start", svcHead + "  clusterIP: None\n---\nfoo: bar\n", []string{"in.yaml:8: not a Kubernetes object: apiVersion and kind are missing"}},
		{"version", "a version that is not served would be dropped unseen", "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\n", []string{`in.yaml:1: apiVersion "discovery.k8s.io/v1beta1" of EndpointSlice is not known: allowed is "discovery.k8s.io/v1"`}},
		{"no name", "an object needs a name", "apiVersion: v1\nkind: Service\nmetadata:\n  generateName: x-\n", []string{"in.yaml:3: metadata.name: is missing"}},
		{"bad name", "DNS-1123 label", "apiVersion: v1\nkind: Service\nmetadata:\n  name: Web_1\nspec: {clusterIP: None}\n", []string{`in.yaml:4: metadata.name: "Web_1": a lowercase RFC 1123 label must`}},
		{"bad namespace", "DNS-1123 label", "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: a.b}\nspec: {clusterIP: None}\n", []string{`in.yaml:3: metadata.namespace: "a.b"`}},
		{"wrong type", "the line is the value's", svcHead + "  ports:\n  - name: a\n    port: 80\n  - name: b\n    port: eighty\n", []string{"in.yaml:10: spec.ports[1].port: a string where an integer of 32 bits is needed"}},
		{"wrong shape", "a list where a mapping is needed", "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  - x\n", []string{"spec: a list where a mapping is needed"}},
		{"port range", "1 to 65535", svcHead + "  clusterIP: None\n  ports:\n  - port: 80\n    name: a\n  - name: b\n    port: 70000\n", []string{"in.yaml:11: spec.ports[1].port: 70000: allowed is 1 to 65535"}},
		{"no port", "a port has a number", svcHead + "  clusterIP: None\n  ports:\n  - name: a\n", []string{"in.yaml:8: spec.ports[0].port: is missing: allowed is 1 to 65535"}},
		{"same port", "as the API server refuses it", svcHead + "  clusterIP: None\n  ports:\n  - {port: 80, name: a}\n  - {port: 80, name: b, protocol: UDP}\n  - {port: 80, name: c, protocol: TCP}\n", []string{"in.yaml:10: spec.ports[2]: 80/TCP is there already"}},
		{"protocol", "TCP, UDP, SCTP", svcHead + "  clusterIP: None\n  ports:\n  - {port: 80,\n     protocol: QUIC}\n", []string{`in.yaml:9: spec.ports[0].protocol: "QUIC" is not known: allowed are TCP, UDP and SCTP`}},
		{"port names", "required and unique where there are several", svcHead + "  clusterIP: None\n  ports:\n  - {port: 80, name: a}\n  - {port: 81, name: a}\n  - port: 82\n", []string{`in.yaml:9: spec.ports[1].name: duplicate name "a"`, "in.yaml:10: spec.ports[2].name: is missing"}},
		{"port name", "DNS-1123 label", svcHead + "  clusterIP: None\n  ports:\n  - {port: 80, name: HTTP}\n", []string{`in.yaml:8: spec.ports[0].name: "HTTP": a lowercase`}},
		{"cluster IP", "an IP address", svcHead + "  clusterIP: 10.0.0.256\n", []string{`in.yaml:6: spec.clusterIP: "10.0.0.256" is not an IP address (such as 192.0.2.1 or 2001:db8::1)`}},
		{"mapped cluster IP", "as the API server refuses it", svcHead + "  clusterIP: ::ffff:10.0.0.1\n", []string{`in.yaml:6: spec.clusterIP: "::ffff:10.0.0.1" is an IPv4 address written as an IPv6 one: write 10.0.0.1`}},
		{"cluster IPs differ", "clusterIP is the first of clusterIPs", svcHead + "  clusterIP: 10.0.0.1\n  clusterIPs:\n  - 10.0.0.2\n", []string{`in.yaml:8: spec.clusterIPs[0]: "10.0.0.2": must be the same as spec.clusterIP`}},
		{"one family twice", "an address of each family", svcHead + "  clusterIPs: [10.0.0.1, 10.0.0.2]\n", []string{"in.yaml:6: spec.clusterIPs: 10.0.0.1, 10.0.0.2: allowed is at most one address of each family"}},
		{"None and more", "None stands alone", svcHead + "  clusterIPs: [None, 10.0.0.2]\n", []string{"None stands alone"}},
		{"type", "four types", svcHead + "  type: Headless\n", []string{`in.yaml:6: spec.type: "Headless" is not known: allowed are ClusterIP, NodePort, LoadBalancer and ExternalName`}},
		{"external name", "is required", svcHead + "  type: ExternalName\n", []string{"in.yaml:5: spec.externalName: is missing"}},
		{"bad external name", "RFC 1123 subdomain", svcHead + "  type: ExternalName\n  externalName: a_b.example.org\n", []string{`in.yaml:7: spec.externalName: "a_b.example.org": `}},
		{"external name as written", "with its dot", svcHead + "  type: ExternalName\n  externalName: a_b.example.org.\n", []string{`in.yaml:7: spec.externalName: "a_b.example.org.": `}},
		{"no address type", "what is missing is said to be", sliceHead, []string{"in.yaml:1: addressType: is missing: allowed are IPv4, IPv6 and FQDN"}},
		{"no kind", "what is missing is said to be", "apiVersion: v1\nmetadata: {name: a}\n", []string{"in.yaml:1: not a Kubernetes object: kind is missing"}},
		{"no version", "what is missing is said to be", "kind: Service\nmetadata: {name: a}\n", []string{"in.yaml:1: not a Kubernetes object: apiVersion is missing"}},
		{"template", "what was meant for a program that renders it", "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}-web\n", []string{"in.yaml:", "(line 4 has {{: a template must be rendered first)"}},
		{"tab", "which nobody sees", "apiVersion: v1\nkind: Service\nmetadata:\n\tname: a\n", []string{"in.yaml:4: not YAML: the line is indented with a tab; YAML wants spaces"}},
		{"tab in a list", "where the parser names the line before", svcHead + "  ports:\n  - name: a\n\t port: 80\n", []string{"in.yaml:8: not YAML: the line is indented with a tab; YAML wants spaces"}},
		{"address type", "three types", sliceHead + "addressType: IP\n", []string{`in.yaml:5: addressType: "IP" is not known: allowed are IPv4, IPv6 and FQDN`}},
		{"address", "an IP address", sliceHead + "addressType: IPv4\nendpoints:\n- addresses:\n  - 10.0.0.1\n- addresses:\n  - 10.0.0\n", []string{`in.yaml:10: endpoints[1].addresses[0]: "10.0.0" is not an IP address`}},
		{"family", "addresses are of the addressType", sliceHead + "addressType: IPv4\nendpoints:\n- addresses: ['fd00::1']\n", []string{`in.yaml:7: endpoints[0].addresses[0]: "fd00::1" is not of the slice's addressType: allowed is an IPv4 address`}},
		{"no address", "an endpoint has at least one", sliceHead + "addressType: IPv4\nendpoints:\n- hostname: a\n  addresses: []\n", []string{"in.yaml:8: endpoints[0].addresses: an endpoint needs at least one address"}},
		{"hostname", "DNS-1123 label", sliceHead + "addressType: IPv4\nendpoints:\n- hostname: a.b\n  addresses: [10.0.0.1]\n", []string{`in.yaml:7: endpoints[0].hostname: "a.b": `}},
		{"duplicate key", "which of the two would be meant", svcHead + "  clusterIP: None\n  clusterIP: 10.0.0.1\n", []string{`in.yaml:7: duplicate key "clusterIP" (first in line 6)`}},
		{"duplicate object", "in one file or in several", svcHead + "  clusterIP: None\n---\n" + svcHead, []string{"in.yaml:8: duplicate Service default/web (first at ", "in.yaml:1)"}},
		{"all at once", "each error is told", svcHead + "  clusterIP: x\n---\nfoo: bar\n", []string{"in.yaml:6: ", "in.yaml:8: "}},
		{"alias bomb", "a few lines must not fill the memory", "apiVersion: v1\nkind: Service\nmetadata:\n  annotations:\n" + bomb(9), []string{"aliases expand to more than"}},
		{"alias to itself", "which has no end", "apiVersion: v1\nkind: Service\nspec: &a\n  x: *a\n", []string{"in.yaml:"}},
		{"deep", "nor the stack", "apiVersion: v1\nkind: Service\nspec: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n", []string{"in.yaml:3: nested deeper than"}},
		{"list items", "items is a list", "apiVersion: v1\nkind: List\nitems: 7\n", []string{"in.yaml:3: items: a list of objects is needed"}},
		{"import type", "KEP-1645", "apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata: {name: a}\nspec: {type: X, ips: [y]}\n", []string{`in.yaml:4: spec.type: "X" is not known`, `spec.ips[0]: "y" is not an IP address`}},
		{"no selector", "as the API server refuses it", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template: {}\n", []string{"in.yaml:4: spec.selector: is missing: it must match the labels of spec.template"}},
		{"other labels", "pods that the workload does not select", setHead + "  selector: {matchLabels: {app: a}}\n  template:\n    metadata:\n      labels: {app: b}\n", []string{"in.yaml:8: spec.template.metadata.labels: app=b does not match spec.selector, app=a: a StatefulSet must select the pods that it makes"}},
		{"no labels", "what is missing is said to be", setHead + "  selector: {matchLabels: {app: a}}\n", []string{"spec.template.metadata.labels: none does not match"}},
		{"bad selector", "an operator that is not known", setHead + "  selector:\n    matchExpressions: [{key: a, operator: Is}]\n", []string{`in.yaml:5: spec.selector: "Is" is not a valid label selector operator`}},
		{"replicas", "a number from 0", setHead + "  replicas: -1\n  selector: {matchLabels: {app: a}}\n  template: {metadata: {labels: {app: a}}}\n", []string{"in.yaml:5: spec.replicas: -1: allowed is a number from 0"}},
		{"start", "a number from 0", setHead + "  ordinals:\n    start: -1\n  selector: {matchLabels: {app: a}}\n  template: {metadata: {labels: {app: a}}}\n", []string{"in.yaml:6: spec.ordinals.start: -1: allowed is a number from 0"}},
		{"type of replicas", "the line is the value's", setHead + "  replicas: three\n", []string{"in.yaml:5: spec.replicas: a string where an integer of 32 bits is needed"}},
		{"set's name", "its pods' hostnames begin with it", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a.b}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}\n", []string{`in.yaml:3: metadata.name: "a.b"`}},
		{"indexes", "an Indexed Job needs completions", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {completionMode: Indexed}\n", []string{"in.yaml:4: spec.completions: is missing"}},
		{"hostname of a pod", "DNS-1123 label", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostname: a.b\n  subdomain: C\n", []string{`in.yaml:5: spec.hostname: "a.b"`, `in.yaml:6: spec.subdomain: "C"`}},
		{"container's port", "1 to 65535, of a known protocol and name", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    ports:\n    - containerPort: 0\n    - {containerPort: 1, protocol: X}\n    - {containerPort: 1, name: a_b}\n", []string{"in.yaml:8: spec.containers[0].ports[0].containerPort: 0: allowed is 1 to 65535", `in.yaml:9: spec.containers[0].ports[1].protocol: "X" is not known`, `in.yaml:10: spec.containers[0].ports[2].name: "a_b"`}},
		{"target port", "a number or a name", svcHead + "  ports:\n  - {port: 1, name: a, targetPort: a_b}\n  - {port: 2, name: b, targetPort: 70000}\n", []string{`in.yaml:7: spec.ports[0].targetPort: "a_b"`, "in.yaml:8: spec.ports[1].targetPort: 70000: allowed is 1 to 65535, or the name of a container's port"}},
		{"families", "each of two once", svcHead + "  ipFamilies: [IPv4, IPv4]\n", []string{`in.yaml:6: spec.ipFamilies[1]: "IPv4" is there already`}},
		{"family", "of two", svcHead + "  ipFamilies: [IPv5]\n", []string{`in.yaml:6: spec.ipFamilies[0]: "IPv5" is not known: allowed are IPv4 and IPv6`}},
		{"policy", "of three", svcHead + "  ipFamilyPolicy: Dual\n", []string{`in.yaml:6: spec.ipFamilyPolicy: "Dual" is not known: allowed are SingleStack, PreferDualStack and RequireDualStack`}},
		{"single stack of two", "as the API server refuses it", svcHead + "  ipFamilyPolicy: SingleStack\n  ipFamilies: [IPv4, IPv6]\n", []string{`in.yaml:6: spec.ipFamilyPolicy: "SingleStack", and both families are asked for`}},
		{"node's address", "an IP address", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nstatus:\n  addresses:\n  - {type: Hostname, address: a}\n  - {type: InternalIP, address: b}\n", []string{`in.yaml:7: status.addresses[1].address: "b" is not an IP address`}},
		{"Endpoints", "addresses, hostnames and ports", "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets:\n- addresses:\n  - ip: a\n  notReadyAddresses:\n  - {ip: 10.0.0.1, hostname: a.b}\n  ports: [{port: 0}]\n", []string{`in.yaml:6: subsets[0].addresses[0].ip: "a" is not an IP address`, `in.yaml:8: subsets[0].notReadyAddresses[0].hostname: "a.b"`, "in.yaml:9: subsets[0].ports[0].port: 0: allowed is 1 to 65535"}},
		{"no template", "a controller makes pods of one", "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: a}\nspec: {replicas: 1}\n", []string{"in.yaml:4: spec.template: is missing"}},
		{"old version", "a version that is not served would be dropped unseen", "apiVersion: apps/v1beta2\nkind: Deployment\n", []string{`in.yaml:1: apiVersion "apps/v1beta2" of Deployment is not known: allowed is "apps/v1"`}},
		{"many pods", "a few lines must not fill the memory", setHead + "  replicas: 2000000000\n  selector: {matchLabels: {app: a}}\n  template: {metadata: {labels: {app: a}}}\n", []string{"in.yaml:1: StatefulSet default/web wants 2000000000 pods: 10.244.0.0/16 has addresses for 65024 in all"}},
		{"pod address", "an IP address", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus:\n  podIP: nope\n", []string{`in.yaml:5: status.podIP: "nope" is not an IP address`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.yaml")
			write(t, path, tt.in)
			events, err := newTestManifests(t, ManifestsConfig{Paths: []string{path}, Kinds: allKinds}).Load(t.Context())
			if err == nil || events != nil {
				t.Fatalf("got events %v, error %v; want an error alone; reason: %s", events, err, tt.reason)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q; reason: %s; it is\n%v", want, tt.reason, err)
				}
			}
		})
	}
}

// bomb is a mapping whose aliases double at each of its levels, tenfold.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("    l0: &l0 [x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "    l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestLoadJSONErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.json")
	for _, tt := range []struct{ name, in, want string }{
		{"cut short", "{\n\"apiVersion\": \"v1\",\n", "in.json:2: not JSON: "},
		{"syntax", "{\n\"apiVersion\" \"v1\"}", "in.json:2: not JSON: "},
		{"field", "{\"apiVersion\": \"v1\",\n\"kind\": \"Service\",\n\"metadata\": {\"name\": \"a\"},\n\"spec\": {\"clusterIP\":\n\"x\"}}", "in.json:5: spec.clusterIP: \"x\" is not an IP address"},
		{"deep", strings.Repeat(`{"a":`, 5000), "nested deeper than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, path, tt.in)
			_, err := newTestManifests(t, ManifestsConfig{Paths: []string{path}}).Load(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestLoadPaths(t *testing.T) {
	dir := t.TempDir()
	service := func(name string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: None}\n"
	}
	for _, f := range []string{
		"a.yaml", "b.yml", "c.json", "sub/deep/d.yaml", "e.txt", ".hidden.yaml", ".git/g.yaml", "f.yaml~", "explicit.conf",
	} {
		name := strings.NewReplacer("/", "-", ".", "", "~", "").Replace(f)
		content := service(name)
		if strings.HasSuffix(f, ".json") {
			content = fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":%q},"spec":{"clusterIP":"None"}}`, name)
		}
		write(t, filepath.Join(dir, f), content)
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), "resources: [a.yaml]\n")
	// A ConfigMap mount, a loop, and a link to nowhere.
	symlink(t, "sub", filepath.Join(dir, "again"))
	symlink(t, "..", filepath.Join(dir, "sub", "loop"))
	symlink(t, "nowhere", filepath.Join(dir, "dangling.yaml"))

	m := newTestManifests(t, ManifestsConfig{
		Paths:     []string{dir, "-", filepath.Join(dir, "explicit.conf"), filepath.Join(dir, "a.yaml")},
		Stdin:     strings.NewReader(service("stdin")),
		Namespace: "other",
	})
	for range 2 { // standard input can be read only once, and is kept
		events, err := m.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sink := newMemSink()
		for _, e := range events {
			sink.Apply(e)
		}
		want := "other/ayaml other/byml other/cjson other/explicitconf other/stdin other/sub-deep-dyaml"
		if got := sink.names(zone.Services); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if got := sink.names(zone.Namespaces); got != "other" {
			t.Errorf("namespaces %q, want other: objects imply theirs", got)
		}
		if len(events) != 3 {
			t.Errorf("%d events, want one for each of the 3 kinds watched by default", len(events))
		}
	}

	_, err := newTestManifests(t, ManifestsConfig{Paths: []string{filepath.Join(dir, "gone")}}).Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "gone")) {
		t.Errorf("got error %v, want one that names the path", err)
	}
}

func TestLoadOrder(t *testing.T) {
	docs := []string{
		svcHead + "  clusterIP: None\n",
		sliceHead + "  labels: {kubernetes.io/service-name: web}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {team: a}}\n",
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.2]}]\n",
	}
	var want string
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}} {
		var text []string
		for _, i := range order {
			text = append(text, docs[i])
		}
		m := newTestManifests(t, ManifestsConfig{
			Paths: []string{"-"}, Stdin: strings.NewReader(strings.Join(text, "---\n")), NamespaceLabels: "team=a",
		})
		events, err := m.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := dump(events)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("order %v gives other events: -first +this\n%s", order, cmp.Diff(want, got))
		}
	}
	if !strings.Contains(want, "Name:default") || !strings.Contains(want, "Name:web-") {
		t.Errorf("the Namespace or the nameless slice is not there:\n%s", want)
	}
}

func TestLoadSelectors(t *testing.T) {
	const in = `
apiVersion: v1
kind: Service
metadata: {name: yes, namespace: a, labels: {dns: "on"}}
spec: {clusterIP: None}
---
apiVersion: v1
kind: Service
metadata: {name: no, namespace: b}
spec: {clusterIP: None}
---
apiVersion: v1
kind: Namespace
metadata: {name: c, labels: {team: x}}
`
	for _, tt := range []struct {
		name, reason, labels, nsLabels string
		services, namespaces           string
	}{
		{"none", "everything", "", "", "a/yes b/no", "a b c"},
		{"labels", "of Services, not of Namespaces: one that is filtered still implies its namespace", "dns=on", "", "a/yes", "a b c"},
		{"namespace labels", "of Namespaces alone", "", "team=x", "a/yes b/no", "c"},
		{"implied name", "the API server labels each Namespace with its name", "", "kubernetes.io/metadata.name in (a, c)", "a/yes b/no", "a c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := newMemSink()
			events, err := newTestManifests(t, ManifestsConfig{
				Paths: []string{"-"}, Stdin: strings.NewReader(in), Labels: tt.labels, NamespaceLabels: tt.nsLabels,
			}).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				sink.Apply(e)
			}
			if got := sink.names(zone.Services); got != tt.services {
				t.Errorf("services %q, want %q; reason: %s", got, tt.services, tt.reason)
			}
			if got := sink.names(zone.Namespaces); got != tt.namespaces {
				t.Errorf("namespaces %q, want %q; reason: %s", got, tt.namespaces, tt.reason)
			}
		})
	}
}

func TestManifestsValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config ManifestsConfig
		want   string
	}{
		{"empty path", ManifestsConfig{Paths: []string{""}}, "a path is empty"},
		{"no input", ManifestsConfig{Paths: []string{"-"}}, "there is none"},
		{"input twice", ManifestsConfig{Paths: []string{"-", "-"}, Stdin: strings.NewReader("")}, "only once"},
		{"selector", ManifestsConfig{Paths: []string{"x"}, Labels: "a in"}, `labels "a in"`},
		{"namespace", ManifestsConfig{Paths: []string{"x"}, Namespace: "A"}, `namespace "A"`},
		{"kind", ManifestsConfig{Paths: []string{"x"}, Kinds: []zone.Kind{99}}, "kind 99"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewManifests(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// FuzzLoad: whatever a manifest holds, loading it ends, in objects or in an
// error with its place, and twice in the same.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/*/in.*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("a: &a [*a]\n<<: *a\n")
	f.Add("apiVersion: v1\nkind: Service\n" + bomb(4))
	f.Fuzz(func(t *testing.T, in string) {
		load := func(r io.Reader) (string, error) {
			events, err := newTestManifests(t, ManifestsConfig{Paths: []string{"-"}, Stdin: r, Kinds: allKinds}).Load(t.Context())
			return dump(events), err
		}
		first, err := load(strings.NewReader(in))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "<stdin>:") {
				t.Errorf("the error has no place: %v", err)
			}
			return
		}
		second, err := load(strings.NewReader(in))
		if err != nil || first != second {
			t.Errorf("the second time is another: %v\n%s", err, cmp.Diff(first, second))
		}
	})
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
