package clients

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rollcall-dns/rollcall/test/isolate"
)

var update = flag.Bool("update", false, "write the tables of docs/clients.md")

// What a process of the test binary is there for, from its environment; nothing
// is there in the one that go test starts.
const (
	role       = "ROLLCALL_TEST_ROLE"
	inside     = "inside" // runs the tests, in the namespaces
	goResolver = "go"     // looks names up with Go's resolver
)

// The variable that tells the inside what is prepared, as JSON.
const preparedVariable = "ROLLCALL_TEST_PREPARED"

// TestMain prepares the programs, which may have to be fetched, and runs the test
// binary once more, in namespaces from which nothing outside can be reached.
func TestMain(m *testing.M) {
	run := runOutside
	switch os.Getenv(role) {
	case inside:
		run = func() (int, error) { return runInside(m) }
	case goResolver:
		run = lookUpWithGo
	}
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		status = 1
	}
	os.Exit(status)
}

// runOutside returns the exit status of the inside.
func runOutside() (int, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "clients-")
	if err != nil {
		return 0, fmt.Errorf("creating a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	p, err := prepare(ctx, dir)
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("encoding what is prepared: %w", err)
	}
	return isolate.Run(ctx, role+"="+inside, preparedVariable+"="+string(text))
}

// runInside prepares the namespaces, runs the tests, and returns their exit status.
func runInside(m *testing.M) (int, error) {
	if err := json.Unmarshal([]byte(os.Getenv(preparedVariable)), &prepared); err != nil {
		return 0, fmt.Errorf("reading what is prepared: %w", err)
	}
	ctx := context.Background()
	if err := enterWorld(ctx); err != nil {
		return 0, err
	}
	started, err := startWorld(ctx)
	defer func() {
		for _, p := range started {
			p.Kill() // how servers end is others' to test
		}
	}()
	if err != nil {
		return 0, err
	}
	return m.Run(), nil
}
