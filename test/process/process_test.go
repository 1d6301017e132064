package process_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/process"
)

// start runs a shell script that prints "ready" when it is.
func start(t *testing.T, script string) *process.Process {
	t.Helper()
	dir := t.TempDir()
	p, err := process.Start(process.Spec{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script},
		Log: filepath.Join(dir, "log"), Stdout: filepath.Join(dir, "out"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = p.Ready(ctx, func(context.Context) error {
		out, err := p.Stdout()
		if err == nil && !strings.HasSuffix(out, "ready\n") {
			err = errors.New("not ready")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStop(t *testing.T) {
	tests := []struct{ name, script, want, reason string }{
		{"well", `trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done`, "", "exit status 0"},
		{"badly", `trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done`, "exit status 3", "another status"},
		{"by the signal", `echo ready; exec sleep 60`, "signal: terminated", "SIGTERM not handled"},
		{"not at all", `trap '' TERM; echo ready; while :; do sleep 0.01; done`, "after SIGTERM", "killed in the end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := start(t, test.script).Stop(time.Second)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Stop: got error %v, want %q: %s", err, test.want, test.reason)
			}
		})
	}
}

func TestKillEndsTheWholeGroup(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "child")
	p := start(t, `sleep 60 & echo $! >`+file+`; echo ready; wait`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = process.Until(ctx, func(context.Context) error {
		// A child that was killed stays as a zombie until somebody reaps it.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") || syscall.Kill(child, 0) != nil {
			return nil
		}
		return errors.New("the child is still there")
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadyGivesUpWhenTheProgramEnds(t *testing.T) {
	p, err := process.Start(process.Spec{Name: "short", Path: "/bin/sh", Args: []string{"-c", "echo oops; exit 1"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(t.Context(), func(context.Context) error { return errors.New("no") })
	if err == nil || !strings.Contains(err.Error(), "ended early") || !strings.Contains(err.Error(), "oops") {
		t.Errorf("Ready: got error %v, want that it ended early, with its log", err)
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := process.FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %s is there twice", port)
		}
		seen[port] = true
	}
}
