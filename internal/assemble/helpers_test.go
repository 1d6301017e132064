package assemble_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// load makes a plan of a Corefile.
func load(t testing.TB, text string) (*assemble.Plan, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return assemble.Load(f)
}

// tryLoad makes a plan of a Corefile that may not be one.
func tryLoad(text string) (*assemble.Plan, error) {
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return assemble.Load(f)
}

// manifest writes a manifest with one Service, named with its ClusterIP as
// name=10.0.0.1, for each argument, and returns its folder.
func manifest(t testing.TB, services ...string) string {
	t.Helper()
	var b strings.Builder
	for _, s := range services {
		name, ip, _ := strings.Cut(s, "=")
		b.WriteString("---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + ip + ", ports: [{port: 80}]}\n")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "services.yaml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// process is a plan being run.
type process struct {
	t        testing.TB
	opened   chan netip.AddrPort
	stop     context.CancelFunc // as SIGTERM does
	result   chan error
	registry *promclient.Registry
	began    time.Time
	hangup   chan os.Signal // asks for a reload

	mu  sync.Mutex
	buf bytes.Buffer // the log; guarded by mu
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

// log returns what was logged so far.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

// start runs a Corefile until the test ends. It does not wait.
func start(t testing.TB, text string) *process {
	t.Helper()
	return startChanging(t, func() string { return text })
}

// startChanging runs the Corefile that text returns, which is asked again for
// each reload.
func startChanging(t testing.TB, text func() string) *process {
	t.Helper()
	return startProcess(t, text, assemble.Process{})
}

// startProcess is startChanging in a process that has more than that takes.
func startProcess(t testing.TB, text func() string, in assemble.Process) *process {
	t.Helper()
	plan, err := load(t, text())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &process{
		t: t, opened: make(chan netip.AddrPort, 8), stop: stop, result: make(chan error, 1),
		registry: promclient.NewRegistry(), began: time.Now(), hangup: make(chan os.Signal),
	}
	in.Stdout, in.Logger, in.Registry = p, slog.New(slog.NewTextHandler(p, nil)), p.registry
	in.Version, in.Revision = "1.2.3", "abc"
	in.Listening = func(a netip.AddrPort, _ string) { p.opened <- a }
	in.Reload, in.Load = p.hangup, func() (*assemble.Plan, error) { return tryLoad(text()) }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.result <- plan.Run(ctx, in)
	}()
	t.Cleanup(func() {
		stop()
		dnstest.Receive(t, "Run's end", ended)
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("the log:\n%s", p.log())
		}
	})
	return p
}

// addr waits for the next DNS address to be open.
func (p *process) addr() string {
	p.t.Helper()
	select {
	case err := <-p.result:
		p.t.Fatalf("Run ended: %v", err)
		return ""
	case a := <-p.opened:
		return a.String()
	case <-time.After(30 * time.Second):
		p.t.Fatal("no DNS address was opened")
		return ""
	}
}

// end stops the process and returns Run's error.
func (p *process) end() error {
	p.t.Helper()
	p.stop()
	return dnstest.Receive(p.t, "Run's end", p.result)
}

// endpoint waits for an HTTP endpoint, "health", "ready" or "metrics", and
// returns its URL without a path.
func (p *process) endpoint(name string) string {
	p.t.Helper()
	pattern := regexp.MustCompile(`msg="` + name + ` endpoint" address=(\S+)`)
	var found []string
	dnstest.Eventually(p.t, name+" endpoint", func() bool {
		found = pattern.FindStringSubmatch(p.log())
		return found != nil
	})
	return "http://" + found[1]
}

// get returns the status of a URL, and its body.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// lookup asks by UDP for a name's IPv4 addresses. It returns the first address,
// or the rcode where there is none.
func lookup(t testing.TB, addr, name string) string {
	t.Helper()
	m := dnstest.Ask(t, "udp", addr, dnstest.EDNS(dnstest.Question(name, dns.TypeA), 1232))
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String()
		}
	}
	return dns.RcodeToString[m.Rcode]
}

// move replaces a manifest of one folder by that of another, whole.
func move(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(from, "services.yaml"), filepath.Join(to, "services.yaml")); err != nil {
		t.Fatal(err)
	}
}

// Ports are taken from below the range that the kernel gives to sockets that ask for
// any port (32768 and up, unless somebody changed it): there are many such sockets in
// other tests, and one of them could be given a port before it is listened on.
const (
	lowestPort  = 12000
	highestPort = 32000
)

// freePort returns a port that nobody has on any address, by UDP or TCP.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		free := strconv.Itoa(lowestPort + rand.IntN(highestPort-lowestPort))
		stream, err := net.Listen("tcp", ":"+free)
		if err != nil {
			continue
		}
		packets, err := net.ListenPacket("udp", ":"+free)
		stream.Close()
		if err == nil {
			packets.Close()
			return free
		}
	}
	t.Fatal("no port is free")
	return ""
}

// freeAddr returns an address of loopback with such a port.
func freeAddr(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", freePort(t))
}
