package clients

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
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
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding the test binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), role+"="+inside, preparedVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:    syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		// Who is not root may make these namespaces within one of their own, if
		// the kernel allows that.
		cmd.SysProcAttr.Unshareflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	// The kernel watches for the death of the thread that forks.
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("making a network and a mount namespace, for which one must be root or have unprivileged user namespaces: %w", err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil // it has said why
	}
	return 0, err
}

// runInside prepares the namespaces, runs the tests, and returns their exit status.
func runInside(m *testing.M) (int, error) {
	if err := json.Unmarshal([]byte(os.Getenv(preparedVariable)), &prepared); err != nil {
		return 0, fmt.Errorf("reading what is prepared: %w", err)
	}
	if err := enterWorld(); err != nil {
		return 0, err
	}
	started, err := startWorld(context.Background())
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
