package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUsageErrors has command lines that are wrong.
func TestUsageErrors(t *testing.T) {
	const clash = "-conf excludes -manifests, -kubeconfig, -context, -listen, -zone, -namespace and -forward: they stand for a Corefile of their own; rollcall check -print with them shows it"
	tests := []struct{ args, want string }{
		{"frobnicate", `unknown command "frobnicate" (known: serve, run, peers, zone, explain, check, version, help); rollcall help says more`},
		{"help frobnicate", `unknown command "frobnicate" (known: serve, run, peers, zone, explain, check, version, help)`},
		{"serve dir", `serve takes no arguments, got "dir"; manifests are named by -manifests, a Corefile by -conf`},
		{"-listen 127.0.0.1:0 dir", `serve takes no arguments, got "dir"; manifests are named by -manifests, a Corefile by -conf`},
		{"-frobnicate", "wrong usage: flag provided but not defined: -frobnicate; rollcall help serve says more"},
		{"zone --frobnicate", "wrong usage: flag provided but not defined: -frobnicate; rollcall help zone says more"},
		{"-listen", "wrong usage: flag needs an argument: -listen; rollcall help serve says more"},
		{"zone -timeout soon", `wrong usage: invalid value "soon" for flag -timeout: want a duration such as 30s; rollcall help zone says more`},
		{"-conf x -listen :0", clash},
		{"check x -zone y", clash},
		{"check x y", `check takes one Corefile, got "y" too`},
		{"check -conf x y", `check takes one Corefile, got "y" too`},
		{"-manifests x -kubeconfig y", "-manifests and -kubeconfig exclude one another: objects come from files or from a cluster"},
		{"-namespace x", "-namespace is for the manifests of -manifests"},
		{"-listen 53", `-listen "53": want host:port, as 127.0.0.1:5300, [::1]:5300 or :53`},
		{"-listen :dns", `-listen ":dns": port "dns": want 0 to 65535`},
		{"-listen :65536", `-listen ":65536": port "65536": want 0 to 65535`},
		{"zone -timeout 5", `wrong usage: invalid value "5" for flag -timeout: want a duration such as 30s; rollcall help zone says more`},
		{"zone -timeout 0s .", "-timeout 0s: want a duration above 0"},
		{"explain web -timeout -1s -manifests .", "-timeout -1s: want a duration above 0"},
		{"check -zone a..b", `-zone "a..b": labels must have 1 to 63 bytes, and the name 255 at most`},
		{"check -zone 10.0.0.0/8", `-zone "10.0.0.0/8": reverse zones are served beside it; want a name such as cluster.local`},
		{"check -kubeconfig nope", "-kubeconfig nope: no such file or directory"},
		{"serve -manifests nope -manifests gone", "-manifests nope: no such file or directory\n-manifests gone: no such file or directory"},
		{"-listen :0 -listen :1", "wrong usage: -listen is given 2 times; rollcall help serve says more"},
		{"zone -timeout 1s -timeout 2s", "wrong usage: -timeout is given 2 times; rollcall help zone says more"},
		{"check -print -print", "wrong usage: -print is given 2 times; rollcall help check says more"},
		{"-listen=", "wrong usage: -listen is empty; rollcall help serve says more"},
		{"-zone=", "wrong usage: -zone is empty; rollcall help serve says more"},
		{"-manifests=", "wrong usage: -manifests is empty; rollcall help serve says more"},
		{"-kubeconfig=", "wrong usage: -kubeconfig is empty: is $KUBECONFIG set?; rollcall help serve says more"},
		{"-kube-dns-configmap=", "wrong usage: -kube-dns-configmap is empty; rollcall help serve says more"},
		{"check -kube-dns-configmap a/b/c", `wrong usage: invalid value "a/b/c" for flag -kube-dns-configmap: want [NAMESPACE/]NAME, such as kube-dns or kube-system/kube-dns; rollcall help check says more`},
		{"-kube-dns-configmap Kube_DNS", `wrong usage: invalid value "Kube_DNS" for flag -kube-dns-configmap: want [NAMESPACE/]NAME, such as kube-dns or kube-system/kube-dns; rollcall help serve says more`},
		{"-kube-dns-configmap a -kube-dns-configmap b", "wrong usage: -kube-dns-configmap is given 2 times; rollcall help serve says more"},
		{"zone -listen :0", "wrong usage: flag provided but not defined: -listen; rollcall help zone says more"},
		{"zone -kube-dns-configmap a", "wrong usage: flag provided but not defined: -kube-dns-configmap; rollcall help zone says more"},
		{"-manifests . -listen 127.0.0.1:0 -kube-dns-configmap kube-dns", "command line: configmap kube-system/kube-dns: no kubernetes directive reads an API server, where it would be"},
		{"check -manifests . -kube-dns-configmap dns/kube-dns", "command line: configmap dns/kube-dns: no kubernetes directive reads an API server, where it would be"},
		{"peers", "name a Service, as in rollcall peers nginx; rollcall help peers says more"},
		{"peers a b", `peers takes one Service, got "b" too`},
		{"peers a -service b", `the Service is given by -service, got "a" too`},
		{"peers a -exec", "-exec: a command must follow"},
		{"peers a -change HUP", "-change is for a command: -exec COMMAND... must follow"},
		{"peers a -change nothing -exec b", `-change "nothing": want none, restart, or a signal such as HUP or USR1`},
		{"peers a -once -watch", "-once excludes -watch and -exec"},
		{"peers a -once -exec b -watch", "-once excludes -watch and -exec"},
		{"peers a -wait all", `wrong usage: invalid value "all" for flag -wait: want a number of peers, or "replicas"; rollcall help peers says more`},
		{"peers a -kubeconfig b", "-kubeconfig b: no such file or directory"},
		{"peers a -kubeconfig b -server 127.0.0.1", "-server and -kubeconfig exclude one another, but for -wait replicas: peers are found by DNS or in a cluster"},
		{"peers a -hosts-file /etc/hosts", "wrong usage: flag provided but not defined: -hosts-file (-o hosts -file FILE writes one); rollcall help peers says more"},
		{"peers a -context b", "-context is one of a -kubeconfig: name that too"},
		{"zone -context b", "-context is one of a -kubeconfig: name that too"},
		{"peers a -settle 1m", "want no negative duration, an -interval, and a -settle-max that is no shorter than -settle"},
		{"peers a -o xml", `-o "xml": want text, json, hosts, env or template=TEMPLATE`},
		{"peers a -o template={{.Nothing}}", `-o: template: -o:1:2: executing "-o" at <.Nothing>: can't evaluate field Nothing in type main.peersView`},
		{"peers a -server dns", `server "dns": want an address or address:port, as 10.96.0.10, 127.0.0.1:5300 or [::1]:53`},
		{"peers a -wait replicas -server 127.0.0.1 -kubeconfig nope", "-kubeconfig nope: no such file or directory"},
		{"peers a..b -server ::1", `name "a..b": want labels of 1 to 63 letters, digits, hyphens and underscores, and 253 bytes at most`},
		{"version x", `version takes no arguments, got "x"`},
		{"run -manifests .", "run needs a command after --, as in: rollcall run -manifests DIR -- make test"},
		{"run -- true", "run needs objects: -manifests or -kubeconfig"},
		{"run -manifests . -mode x -- true", `-mode "x": want auto, mount, isolate or variables`},
		{"run -manifests . -isolate -mode mount -- true", "-isolate and -mode mount exclude one another"},
		{"run -isolate -kubeconfig x -- true", "-isolate has no way to a cluster; rollcall zone -kubeconfig FILE -o manifests writes manifests of one"},
		{"run -manifests . -isolate -listen 127.0.0.1:0 -- true", "-listen 127.0.0.1:0: a resolv.conf names an address and knows no port; want ADDRESS:53, or -mode variables"},
		{"run -manifests . -mode mount -listen :53 -- true", "-listen :53: a resolv.conf names an address and knows no port; want ADDRESS:53, or -mode variables"},
		{"run -manifests . sh -c true", "wrong usage: flag provided but not defined: -c (flags of a command go after --); rollcall help run says more"},
		{"run -conf x -- true", "wrong usage: flag provided but not defined: -conf (flags of a command go after --); rollcall help run says more"},
		{"help serve zone", `help takes one command, got "zone" too`},
	}
	t.Chdir(t.TempDir()) // without a Corefile
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			out, err := rollcall(t, "", strings.Fields(tt.args)...)
			if err == nil {
				t.Fatalf("no error, printed %s", out)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" || out != "" {
				t.Errorf("printed %q (-want +got):\n%s", out, diff)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	commands := []string{"serve", "run", "peers", "zone", "explain", "check", "version", "help"}
	const configMap = "-kube-dns-configmap [NAMESPACE/]NAME"
	zones := []string{"-conf FILE", "-manifests PATH", "-kubeconfig FILE", "-zone NAME", "-namespace NAME"}
	flags := append([]string{"-listen ADDR", "-dns.port N"}, zones...)
	tests := []struct {
		args []string // each gives the same
		want []string // what is in it
	}{
		{[]string{"help", "-h", "--help", "-help"}, append([]string{"Rollcall answers DNS questions"}, prefixed("  rollcall ", commands)...)},
		{[]string{"help serve", "serve -h", "serve --help", "-listen :0 -h"}, append([]string{"rollcall serve [FLAGS]\n", "Answer DNS questions", configMap, "-ready-json FILE"}, flags...)},
		{[]string{"help run", "run -h", "run -isolate --help"}, []string{"rollcall run [FLAGS] -- COMMAND...\n", "-mode MODE", "-isolate", "-manifests PATH", "-listen ADDR", "125 if Rollcall failed"}},
		{[]string{"help zone", "zone -h", "zone dir --help"}, append([]string{"rollcall zone [FLAGS] [PATH...]\n", "-timeout DURATION", "(default 30s)", "-o FORMAT"}, zones...)},
		{[]string{"help explain", "explain -h", "explain web -from default/web-0 --help"}, append([]string{"rollcall explain [FLAGS] NAME [TYPE]\n", "Say why a name does or does not resolve.", "-server ADDR", "-from NAMESPACE/POD", "-o FORMAT", "rollcall explain -kubeconfig FILE -from shop/cart-0 db\n", "exit status is 0 if"}, zones...)},
		{[]string{"help peers", "peers -h", "peers nginx --help"}, []string{"rollcall peers [FLAGS] SERVICE\n", "-wait replicas", "Exit status: 0", "-on-change SCRIPT", "-exec COMMAND..."}},
		{[]string{"help check", "check -h", "-print check -h"}, append([]string{"rollcall check [FLAGS] [COREFILE|PATH...]\n", "-print", configMap}, flags...)},
		{[]string{"help version", "version -h"}, []string{"rollcall version\n", "Print the version."}},
		{[]string{"help help", "help -h"}, []string{"rollcall help [COMMAND]\n"}},
	}
	for _, tt := range tests {
		first := ""
		for _, args := range tt.args {
			t.Run(args, func(t *testing.T) {
				out, err := rollcall(t, "", strings.Fields(args)...)
				if err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(out, "-conf FILE\n"); n > 1 {
					t.Errorf("-conf is there %d times", n)
				}
				for _, want := range tt.want {
					if !strings.Contains(out, want) {
						t.Errorf("no %q in\n%s", want, out)
					}
				}
				if first == "" {
					first = out
				}
				if diff := cmp.Diff(first, out); diff != "" {
					t.Errorf("not what %q gives (-that +this):\n%s", tt.args[0], diff)
				}
			})
		}
	}
}

// prefixed returns texts with a prefix each.
func prefixed(prefix string, texts []string) (out []string) {
	for _, s := range texts {
		out = append(out, prefix+s)
	}
	return out
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "-version", "--version"} {
		out, err := rollcall(t, "", arg)
		if f := strings.Fields(out); err != nil || len(f) != 3 || f[0] != "rollcall" || !strings.HasSuffix(out, "\n") {
			t.Errorf("%s: error %v, printed %q, want rollcall, version and revision", arg, err, out)
		}
	}
}
