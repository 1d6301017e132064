package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// web is a manifest with one Service.
const web = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"

// write writes a file in a new folder, and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// buffer is output that is written and read by different goroutines.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// rollcall runs a command line that ends by itself.
func rollcall(t testing.TB, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, log buffer
	err = run(ctx, args, streams{in: strings.NewReader(stdin), out: &out, err: &log})
	if ctx.Err() != nil {
		t.Fatalf("%q did not end; its log:\n%s", args, log.String())
	}
	return out.String(), err
}

// serving is a command line that serves until it is stopped.
type serving struct {
	t        testing.TB
	out, log buffer
	stop     context.CancelFunc // as SIGTERM does
	result   chan error
}

// serve runs a command line until the test ends.
func serve(t testing.TB, stdin string, args ...string) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &serving{t: t, stop: stop, result: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.result <- run(ctx, args, streams{in: strings.NewReader(stdin), out: &s.out, err: &s.log})
	}()
	t.Cleanup(func() {
		stop()
		dnstest.Receive(t, "run's end", ended)
	})
	return s
}

// addr waits until the address is printed, and returns it.
func (s *serving) addr() string {
	s.t.Helper()
	var addr string
	dnstest.Eventually(s.t, "the address is printed", func() bool {
		select {
		case err := <-s.result:
			s.t.Fatalf("run ended: %v\n%s", err, s.log.String())
		default:
		}
		line, whole := strings.CutSuffix(s.out.String(), "\n")
		var ok bool
		addr, ok = strings.CutPrefix(strings.TrimSuffix(line, " (udp, tcp)"), "listening on ")
		return whole && ok
	})
	return addr
}
