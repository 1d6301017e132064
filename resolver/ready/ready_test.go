package ready_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/ready"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   ready.Config
		err    string
		reason string
	}{
		{text: "ready", want: ready.Config{Address: ":8181"}, reason: "the default address, until ready"},
		{text: "ready 127.0.0.1:0 {\nmonitor continuously\n}", want: ready.Config{Address: "127.0.0.1:0", Continuously: true}, reason: "both given"},
		{text: "ready {\nmonitor until-ready\n}", want: ready.Config{Address: ":8181"}, reason: "the default, said"},
		{text: "ready a b", err: `Corefile:2: ready: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "a" "b"`, reason: "one address"},
		{text: "ready {\nmonitor sometimes\n}", err: `Corefile:3: monitor: wants one of until-ready, continuously, got "sometimes"`, reason: "two modes"},
		{text: "ready {\nmonitors continuously\n}", err: `Corefile:3: unknown option "monitors" of ready (known: monitor)`, reason: "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ready.Parse(dnstest.Directive(t, tt.text))
			if err != nil {
				if diff := cmp.Diff(tt.err, err.Error()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || tt.err != "" {
				t.Errorf("%s, error wanted: %q (-want +got):\n%s", tt.reason, tt.err, diff)
			}
		})
	}
}

// start runs a server until the test's end, and returns it with a function
// that asks it.
func start(t *testing.T, cfg ready.Config) (*ready.Server, func() string) {
	t.Helper()
	cfg.Address = "127.0.0.1:0"
	s, err := ready.New(cfg)
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
	return s, func() string {
		t.Helper()
		resp, err := http.Get("http://" + s.Addr().String() + "/ready")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", string(body))
	}
}

// check returns a check and the switch that it reads.
func check(name string) (ready.Check, *atomic.Bool) {
	on := new(atomic.Bool)
	return ready.Check{Name: name, Ready: on.Load}, on
}

func TestServer(t *testing.T) {
	for _, continuously := range []bool{false, true} {
		t.Run(fmt.Sprint("continuously ", continuously), func(t *testing.T) {
			var log strings.Builder
			b, bOn := check("b")
			a, aOn := check("a")
			a2, a2On := check("a") // of another server block
			s, ask := start(t, ready.Config{
				Checks: []ready.Check{b, a, a2}, Continuously: continuously,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			expect := func(want, reason string) {
				t.Helper()
				if got := ask(); got != want {
					t.Errorf("%s: got %s, want %s", reason, got, want)
				}
			}
			expect("503 a,b", "none is ready; names are sorted and said once")
			aOn.Store(true)
			expect("503 a,b", "one of two with the same name")
			a2On.Store(true)
			expect("503 b", "one is left")
			bOn.Store(true)
			expect("200 OK", "all are ready")
			expect("200 OK", "still")
			aOn.Store(false)
			if continuously {
				expect("503 a", "asked anew")
				aOn.Store(true)
				expect("200 OK", "and again")
			} else {
				expect("200 OK", "once was enough")
			}
			want := 3 // a,b; b; ready
			if continuously {
				want += 2
			}
			if got := strings.Count(log.String(), "\n"); got != want {
				t.Errorf("%d lines logged, want %d, one a change:\n%s", got, want, log.String())
			}
			s.Drain()
			expect("503 shutting down", "sockets are about to close")
		})
	}
}

// TestHold has probes that come before the server is ready for the first time.
func TestHold(t *testing.T) {
	tests := []struct {
		name   string
		hold   time.Duration
		then   func(on *atomic.Bool, s *ready.Server) // happens while the probe is held
		want   string
		held   time.Duration // at least
		reason string
	}{
		{"ready soon", time.Hour, func(on *atomic.Bool, _ *ready.Server) { on.Store(true) }, "200 OK", 50 * time.Millisecond, "the probe need not come again"},
		{"not in time", 200 * time.Millisecond, func(*atomic.Bool, *ready.Server) {}, "503 late", 200 * time.Millisecond, "it is told in time"},
		{"shutting down", time.Hour, func(_ *atomic.Bool, s *ready.Server) { s.Drain() }, "503 shutting down", 50 * time.Millisecond, "it will not be ready any more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			late, on := check("late")
			s, ask := start(t, ready.Config{Checks: []ready.Check{late}, Hold: tt.hold, Continuously: true})
			began := time.Now()
			time.AfterFunc(50*time.Millisecond, func() { tt.then(on, s) })
			if got := ask(); got != tt.want || time.Since(began) < tt.held {
				t.Errorf("%s: got %s after %s, want %s after %s at least", tt.reason, got, time.Since(began), tt.want, tt.held)
			}
			if on.Load() {
				on.Store(false)
				if got := ask(); got != "503 late" { // or it would be held for an hour
					t.Errorf("got %s, want 503 at once: it was ready before", got)
				}
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// TestHoldEnds has a probe held that nobody waits for any more.
func TestHoldEnds(t *testing.T) {
	// held starts a server that is never ready, and returns what ends it, its Run's
	// error, what a client of that context gets, and a channel that says when it is held.
	held := func(t *testing.T, client context.Context) (end context.CancelFunc, ran chan error, got chan string, asked chan struct{}) {
		ran, got, asked = make(chan error, 1), make(chan string, 1), make(chan struct{}, 1)
		s, err := ready.New(ready.Config{Address: "127.0.0.1:0", Hold: time.Hour, Checks: []ready.Check{{Name: "never", Ready: func() bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return false
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(context.Background())
		go func() { ran <- s.Run(ctx) }()
		request, err := http.NewRequestWithContext(client, http.MethodGet, "http://"+s.Addr().String()+"/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			r, err := http.DefaultClient.Do(request)
			if err != nil {
				got <- "an error"
				return
			}
			r.Body.Close()
			got <- r.Status
		}()
		t.Cleanup(http.DefaultClient.CloseIdleConnections)
		return end, ran, got, asked
	}
	t.Run("the server ends", func(t *testing.T) {
		dnstest.NoLeaks(t)
		end, ran, got, asked := held(t, t.Context())
		dnstest.Receive(t, "a check", asked)
		end()
		if err := dnstest.Receive(t, "Run's end", ran); err != nil {
			t.Error(err)
		}
		if status := dnstest.Receive(t, "the answer", got); status != "503 Service Unavailable" {
			t.Errorf("%s, want 503", status)
		}
	})
	t.Run("the client ends", func(t *testing.T) {
		dnstest.NoLeaks(t)
		client, giveUp := context.WithCancel(t.Context())
		end, ran, got, asked := held(t, client)
		dnstest.Receive(t, "a check", asked)
		giveUp()
		dnstest.Receive(t, "the client's error", got)
		dnstest.Receive(t, "a check", asked) // of before: the channel has room for one
		dnstest.Eventually(t, "the end of the request", func() bool {
			select {
			case <-asked:
				return false
			case <-time.After(10 * time.Millisecond): // some times longer than between two looks
				return true
			}
		})
		end()
		if err := dnstest.Receive(t, "Run's end", ran); err != nil {
			t.Error(err)
		}
	})
}

func TestServerWithoutChecks(t *testing.T) {
	if _, ask := start(t, ready.Config{}); ask() != "200 OK" {
		t.Error("with nothing to wait for the server is not ready")
	}
}

func TestNewInUse(t *testing.T) {
	s, _ := start(t, ready.Config{})
	if _, err := ready.New(ready.Config{Address: s.Addr().String()}); err == nil {
		t.Error("an address in use: no error")
	}
}

func Example() {
	synced := new(atomic.Bool)
	s, err := ready.New(ready.Config{
		Address: "127.0.0.1:0",
		Checks:  []ready.Check{{Name: "kubernetes", Ready: synced.Load}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	url := "http://" + s.Addr().String() + "/ready"
	for range 2 {
		resp, err := http.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status, s.NotReady())
		synced.Store(true)
	}
	cancel()
	fmt.Println(<-ran)
	// Output:
	// 503 Service Unavailable [kubernetes]
	// 200 OK []
	// <nil>
}
