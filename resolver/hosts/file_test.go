package hosts_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
)

// lines is what was logged, line by line.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), part)
}

// following returns a handler that looks at a file every millisecond, and its log.
func following(t *testing.T, path string, m *hosts.Metrics) (*hosts.Handler, *lines) {
	t.Helper()
	log := new(lines)
	c := hosts.Default()
	c.File, c.Zones, c.Reload, c.Metrics = path, []string{"."}, time.Millisecond, m
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	return serve(t, c), log
}

// address returns the first address of a name, or what there is in its place.
func address(t *testing.T, h *hosts.Handler, name string) string {
	t.Helper()
	r := dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA))
	if len(r.Answer) == 0 {
		return dns.RcodeToString[r.Rcode]
	}
	return r.Answer[0].(*dns.A).A.String()
}

// becomes waits for a name's address.
func becomes(t *testing.T, h *hosts.Handler, name, want string) {
	t.Helper()
	dnstest.Eventually(t, name+" is "+want, func() bool { return address(t, h, name) == want })
}

func TestFollow(t *testing.T) {
	dnstest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "hosts")
	h, log := following(t, path, nil)
	if got := log.count("the file can't be read, and none of its names is known\" err=\"stat " + path + ": no such file"); got != 1 {
		t.Errorf("a file that is not there was logged %d times", got)
	}
	steps := []struct {
		reason string
		change func()
		want   string // of web
		logged string
	}{
		{"it appears", func() { write(t, path, "10.0.0.1 web") }, "10.0.0.1", ""},
		{"it is replaced by one of the same size", func() { write(t, path, "10.0.0.2 web") }, "10.0.0.2", ""},
		{"it is written to", func() {
			if err := os.WriteFile(path, []byte("10.0.0.33 web"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "10.0.0.33", ""},
		{"a line says nothing, the others count", func() { write(t, path, "\n10.0.0.400 x\n10.0.0.4 web") }, "10.0.0.4", path + `:2: \"10.0.0.400\": not an IP address`},
		{"it is no text any more", func() { write(t, path, "10.0.0.5 web\n\x00\n") }, "10.0.0.4", "the file is broken, and what was read before counts\" err=\"" + path + ":2: a zero octet: not a text"},
		{"it is removed", func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "10.0.0.4", "the file can't be read, and what was read before counts\" err=\"stat " + path + ": no such file"},
		{"it is a folder", func() {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "10.0.0.4", "open " + path + ": not a regular file"},
		{"it is back", func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, "10.0.0.6 web")
		}, "10.0.0.6", ""},
		{"it is empty", func() { write(t, path, "") }, "SERVFAIL", ""},
	}
	for _, s := range steps {
		before := log.count(s.logged)
		s.change()
		if s.logged != "" {
			dnstest.Eventually(t, s.reason+": logged", func() bool { return log.count(s.logged) > before })
		}
		becomes(t, h, "web", s.want)
		if n := log.count(s.logged); s.logged != "" && n != before+1 {
			t.Errorf("%s: logged %d times", s.reason, n-before)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, strings.Repeat("nonsense\n", 1000)+"10.0.0.1 web")
	h, log := following(t, path, nil)
	becomes(t, h, "web", "10.0.0.1")
	if n := log.count("a line is left out"); n != 10 || log.count("lines=990") != 1 {
		t.Errorf("%d lines were logged, not 10 and the number of the others", n)
	}
}

// TestReplacedWhileAsked looks for races and for answers of half a table.
func TestReplacedWhileAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, "10.0.0.1 web")
	h, _ := following(t, path, nil)
	var done sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		done.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := dnstest.Serve(t, h, dnstest.Question("web", dns.TypeA))
				if len(r.Answer) != 1 {
					t.Errorf("no answer between two files:\n%v", r)
					return
				}
			}
		})
	}
	for _, addr := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"} {
		write(t, path, addr+" web")
		becomes(t, h, "web", addr)
	}
	close(stop)
	done.Wait()
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := hosts.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, "10.0.0.1 web www\nfd00::1 web")
	changed := time.Unix(1_700_000_000, 500_000_000)
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
	following(t, path, m)
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			name := f.GetName()
			for _, l := range s.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = s.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"coredns_hosts_entries hostsfile=" + path: 6, // three addresses, and a name for each
		"coredns_hosts_reload_timestamp_seconds":  1_700_000_000.5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
