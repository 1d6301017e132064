package pprof_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	rollcallpprof "github.com/rollcall-dns/rollcall/resolver/pprof"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   rollcallpprof.Config
		err    string
		reason string
	}{
		{"pprof", rollcallpprof.Config{Address: "localhost:6053"}, "", "CoreDNS's default"},
		{"pprof :6060 {\nblock\n}", rollcallpprof.Config{Address: ":6060", BlockRate: 1}, "", "every blocking event"},
		{"pprof {\nblock 1000\n}", rollcallpprof.Config{Address: "localhost:6053", BlockRate: 1000}, "", "a rate"},
		{"pprof {\nblock 0\n}", rollcallpprof.Config{}, `Corefile:3: block: wants an integer, 1 to 2147483647, got "0"`, "a rate is positive"},
		{"pprof localhost", rollcallpprof.Config{}, `Corefile:2: pprof: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "localhost"`, "no port"},
		{"pprof {\nmutex\n}", rollcallpprof.Config{}, `Corefile:3: unknown option "mutex" of pprof (known: block)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := rollcallpprof.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// start runs a server until the test's end, and returns its URL.
func start(t *testing.T, c rollcallpprof.Config) string {
	t.Helper()
	dnstest.NoLeaks(t)
	c.Address = "127.0.0.1:0"
	s, err := rollcallpprof.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return "http://" + s.Addr().String()
}

// get returns what a URL gives, and its status.
func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestServer(t *testing.T) {
	url := start(t, rollcallpprof.Config{})
	const gzip = "\x1f\x8b"
	tests := []struct {
		path   string
		status int
		part   string
		reason string
	}{
		{"/debug/pprof/", 200, "goroutine?debug=1", "the index"},
		{"/debug/pprof", 200, "goroutine?debug=1", "leads there"},
		{"/debug/pprof/goroutine", 200, gzip, "a profile"},
		{"/debug/pprof/heap?debug=1", 200, "heap profile:", "as text"},
		{"/debug/pprof/cmdline", 200, "pprof.test", "the command"},
		{"/debug/pprof/symbol", 200, "num_symbols", "symbols"},
		{"/debug/pprof/trace?seconds=0.01", 200, "go 1.", "a trace"},
		{"/debug/pprof/none", 404, "Unknown profile", "no such profile"},
		{"/", 404, "not found", "nothing else is published"},
		{"/metrics", 404, "not found", "nothing else is published"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			status, body := get(t, url+tt.path)
			if status != tt.status || !bytes.Contains(body, []byte(tt.part)) {
				t.Errorf("%s: status %d, %.200q", tt.reason, status, body)
			}
		})
	}
}

// TestLong is of a profile that takes longer than the endpoint's bounds on reading
// a request and writing its answer: it must not be cut short, nor refused.
func TestLong(t *testing.T) {
	url := start(t, rollcallpprof.Config{})
	begin := time.Now()
	status, body := get(t, url+"/debug/pprof/trace?seconds=5.5")
	if took := time.Since(begin); status != 200 || !bytes.Contains(body, []byte("go 1.")) || took < 5500*time.Millisecond {
		t.Errorf("status %d after %s, %.200q", status, took, body)
	}
}

func TestBlockRate(t *testing.T) {
	profile := func() string {
		var b bytes.Buffer
		if err := pprof.Lookup("block").WriteTo(&b, 1); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	block := func() {
		c := make(chan struct{})
		go func() { time.Sleep(time.Millisecond); close(c) }()
		<-c
	}
	start(t, rollcallpprof.Config{})
	before := profile()
	block()
	if after := profile(); after != before {
		t.Errorf("without block:\n%s\nbefore:\n%s", after, before)
	}
	start(t, rollcallpprof.Config{BlockRate: 1})
	dnstest.Eventually(t, "a block is in the profile", func() bool { block(); return profile() != before })
	start(t, rollcallpprof.Config{}) // as the next run wants it
}

func TestInUse(t *testing.T) {
	url := start(t, rollcallpprof.Config{})
	_, err := rollcallpprof.New(rollcallpprof.Config{Address: strings.TrimPrefix(url, "http://")})
	if err == nil || !strings.HasPrefix(err.Error(), "pprof: listen tcp ") {
		t.Errorf("an address in use: %v", err)
	}
}
