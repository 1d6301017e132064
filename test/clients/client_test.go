package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/peers"
)

// A client is a resolver, and a program that looks up with it what it is told.
type client struct {
	name    string
	how     string   // for the document: what asks
	kinds   string   // what it can be asked for; see doc.go
	search  bool     // it appends the search path
	libc    bool     // the C library asks for it, so that it does as that does
	options string   // for its resolv.conf, beyond a pod's own
	version []string // the command that prints its version, if only among other words
	command []string // the program
	env     []string // what the program, and the version's, need
}

// The name of the client that is not a program of lookups by line.
const nginx = "nginx"

// clients returns all of them.
func clients() ([]client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the test binary: %w", err)
	}
	loader, err := filepath.Glob("/lib/ld-musl-*.so.1")
	if err != nil || len(loader) != 1 {
		return nil, fmt.Errorf("finding musl's loader: %q, %w", loader, err)
	}
	nginxEnv, err := peers.Environment(prepared.Nginx)
	if err != nil {
		return nil, fmt.Errorf("finding nginx' libraries: %w", err)
	}
	const addresses = "ip ip4 ip6 "
	glibc := filepath.Join(prepared.Built, "glibc")
	glibcVersion := []string{"getent", "--version"}
	java := []string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", prepared.Built}
	dnspython := []string{"PYTHONPATH=" + filepath.Join(prepared.Dnspython, "usr/lib/python3/dist-packages")}
	return []client{
		{name: "getent", how: "glibc, for `getent ahosts`, `ahostsv4`, `ahostsv6` and `hosts`", kinds: addresses + "one ptr", search: true, libc: true,
			version: glibcVersion, command: []string{"sh", "testdata/getent.sh"}},
		{name: "glibc", how: "`getaddrinfo`, `getnameinfo`", kinds: addresses + "ptr", search: true,
			version: glibcVersion, command: []string{glibc}},
		{name: "glibc edns0", how: "the same, with EDNS", kinds: addresses + "ptr", search: true, libc: true, options: "edns0",
			version: glibcVersion, command: []string{glibc}},
		{name: "glibc use-vc", how: "the same, over TCP only", kinds: addresses + "ptr", search: true, libc: true, options: "use-vc",
			version: glibcVersion, command: []string{glibc}},
		{name: "glibc single-request-reopen", how: "the same, A before AAAA, each from its own socket", kinds: addresses + "ptr", search: true, libc: true, options: "single-request-reopen",
			version: glibcVersion, command: []string{glibc}},
		{name: "musl", how: "`getaddrinfo`, `getnameinfo`", kinds: addresses + "ptr", search: true,
			version: loader, command: []string{filepath.Join(prepared.Built, "musl")}},
		{name: "Go", how: "`net.Resolver` with `PreferGo`", kinds: addresses + "srv ptr", search: true,
			version: []string{"echo", runtime.Version()}, command: []string{self}, env: []string{role + "=" + goResolver}},
		{name: "Node.js", how: "`dns.lookup`: libuv, so glibc", kinds: addresses + "ptr", search: true, libc: true,
			version: []string{"node", "--version"}, command: []string{"node", "testdata/lookup.js"}},
		{name: "c-ares", how: "Node.js' `dns.resolve`", kinds: "ip4 ip6 srv ptr",
			version: []string{"node", "-p", "process.versions.ares"}, command: []string{"node", "testdata/lookup.js", "resolve"}},
		{name: "Python", how: "`socket.getaddrinfo`: glibc", kinds: addresses + "ptr", search: true, libc: true,
			version: []string{"python3", "--version"}, command: []string{"python3", "testdata/lookup.py"}},
		{name: "dnspython", how: "`dns.resolver.resolve` with `search=True`", kinds: "ip4 ip6 srv ptr", search: true,
			version: []string{"python3", "-c", "import dns.version; print(dns.version.version)"}, command: []string{"python3", "testdata/lookup.py", "dnspython"}, env: dnspython},
		{name: "Java", how: "`InetAddress`: glibc, and a cache; here `networkaddress.cache.negative.ttl` is 0", kinds: "ip ptr", search: true, libc: true,
			version: []string{"java", "-version"}, command: append(slices.Clone(java), "Lookup")},
		{name: "JNDI", how: "Java's DNS provider for JNDI", kinds: "ip4 ip6 srv ptr",
			version: []string{"java", "-version"}, command: append(slices.Clone(java), "Lookup", "jndi")},
		{name: nginx, how: "`proxy_pass` to a name, with `resolver`", kinds: "one",
			version: []string{nginxProgram(), "-v"}, env: nginxEnv},
	}, nil
}

// all returns the clients for a test.
func all(t *testing.T) []client {
	t.Helper()
	list, err := clients()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// can reports whether the client can be asked for a kind.
func (c client) can(kind string) bool { return slices.Contains(strings.Fields(c.kinds), kind) }

var number = regexp.MustCompile(`\d+(\.\d+)+`)

// number returns the client's version, digits and dots alone.
func (c client) number(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, c.version[0], c.version[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	// Musl's loader says it and exits with a status other than 0.
	out, err := cmd.CombinedOutput()
	found := number.FindString(string(out))
	if found == "" {
		return "", fmt.Errorf("no version of %s in %q: %w", c.name, out, err)
	}
	return found, nil
}

// A pod is what a client is started in: a resolv.conf.
type pod struct {
	servers []string
	options string
}

// start starts the client, which ends with the test.
func (c client) start(t *testing.T, p pod) asker {
	t.Helper()
	if c.name == nginx {
		return startNginx(t, c, p)
	}
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	text := "search default.svc.cluster.local svc.cluster.local cluster.local\n"
	for _, s := range p.servers {
		text += "nameserver " + s + "\n"
	}
	text += strings.TrimRight("options ndots:5 "+c.options+" "+p.options, " ") + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// One that hangs is ended, so that the test can say so.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "unshare",
		append([]string{"--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf}, c.command...)...)
	cmd.Env = append(os.Environ(), c.env...)
	talk := &conversation{cmd: cmd}
	cmd.Stderr = &talk.complaint
	var err error
	if talk.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	talk.out = bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		talk.in.Close() // what every program ends at
		_ = cmd.Wait()
	})
	return talk
}

// An answer is what a client made of a lookup.
type answer struct {
	outcome string
	values  []string // sorted; what was found, or the client's word for why nothing was
}

// The outcomes.
const (
	found  = "found"
	none   = "none"   // there is no such name, or it has no such records
	failed = "failed" // the client does not know
)

func (a answer) String() string { return strings.Join(append([]string{a.outcome}, a.values...), " ") }

// An asker is a client that runs. It is asked for one thing at a time.
type asker interface {
	ask(kind, name string) (answer, error)
}

// A conversation is a client that reads and writes lines.
type conversation struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Scanner
	complaint bytes.Buffer // its standard error; read when it has ended
}

func (c *conversation) ask(kind, name string) (answer, error) {
	_, err := fmt.Fprintln(c.in, kind, name)
	if err != nil || !c.out.Scan() {
		err = errors.Join(err, c.out.Err(), c.cmd.Wait())
		return answer{}, fmt.Errorf("the program ended at %s %s: %w\n%s", kind, name, err, c.complaint.Bytes())
	}
	words := strings.Fields(c.out.Text())
	if len(words) < 2 || words[0] != found && words[0] != none && words[0] != failed {
		return answer{}, fmt.Errorf("not an answer to %s %s: %q", kind, name, c.out.Text())
	}
	for i, w := range words {
		if addr, err := netip.ParseAddr(w); err == nil {
			words[i] = addr.String() // Java writes eight groups
		} else {
			words[i] = strings.TrimSuffix(w, ".") // some say that a name is absolute
		}
	}
	slices.Sort(words[1:])
	return answer{words[0], words[1:]}, nil
}
