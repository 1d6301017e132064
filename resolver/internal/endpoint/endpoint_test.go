package endpoint_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/rollcall-dns/rollcall/resolver/internal/endpoint"
)

// get asks for a path and returns the status code and body.
func get(t *testing.T, url string) (int, string) {
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
	return resp.StatusCode, string(body)
}

func TestRun(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fast", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fast") })
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "slow")
	})
	s, err := endpoint.New(endpoint.Config{Address: "127.0.0.1:0", Handler: mux})
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + s.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	if code, body := get(t, url+"/fast"); code != 200 || body != "fast" {
		t.Errorf("GET /fast: %d %q", code, body)
	}
	if code, _ := get(t, url+"/other"); code != 404 {
		t.Errorf("GET /other: %d", code)
	}
	// A request under way when the context ends is still answered.
	type answer struct {
		body []byte
		err  error
	}
	slow := make(chan answer, 1)
	go func() {
		resp, err := http.Get(url + "/slow")
		if err != nil {
			slow <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		slow <- answer{body, err}
	}()
	<-entered
	cancel()
	for { // the listener closes first
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	if a := <-slow; a.err != nil || string(a.body) != "slow" {
		t.Errorf("GET /slow while shutting down: %q, %v", a.body, a.err)
	}
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestNewInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := endpoint.New(endpoint.Config{Listener: l, Handler: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := endpoint.New(endpoint.Config{Address: l.Addr().String()}); err == nil {
		t.Error("New on an address in use: no error")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run on a closed listener: no error")
	}
}
