package stub

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// modes are all of rollcall run that this user may have.
func modes() [][]string {
	all := [][]string{{"-mode", "variables"}}
	if os.Geteuid() == 0 {
		all = append(all, []string{"-mode", "mount"})
	}
	if mayHaveNamespaces(nil) || os.Geteuid() == 0 {
		all = append(all, []string{"-isolate"})
	}
	return all
}

func TestStatus(t *testing.T) {
	notExecutable := filepath.Join(shared, "text")
	if err := os.WriteFile(notExecutable, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(shared, "garbage")
	if err := os.WriteFile(garbage, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		command []string
		want    int
		errors  string
		reason  string
	}{
		{[]string{"true"}, 0, "", "success"},
		{[]string{"sh", "-c", "exit 7"}, 7, "", "the command's own"},
		{[]string{"sh", "-c", "kill -KILL $$"}, 128 + 9, "", "as shells say that a signal ended it"},
		{[]string{"there-is-none"}, 127, `rollcall: exec: "there-is-none": executable file not found in $PATH`, "as shells have it"},
		{[]string{"./there-is-none"}, 127, "no such file or directory", "likewise, with a path"},
		{[]string{notExecutable}, 126, "permission denied", "as shells have it"},
		{[]string{garbage}, 126, "exec format error", "likewise"},
	}
	for _, mode := range modes() {
		for _, tt := range tests {
			t.Run(strings.Join(mode, " ")+"/"+tt.reason, func(t *testing.T) {
				r := user{}.run(t, "", rollcallRun(mode, tt.command...)...)
				if r.status != tt.want || !strings.Contains(r.errors, tt.errors) || tt.errors == "" && r.errors != "" {
					t.Errorf("status %d, want %d; errors %q, want %q", r.status, tt.want, r.errors, tt.errors)
				}
			})
		}
	}
	t.Run("Rollcall's own", func(t *testing.T) {
		r := user{}.run(t, "", program, "run", "-manifests", filepath.Join(shared, "none"), "--", "true")
		if r.status != 125 || !strings.Contains(r.errors, "no such file or directory") {
			t.Errorf("without manifests: status %d, want 125; %s", r.status, r.errors)
		}
	})
}

// running is a rollcall run whose command says what happens to it, a line each.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// start starts rollcall run, with a session of its own: without a terminal.
func start(t *testing.T, mode []string, script string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("it did not end"))
	cmd := user{}.command(ctx, rollcallRun(mode, "sh", "-c", script)...)
	cmd.SysProcAttr.Setsid = true
	// The command would live on without what it was run by.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return &running{t, cmd, bufio.NewScanner(out)}
}

// line returns the next line.
func (r *running) line() string {
	r.t.Helper()
	if !r.lines.Scan() {
		r.t.Fatalf("it ended: %v", r.lines.Err())
	}
	return r.lines.Text()
}

// end returns the exit status.
func (r *running) end() int {
	for r.lines.Scan() {
		r.t.Errorf("more: %s", r.lines.Text())
	}
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

// TestSignals sends signals to rollcall, and sees each reach the command, once.
func TestSignals(t *testing.T) {
	const script = `for s in INT TERM HUP QUIT USR1 USR2; do trap "echo got $s" $s; done
		echo ready; while :; do sleep 0.05; done`
	for _, mode := range modes() {
		t.Run(strings.Join(mode, " "), func(t *testing.T) {
			r := start(t, mode, script)
			if got := r.line(); got != "ready" {
				t.Fatalf("%q", got)
			}
			for _, s := range []struct {
				name   string
				signal syscall.Signal
			}{
				{"HUP", syscall.SIGHUP}, {"USR1", syscall.SIGUSR1}, {"USR2", syscall.SIGUSR2}, {"QUIT", syscall.SIGQUIT},
				{"INT", syscall.SIGINT}, {"INT", syscall.SIGINT}, {"TERM", syscall.SIGTERM}, {"TERM", syscall.SIGTERM},
			} {
				if err := r.cmd.Process.Signal(s.signal); err != nil {
					t.Fatal(err)
				}
				if got := r.line(); got != "got "+s.name {
					t.Errorf("%q, want got %s", got, s.name)
				}
			}
		})
		t.Run(strings.Join(mode, " ")+" to its end", func(t *testing.T) {
			r := start(t, mode, "echo ready; exec sleep 60")
			r.line()
			if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if got := r.end(); got != 128+15 {
				t.Errorf("status %d, want %d", got, 128+15)
			}
		})
	}
}

// TestTerminal has ^C typed, which the terminal sends to all: the command gets it
// once, and Rollcall ends with it and not before.
func TestTerminal(t *testing.T) {
	const python = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen:
    seen += os.read(terminal, 1000)
os.write(terminal, b"\x03")
while True:
    try:
        data = os.read(terminal, 1000)
    except OSError:
        break
    if not data:
        break
    seen += data
print(seen.count(b"interrupted"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`
	const script = `trap "echo interrupted; n=1" INT; n=; echo ready; while [ -z "$n" ]; do sleep 0.05; done; sleep 0.5; exit 5`
	for _, mode := range modes() {
		r := user{}.run(t, "", append([]string{"python3", "-c", python}, rollcallRun(mode, "sh", "-c", script)...)...)
		if r.out != "1 5\n" {
			t.Errorf("%v: interrupts and exit status %q, want 1 5; %s", mode, r.out, r.errors)
		}
	}
}

// TestOthersLive has a command leave a process behind, which is not Rollcall's to end.
func TestOthersLive(t *testing.T) {
	for _, mode := range modes() {
		r := user{}.run(t, "", rollcallRun(mode, "sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!")...)
		pid, err := strconv.Atoi(strings.TrimSpace(r.out))
		if err != nil {
			t.Fatalf("%v: no process ID in %q; %s", mode, r.out, r.errors)
		}
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || string(name) != "sleep\n" {
			t.Errorf("%v: process %d is %q, %v; want sleep", mode, pid, name, err)
		} else if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}
