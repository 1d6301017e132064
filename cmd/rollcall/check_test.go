package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCheckPrint sees what the flags stand for, and that what is printed means
// itself.
func TestCheckPrint(t *testing.T) {
	file := write(t, "web.yaml", web)
	spaced := write(t, "with space #1.yaml", strings.ReplaceAll(web, "web", "spaced"))
	kubeconfig := write(t, "kube config", "kind: Config\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"+
		"contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n")
	commandLine := func(key, bind, zone string, options ...string) string {
		s := key + " {\n" + bind + "    errors\n    kubernetes " + zone + " in-addr.arpa ip6.arpa {\n        pods insecure\n"
		for _, o := range options {
			s += "        " + o + "\n"
		}
		return s + "    }\n}\n"
	}
	loopback := "    bind 127.0.0.1\n"
	tests := []struct {
		name   string
		args   []string
		want   string
		reason string
	}{
		{"built-in", nil, builtin, "the default is written as it is printed"},
		{"manifests", []string{"-manifests", file}, commandLine(".:5300", loopback, "cluster.local", "manifests "+file), "an address that needs no privilege"},
		{"zone", []string{"-zone", "example.org"}, commandLine(".:53", "", "example.org"), "the cluster that the process is in"},
		{"listen", []string{"-listen", "[::1]:0"}, commandLine(".:0", "    bind ::1\n", "cluster.local"), "an address of one's own"},
		{"all addresses", []string{"-manifests", file, "-listen", ":53"}, commandLine(".:53", "", "cluster.local", "manifests "+file), "no host is all addresses"},
		{
			"all", []string{"-manifests", file, "-manifests", spaced, "-namespace", "prod", "-listen", "127.0.0.1:53", "-zone", "example.org"},
			commandLine(".:53", loopback, "example.org", "manifests "+file, `manifests "`+spaced+`"`, "default_namespace prod"), "quotes where they are needed",
		},
		{"cluster", []string{"-kubeconfig", kubeconfig}, commandLine(".:5300", loopback, "cluster.local", `kubeconfig "`+kubeconfig+`"`), "a cluster from outside"},
		{"Corefile", []string{write(t, "Corefile", "(common) {\nerrors\n}\n{$UNSET}example.org {\nimport common\n}")}, "example.org:53 {\n    errors\n}\n", "all expanded"},
	}
	t.Chdir(t.TempDir()) // without a Corefile
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := rollcall(t, "", append([]string{"check", "-print"}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			again, err := rollcall(t, "", "check", write(t, "Corefile", out), "-print")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(out, again); diff != "" {
				t.Errorf("what was printed is printed as another (-first +second):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	good := write(t, "Corefile", ".:0 {\nkubernetes cluster.local {\nmanifests "+write(t, "web.yaml", web)+"\n}\n}")
	explained := good + ":2:   kubernetes cluster.local: answers for the zones of a cluster, which are followed and never cached\nok\n"
	broken := write(t, "web.yaml", strings.Replace(web, "10.0.0.1", "nonsense", 1))
	tests := []struct {
		name  string
		stdin string
		args  []string
		want  string // printed, or in the error
	}{
		{"an argument", "", []string{"check", good}, explained},
		{"a flag", "", []string{"check", "-conf", good}, explained},
		{"a flag before", "", []string{"-conf", good, "check"}, explained},
		{"built-in", "", []string{"check"}, "built-in Corefile:11:   loadbalance: begins the A and AAAA records of each answer at a random one; CoreDNS shuffles them, and MX records too\nok\n"},
		{"a manifest as argument", "", []string{"check", write(t, "web.yaml", web)}, "ok\n"},
		{"a folder as argument", "", []string{"check", filepath.Dir(write(t, "web.yaml", web)), "-zone", "example.org"}, "ok\n"},
		{"standard input as argument", web, []string{"check", "-"}, "ok\n"},
		{"a broken manifest as argument", "", []string{"check", broken}, broken + ":4: "},
		{"standard input", web, []string{"check", "-manifests", "-"}, "ok\n"},
		{"manifest", "", []string{"check", "-manifests", broken}, broken + ":4: "},
		{"plugin", "", []string{"check", write(t, "Corefile", ".:0 {\nfoo\nbar\n}")}, "Corefile:3: unknown plugin \"bar\" (rollcall serve -plugins lists "},
		{"handler", "", []string{"check", write(t, "Corefile", ".:0 {\nforward . "+good+".missing\n}")}, "Corefile:2: forward: file of upstreams: open "},
		{"handler and manifest", "", []string{"check", write(t, "Corefile", ".:0 {\nkubernetes {\nmanifests "+broken+"\n}\nautopath /nope\n}")}, "Corefile:5: autopath: "},
		{"nothing", "", []string{"check", write(t, "Corefile", "")}, "no server block"},
		{
			"ConfigMap", "", []string{"check", write(t, "Corefile", ".:0 {\nkubernetes {\nendpoint http://127.0.0.1:1\n}\n}"), "-kube-dns-configmap", "kube-dns"},
			"reading configmap kube-system/kube-dns: ",
		},
		{"missing", "", []string{"check", good + ".missing"}, "no such file or directory"},
	}
	t.Chdir(t.TempDir())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := rollcall(t, tt.stdin, tt.args...)
			if strings.HasSuffix(tt.want, "ok\n") {
				if !strings.HasSuffix(out, tt.want) || tt.want == "ok\n" && out != tt.want || err != nil {
					t.Errorf("printed %q, error %v", out, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("printed %q, error %v, want one with %s", out, err, tt.want)
			}
		})
	}
}
