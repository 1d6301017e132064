package health_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/health"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   health.Config
		err    string
		reason string
	}{
		{text: "health", want: health.Config{Address: ":8080"}, reason: "the default address, and no lameduck"},
		{text: "health 127.0.0.1:0 {\nlameduck 5s\n}", want: health.Config{Address: "127.0.0.1:0", Lameduck: 5 * time.Second}, reason: "both given"},
		{text: "health localhost", err: `Corefile:2: health: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "localhost"`, reason: "no port"},
		{text: "health {\nlameduck\n}", err: `Corefile:3: lameduck: wants a duration such as 5s, 1m30s or 0s, got none`, reason: "a duration is needed"},
		{text: "health {\nduck 5s\n}", err: `Corefile:3: unknown option "duck" of health (known: lameduck)`, reason: "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := health.Parse(dnstest.Directive(t, tt.text))
			if err != nil {
				if diff := cmp.Diff(tt.err, err.Error()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreTypes((func() time.Time)(nil))); diff != "" || tt.err != "" {
				t.Errorf("%s, error wanted: %q (-want +got):\n%s", tt.reason, tt.err, diff)
			}
		})
	}
}

// start runs a server until the test's end, and returns its URL.
func start(t *testing.T, cfg health.Config) string {
	t.Helper()
	s, err := health.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return "http://" + s.Addr().String()
}

// ask returns the status code and body that a method and URL give.
func ask(t *testing.T, method, url string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body)))
}

func TestServer(t *testing.T) {
	url := start(t, health.Config{Address: "127.0.0.1:0"})
	tests := []struct{ method, path, want, reason string }{
		{"GET", "/health", "200 OK", "the process lives"},
		{"HEAD", "/health", "200 ", "some probes send HEAD"},
		{"POST", "/health", "405 Method Not Allowed", "nothing is changed here"},
		{"GET", "/", "404 404 page not found", "there is one path"},
		{"GET", "/healthz", "404 404 page not found", "there is one path"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			if got := ask(t, tt.method, url+tt.path); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

// gather returns the number of self-checks and of failed ones.
func gather(t *testing.T, reg *prometheus.Registry) (checks uint64, failures float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range families {
		switch f.GetName() {
		case "coredns_health_request_duration_seconds":
			checks = f.GetMetric()[0].GetHistogram().GetSampleCount()
			found++
		case "coredns_health_request_failures_total":
			failures = f.GetMetric()[0].GetCounter().GetValue()
			found++
		}
	}
	if found != 2 {
		t.Fatalf("%d of the 2 metrics are exported", found)
	}
	return checks, failures
}

// checked returns a clock for a Config, and a function that waits until a
// self-check reads it.
func checked(t *testing.T) (now func() time.Time, wait func()) {
	t.Helper()
	read := make(chan struct{})
	now = func() time.Time {
		select {
		case read <- struct{}{}:
		default: // nobody waits
		}
		return time.Now()
	}
	return now, func() {
		t.Helper()
		select {
		case <-read:
		case <-time.After(30 * time.Second):
			t.Fatal("no self-check in 30 s")
		}
	}
}

func TestSelfCheck(t *testing.T) {
	tests := []struct {
		name   string
		listen func(*testing.T) net.Listener
	}{
		{"loopback", loopback},
		{"any address", anyAddress}, // as ":8080" is
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			now, wait := checked(t)
			start(t, health.Config{Listener: tt.listen(t), Registerer: reg, Interval: time.Millisecond, Now: now})
			for checks, failures := uint64(0), 0.0; checks < 3; checks, failures = gather(t, reg) {
				if failures > 0 {
					t.Fatalf("%v of %d self-checks failed", failures, checks)
				}
				wait()
			}
		})
	}
}

// loopback returns a listener.
func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// anyAddress returns a listener that says that it listens on all addresses,
// though it is open on loopback alone.
func anyAddress(t *testing.T) net.Listener {
	t.Helper()
	l := loopback(t)
	port := l.Addr().(*net.TCPAddr).Port
	return elsewhere{l, &net.TCPAddr{IP: net.IPv6unspecified, Port: port}}
}

// elsewhere is a listener that says that it listens on another address.
type elsewhere struct {
	net.Listener
	addr net.Addr
}

func (l elsewhere) Addr() net.Addr { return l.addr }

func TestSelfCheckFails(t *testing.T) {
	closed := loopback(t)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	now, wait := checked(t)
	start(t, health.Config{
		Listener: elsewhere{loopback(t), closed.Addr()}, Registerer: reg, Interval: time.Millisecond, Now: now,
	})
	for failures := 0.0; failures < 2; _, failures = gather(t, reg) {
		wait()
	}
}

func TestNewTwice(t *testing.T) {
	reg := prometheus.NewRegistry()
	now, wait := checked(t)
	start(t, health.Config{Address: "127.0.0.1:0", Registerer: reg, Interval: time.Hour})
	url := start(t, health.Config{Address: "127.0.0.1:0", Registerer: reg, Interval: time.Millisecond, Now: now})
	for checks := uint64(0); checks == 0; checks, _ = gather(t, reg) {
		wait() // until the second one's checks show in the metric that both share
	}
	if _, err := health.New(health.Config{Address: strings.TrimPrefix(url, "http://")}); err == nil {
		t.Error("an address in use: no error")
	}
}

func Example() {
	s, err := health.New(health.Config{Address: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	resp, err := http.Get("http://" + s.Addr().String() + "/health")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	cancel() // after lameduck
	fmt.Println(<-ran)
	// Output:
	// 200 OK
	// <nil>
}
