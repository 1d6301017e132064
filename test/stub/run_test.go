package stub

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lookups are programs that print the addresses of nginx.default.svc.cluster.local,
// one or more to a line, each found by the search path of its resolver.
func lookups(t *testing.T) map[string][]string {
	t.Helper()
	java := filepath.Join(shared, "Names.java")
	err := os.WriteFile(java, []byte(`
class Names {
    public static void main(String[] args) throws Exception {
        for (var a : java.net.InetAddress.getAllByName(args[0])) System.out.println(a.getHostAddress());
    }
}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	const print = `(e, all) => { if (e) throw e; console.log(all.map(a => a.address ?? a).join(" ")) }`
	return map[string][]string{
		"getent":         {"sh", "-c", "getent ahosts nginx | cut -d' ' -f1 | sort -u"},
		"dig":            {"dig", "+short", "+search", "nginx"},
		"Python":         {"python3", "-c", `import socket; print(*{a[4][0] for a in socket.getaddrinfo("nginx", 80)})`},
		"Node.js":        {"node", "-e", `require("dns").lookup("nginx", {all: true}, ` + print + `)`},
		"Node.js c-ares": {"node", "-e", `require("dns").resolve4("nginx.default.svc.cluster.local", ` + print + `)`},
		"Java":           {"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "Names.java", "nginx"},
		"Go":             {"env", role + "=1", self, "nginx"},
	}
}

var addresses = []string{"10.244.1.10", "10.244.1.11", "10.244.2.10"}

// TestPrograms has programs ask that know nothing of Rollcall.
func TestPrograms(t *testing.T) {
	for _, u := range users(t) {
		for _, mode := range []string{"mount", "isolate"} {
			for name, command := range lookups(t) {
				t.Run(u.name+"/"+mode+"/"+name, func(t *testing.T) {
					r := u.run(t, "", rollcallRun([]string{"-mode", mode}, command...)...)
					if refused := u.refusal(mode); refused != "" {
						if r.status != 125 || !strings.Contains(r.errors, refused) || r.out != "" {
							t.Errorf("status %d, want 125 and %q: %s%s", r.status, refused, r.out, r.errors)
						}
						return
					}
					found := slices.Sorted(strings.FieldsSeq(r.out))
					if diff := cmp.Diff(addresses, found); diff != "" || r.status != 0 {
						t.Errorf("status %d, addresses (-want +got):\n%s\n%s", r.status, diff, r.errors)
					}
				})
			}
		}
	}
}

// refusal is what rollcall run says where the user may not have a mode.
func (u user) refusal(mode string) string {
	switch {
	case u.name == "root":
		return ""
	case mode == "mount": // on the machine's own network
		return "bind: permission denied (port 53 needs root"
	case !u.namespaces:
		return "on Linux this needs root, or user namespaces"
	}
	return ""
}

// TestModes has systems that allow and forbid what a mode needs.
func TestModes(t *testing.T) {
	ask := []string{"sh", "-c", `dig +short @"${ROLLCALL_DNS%:*}" -p "${ROLLCALL_DNS##*:}" web-0.nginx.default.svc.cluster.local; getent ahostsv4 web-0.nginx >/dev/null && echo found`}
	const (
		up        = "ip link set lo up; ip addr add 198.18.0.1/32 dev lo" // for getent, as a machine that is not alone
		port      = "; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
		forbidden = "; echo 0 >/proc/sys/user/max_user_namespaces"
		both      = "10.244.1.10\nfound\n"
		word      = "the command has no resolv.conf of its own"
	)
	tests := []struct {
		script string
		flags  []string
		want   result // what its errors have
		reason string
	}{
		{up + port, nil, result{0, both, ""}, "port 53 is anybody's: mounted"},
		{up + port, []string{"-mode", "mount"}, result{0, both, ""}, "likewise, as it must be"},
		{up + port, []string{"-listen", "127.0.0.9:53"}, result{0, both, ""}, "an address of one's own"},
		{up, nil, result{2, "10.244.1.10\n", word}, "port 53 is root's: variables, and a word about it"},
		{up, []string{"-mode", "mount"}, result{125, "", "with -isolate it is the command's own"}, "likewise, and variables are not wanted"},
		{up, []string{"-isolate"}, result{0, both, ""}, "a network of its own has a port 53"},
		{up + port, []string{"-listen", "127.0.0.1:0"}, result{2, "10.244.1.10\n", "a resolv.conf names an address and knows no port"}, "the address decides"},
		{up + port + forbidden, nil, result{2, "10.244.1.10\n", word}, "no namespaces: variables"},
		{up + port + forbidden, []string{"-mode", "mount"}, result{125, "", "user.max_user_namespaces"}, "no namespaces, and variables are not wanted"},
		{up + forbidden, []string{"-isolate"}, result{125, "", "user.max_user_namespaces"}, "no namespaces: no network of its own"},
		{up, []string{"-mode", "variables"}, result{2, "10.244.1.10\n", ""}, "variables, as it is meant"},
	}
	if !mayHaveNamespaces(nil) {
		// What the kernel forbids can't be made. What comes of it can be seen.
		r := user{}.run(t, "", rollcallRun(nil, ask...)...)
		if r.status != 2 || r.out != "10.244.1.10\n" || !strings.Contains(r.errors, word) {
			t.Errorf("without user namespaces: status %d, %q, %s", r.status, r.out, r.errors)
		}
		return
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := user{}.run(t, "", confined(tt.script, rollcallRun(tt.flags, ask...))...)
			if r.status != tt.want.status || r.out != tt.want.out || !strings.Contains(r.errors, tt.want.errors) {
				t.Errorf("status %d, %q, %s\nwant %d, %q, %q", r.status, r.out, r.errors, tt.want.status, tt.want.out, tt.want.errors)
			}
			if tt.want.errors == "" && r.errors != "" {
				t.Errorf("a word too much: %s", r.errors)
			}
		})
	}
}

// TestInside is about what a command finds around itself.
func TestInside(t *testing.T) {
	const port = "ip link set lo up; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; "
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	tests := []struct {
		script  string // prepares the system
		flags   []string
		command []string
		want    result
		reason  string
	}{
		{"", []string{"-isolate"}, sh("cat /etc/resolv.conf"), result{0, "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n", ""}, "as in a pod"},
		{"", []string{"-isolate", "-namespace", "shop", "-zone", "example.org."}, sh("head -1 /etc/resolv.conf; getent hosts cache | tr -s ' '"), result{0, "search shop.svc.example.org svc.example.org example.org\nfd00:10:96::a4 cache.shop.svc.example.org\n", ""}, "of a namespace, in a zone of one's own"},
		{port, []string{"-listen", "127.0.0.9:53"}, sh("sed -n 2p /etc/resolv.conf"), result{0, "nameserver 127.0.0.9\n", ""}, "the address listened on"},
		{"export LOCALDOMAIN=example.com RES_OPTIONS=ndots:1", []string{"-isolate"}, sh("getent hosts web-0.nginx | tr -s ' '; env | grep -cE '^(LOCALDOMAIN|RES_OPTIONS)='"), result{1, "10.244.1.10 web-0.nginx.default.svc.cluster.local\n0\n", ""}, "what overrides a resolv.conf is not handed on"},
		{"", []string{"-isolate"}, sh("dig www.example.com | grep -o 'status: [A-Z]*'"), result{0, "status: NXDOMAIN\n", ""}, "other names do not exist"},
		{"", []string{"-isolate"}, sh("dig nginx.default.svc.cluster.local | awk '/IN.A.10.244.1.10/ {print $2}'"), result{0, "0\n", ""}, "nobody keeps what may change"},
		{"", []string{"-isolate"}, sh("ip route show table main; ip -o link show up | wc -l"), result{0, "1\n", ""}, "no way out"},
		{"", []string{"-isolate"}, sh("grep CapEff /proc/self/status; id -u"), result{0, "CapEff:\t0000000000000000\n1000\n", ""}, "no right but the user's, who stays who it is"},
		{"mount -t tmpfs tmpfs /run; mkdir /run/nscd; touch /run/nscd/socket; echo 'hosts: resolve [!UNAVAIL=return] files' >/run/n; mount --bind /run/n /etc/nsswitch.conf", []string{"-isolate"},
			sh("ls -A /var/run/nscd; grep hosts /etc/nsswitch.conf; getent ahostsv4 web-0.nginx | head -1 | cut -d' ' -f1"), result{0, "hosts: files dns\n10.244.1.10\n", ""}, "other services of the C library are passed over"},
		{"mount -t tmpfs tmpfs /run; mkdir /run/r; echo nameserver 192.0.2.1 >/run/r/stub; ln -s r/stub /run/link; mount --bind /run/link /etc/resolv.conf", []string{"-isolate"},
			sh("grep nameserver /etc/resolv.conf"), result{0, "nameserver 127.0.0.1\n", ""}, "a file that is mounted already"},
		{"", []string{"-isolate", "-manifests", "-"}, sh("cat; getent hosts b | tr -s ' '"), result{0, "10.96.0.9 b.default.svc.cluster.local\n", ""}, "manifests from standard input, which has ended then"},
	}
	if !mayHaveNamespaces(nil) {
		t.Fatal("without user namespaces nothing of this can be seen; allow them (sysctl user.max_user_namespaces), or run the tests as root")
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			stdin := "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}\n"
			r := user{}.run(t, stdin, confined(tt.script, rollcallRun(tt.flags, tt.command...))...)
			if slices.Contains(tt.flags, "-") == false && r.status != tt.want.status {
				t.Errorf("status %d, want %d", r.status, tt.want.status)
			}
			if r.out != tt.want.out || r.errors != "" {
				t.Errorf("%q, want %q; %s", r.out, tt.want.out, r.errors)
			}
		})
	}
}

// TestNothingLeft has nothing be changed outside, and no file stay.
func TestNothingLeft(t *testing.T) {
	for _, u := range users(t) {
		if !u.namespaces {
			continue // TestPrograms saw that nothing is run
		}
		t.Run(u.name, func(t *testing.T) {
			before := readAll(t)
			dir := filepath.Join(shared, "temporary-"+u.name)
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			r := u.run(t, "", append([]string{"env", "TMPDIR=" + dir}, rollcallRun([]string{"-isolate"}, "sh", "-c", "ls -A "+dir)...)...)
			if r.status != 0 || r.out != "" {
				t.Errorf("status %d, files while it runs: %q; %s", r.status, r.out, r.errors)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("files left: %v, %v", left, err)
			}
			if diff := cmp.Diff(before, readAll(t)); diff != "" {
				t.Errorf("changed outside (-before +after):\n%s", diff)
			}
		})
	}
}

// readAll reads what a resolver reads.
func readAll(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range []string{"/etc/resolv.conf", "/etc/nsswitch.conf"} {
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all[path] = string(text)
	}
	return all
}
