package corefiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// A subject is a rollcall that runs a Corefile.
type subject struct {
	t        *testing.T
	trial    trial
	dir      string              // of the Corefile, and what it imports
	conf     string              // path of the Corefile
	lines    []string            // of it and of what it imports, as they were; see normal
	at       string              // the port, in the Corefile, of most questions
	ports    map[string]string   // by port or address in the Corefile
	relays   map[string]*relay   // by upstream in the Corefile
	unbounds map[string]*unbound // likewise
	server   *rollcall.Server
	stopped  bool
}

// start runs a Corefile of testdata.
func start(t *testing.T, c trial) *subject {
	t.Helper()
	s := &subject{
		t: t, trial: c, dir: t.TempDir(), at: cmp.Or(c.at, "53"),
		ports: map[string]string{}, relays: map[string]*relay{}, unbounds: map[string]*unbound{},
	}
	s.conf = filepath.Join(s.dir, "Corefile")
	s.copy("testdata/"+c.name+".corefile", s.conf, 0)
	s.copyFolder("testdata/" + c.name)
	s.copyFiles(c.files)
	s.refuses(t)
	server, err := rollcall.Run(t.Context(), program, s.dir, "-conf", s.conf, "-pidfile", s.dir+"/pid")
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(s.conf)
			t.Logf("the Corefile that ran:\n%s\nits log:\n%s", text, server.Process.Tail(40))
		}
		if !s.stopped {
			server.Process.Kill() // stopping well is what lameduck's exhibit is for
		}
	})
	return s
}

// copyFolder copies what a Corefile imports and reads.
func (s *subject) copyFolder(dir string) {
	s.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case path == dir && errors.Is(err, fs.ErrNotExist):
			return nil // most need nothing
		case err != nil:
			return err
		}
		to := s.dir + strings.TrimPrefix(path, dir)
		switch {
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case filepath.Ext(path) == ".server":
			s.copy(path, to, 0)
		case filepath.Ext(path) == ".override":
			s.copy(path, to, 1)
		default:
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(to, text, 0o644)
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("copying %s: %v", dir, err)
	}
}

// copyFiles copies files to where the Corefile has them.
func (s *subject) copyFiles(files map[string]string) {
	s.t.Helper()
	for to, from := range files {
		text, err := os.ReadFile(filepath.Join(shared.Dir(), from))
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(s.file(to)), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(s.file(to), text, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// copy copies a Corefile, or what one imports, adapted.
func (s *subject) copy(from, to string, depth int) {
	s.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n := normal(line); n != "" && !slices.Contains(s.lines, n) {
			s.lines = append(s.lines, n)
		}
	}
	if err := os.WriteFile(to, []byte(s.adapt(string(text), depth)), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// ask asks by UDP, unless network is tcp, at a port of the Corefile.
func (s *subject) ask(at, question, network string) (*dns.Msg, error) {
	return s.askFrom("", at, question, network)
}

// askFrom is ask from an address of loopback, any if it is empty.
func (s *subject) askFrom(from, at, question, network string) (*dns.Msg, error) {
	client := dns.Client{Net: network, Dialer: &net.Dialer{Timeout: 10 * time.Second}}
	switch ip := net.ParseIP(from); {
	case ip == nil:
	case network == "tcp":
		client.Dialer.LocalAddr = &net.TCPAddr{IP: ip}
	default:
		client.Dialer.LocalAddr = &net.UDPAddr{IP: ip}
	}
	return s.exchange(client, at, query(question))
}

// exchange asks at a port of the Corefile, and waits for ten seconds unless the
// client has a timeout.
func (s *subject) exchange(client dns.Client, at string, m *dns.Msg) (*dns.Msg, error) {
	client.Timeout = cmp.Or(client.Timeout, 10*time.Second)
	reply, _, err := client.Exchange(m, "127.0.0.1:"+s.ports[cmp.Or(at, s.at)])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Question[0].String(), err)
	}
	return reply, nil
}

// query makes a query of "NAME TYPE".
func query(question string) *dns.Msg {
	name, typ, _ := strings.Cut(question, " ")
	return new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[typ])
}

// asked returns how many questions came to an upstream that contain text; to all
// of them if the upstream is empty.
func (s *subject) asked(upstream, text string) (n int) {
	for name, r := range s.relays {
		if upstream == "" || upstream == name {
			n += r.count(text)
		}
	}
	for name, u := range s.unbounds {
		if upstream == "" || upstream == name {
			n += u.count(text)
		}
	}
	return n
}

// mustAsk is ask at the usual port, for what has to be answered.
func (s *subject) mustAsk(t *testing.T, question string) *dns.Msg {
	t.Helper()
	reply, err := s.ask("", question, "udp")
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// get returns what an HTTP endpoint of the Corefile's address says.
func (s *subject) get(address, path string) (status int, body string, err error) {
	response, err := http.Get("http://127.0.0.1:" + s.ports[address] + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// metric returns the sum of a metric's samples that have all the labels.
func (s *subject) metric(t *testing.T, name string, labels ...string) (sum float64, found bool) {
	t.Helper()
	at := slices.IndexFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, "prometheus") })
	if at < 0 {
		t.Fatalf("the Corefile has no prometheus, and %s was wanted", name)
	}
	address := defaultAddress["prometheus"]
	if f := strings.Fields(s.lines[at]); len(f) > 1 {
		address = f[1]
	}
	status, body, err := s.get(address, "/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("metrics: status %d, %v", status, err)
	}
	for line := range strings.Lines(body) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != name && !strings.HasPrefix(f[0], name+"{") {
			continue
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(f[0], l) }) {
			value, err := strconv.ParseFloat(f[len(f)-1], 64)
			if err != nil {
				t.Fatalf("metric %q: %v", line, err)
			}
			sum, found = sum+value, true
		}
	}
	return sum, found
}

// signal sends the program a signal, by the process ID that it wrote.
func (s *subject) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(s.dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// logged waits until the log or the standard output has a line that matches.
func (s *subject) logged(t *testing.T, pattern string) {
	t.Helper()
	eventually(t, soon, func(context.Context) error {
		text := s.output()
		if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
			return fmt.Errorf("no line matches %q in\n%s", pattern, text)
		}
		return nil
	})
}

// output is all that was logged or printed so far.
func (s *subject) output() string {
	out, err := s.server.Process.Stdout()
	if err != nil {
		return err.Error()
	}
	return out + s.server.Process.Tail(100_000)
}

// soon is by when what is waited for is there on a busy machine, too.
const soon = 30 * time.Second

// A span is how long something may take.
type span struct{ least, most time.Duration }

// takes shows how long f takes, which is told how often it has been called before. It
// never takes less than the least; and, as the machine may be busy, not each time but
// at one of several no more than the most.
func takes(t *testing.T, want span, f func(i int)) {
	t.Helper()
	const tries = 5
	var all []time.Duration
	for i := range tries {
		begin := time.Now()
		f(i)
		took := time.Since(begin)
		if all = append(all, took); took < want.least || t.Failed() {
			break
		}
		if took <= want.most {
			return
		}
	}
	t.Errorf("it took %v, want %v to %v", all, want.least, want.most)
}

// eventually waits until check succeeds.
func eventually(t *testing.T, within time.Duration, check func(context.Context) error) {
	t.Helper()
	if err := process.Within(t.Context(), within, check); err != nil {
		t.Error(err)
	}
}

// freePort returns a port that is nobody's.
func freePort(t *testing.T) string {
	t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return ports[0]
}
