//go:build linux

package main

import (
	"bytes"
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

	"golang.org/x/sys/unix"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// The environment that makes a process of the test binary the program itself, and,
// with the second, the parent of orphans.
const (
	asProgram   = "ROLLCALL_TEST_PROGRAM"
	asSubreaper = "ROLLCALL_TEST_SUBREAPER"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(asSubreaper) != "" {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			panic(err)
		}
	}
	go endWithTest()
	main()
	os.Exit(0)
}

// endWithTest ends the program when the test binary is no more, however that ended
// (-timeout, Ctrl-C, SIGKILL): it holds the other end of the pipe that is our first extra
// file. Commands that the program runs, and that would run on, watch for its own end.
func endWithTest() {
	const first = 3
	unix.CloseOnExec(first)
	_, _ = os.NewFile(first, "the test").Read(make([]byte, 1)) // nothing is written to it
	os.Exit(1)
}

// program is rollcall as a process of its own.
type program struct {
	*exec.Cmd
	out, log *buffer
	ended    chan struct{}
	err      error // read after ended
}

// startProgram starts rollcall; prepare may change how.
func startProgram(t testing.TB, prepare func(*exec.Cmd), args ...string) (*program, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(self, args...), out: new(buffer), log: new(buffer), ended: make(chan struct{})}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdout, p.Stderr = p.out, p.log
	p.WaitDelay = time.Second
	its, ours, err := os.Pipe() // for endWithTest
	if err != nil {
		t.Fatal(err)
	}
	p.ExtraFiles = []*os.File{its}
	if prepare != nil {
		prepare(p.Cmd)
	}
	err = p.Start()
	its.Close()
	if err != nil {
		ours.Close()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.err = p.Wait()
	}()
	t.Cleanup(func() {
		p.killAll()
		<-p.ended
		ours.Close()
	})
	return p, nil
}

// killAll kills the program and the command that it runs, which would outlive it. Either
// may have ended.
func (p *program) killAll() {
	_ = p.Process.Signal(syscall.SIGSTOP) // so that it starts no other
	select {
	case <-p.ended: // its id may be another's by now
	default:
		for _, c := range children(p.Process.Pid) {
			_ = syscall.Kill(c.pid, syscall.SIGKILL)
		}
		_ = p.Process.Kill()
	}
}

// mustStart is startProgram without a change.
func mustStart(t testing.TB, args ...string) *program {
	t.Helper()
	p, err := startProgram(t, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits until the program's output, and its log, have a text.
func (p *program) eventually(t testing.TB, text string) {
	t.Helper()
	dnstest.Eventually(t, text, func() bool {
		select {
		case <-p.ended:
			if !strings.Contains(p.out.String(), text) {
				t.Fatalf("it ended (%v) without %q; output %q, log:\n%s", p.err, text, p.out.String(), p.log.String())
			}
		default:
		}
		return strings.Contains(p.out.String(), text)
	})
}

// signal sends a signal.
func (p *program) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// status waits for the end, and returns the exit status.
func (p *program) status(t testing.TB) int {
	t.Helper()
	dnstest.Receive(t, "the program's end", p.ended)
	return p.ProcessState.ExitCode()
}

// ownName is what this host is called as a pod.
func ownName(t testing.TB) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	return label
}

// TestPeerFinder has scripts as peer-finder runs them: not before the pod's own name
// is there, with sorted names, one a line, first on-start and then on-change, and
// never twice with the same.
func TestPeerFinder(t *testing.T) {
	self := ownName(t)
	set := func(pods ...string) string {
		for i := range pods {
			pods[i] = full(pods[i])
		}
		return strings.Join(pods, " ")
	}
	g := serveGroup(t, "zz-1")
	runs := filepath.Join(t.TempDir(), "runs")
	script := func(name string) string {
		return fmt.Sprintf(`{ echo -n "%s:"; while read -r peer; do echo -n " $peer"; done; echo; } >>%s`, name, runs)
	}
	t.Setenv("POD_NAMESPACE", "default")
	p := mustStart(t, "peers", "-service", "nginx", "-domain", "cluster.local", "-server", g.addr, "-interval", "20ms",
		"-settle", "20ms", "-settle-max", "40ms", "-on-start", script("start"), "-on-change", script("change"))
	var want string
	expect := func(line string) {
		t.Helper()
		want += line + "\n"
		var got string
		dnstest.Eventually(t, line, func() bool {
			text, err := os.ReadFile(runs)
			got = string(text)
			return err == nil && len(text) >= len(want)
		})
		if got != want {
			t.Fatalf("scripts were run with\n%swant\n%s", got, want)
		}
	}
	// Nothing may happen without the own name: what comes first has it.
	g.set("zz-1", "zz-0")
	g.set("zz-1", self, "zz-0")
	expect("start: " + sortedSet(set(self, "zz-0", "zz-1")))
	g.set("zz-2", self)
	expect("change: " + sortedSet(set(self, "zz-2")))
	g.set("zz-2=198.18.77.77", self+"=198.18.77.78") // other addresses: no change of names
	g.set("zz-3", "zz-2")                            // without the own name
	g.set("zz-3", "zz-2", self)
	expect("change: " + sortedSet(set(self, "zz-2", "zz-3")))
	p.signal(t, syscall.SIGTERM)
	if status := p.status(t); status != 0 {
		t.Errorf("exit status %d at SIGTERM\n%s", status, p.log.String())
	}
}

func sortedSet(names string) string {
	list := strings.Fields(names)
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[j] < list[i] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return strings.Join(list, " ")
}

// TestExecSignals has a command that is told of a change by a signal, gets others
// passed on, and ends as it likes after SIGTERM.
func TestExecSignals(t *testing.T) {
	g := serveGroup(t, "web-0")
	file := filepath.Join(t.TempDir(), "peers")
	const script = `trap 'echo term $((++terms))' TERM
trap 'echo usr1' USR1
trap 'echo hup $(wc -l <"$0")' HUP
echo peers $PEERS_COUNT
until [ -n "$terms" ]; do sleep 0.02; done
sleep 0.2
exit $((40 + terms))`
	p := mustStart(t, g.args("-file", file, "-change", "HUP", "-exec", "bash", "-c", script, file)...)
	p.eventually(t, "peers 1")
	g.set("web-0", "web-1")
	p.eventually(t, "hup 2")
	p.signal(t, syscall.SIGUSR1)
	p.eventually(t, "usr1")
	p.signal(t, syscall.SIGTERM)
	if status := p.status(t); status != 41 {
		t.Errorf("exit status %d, want the command's, 41: after one SIGTERM; it printed %q, log:\n%s", status, p.out.String(), p.log.String())
	}
}

// TestExecFile has a file that can't be written any more. The command that runs goes on,
// and is told of the change, as it has the environment, too.
func TestExecFile(t *testing.T) {
	g := serveGroup(t, "web-0")
	dir := t.TempDir()
	p := mustStart(t, g.args("-file", filepath.Join(dir, "sub", "peers"), "-exec", "true")...)
	if status := p.status(t); status != 1 || !strings.Contains(p.log.String(), "-file: ") {
		t.Errorf("without a folder from the start: status %d, log:\n%s", status, p.log.String())
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `trap 'echo hup' HUP
trap 'exit 43' TERM
echo started
while kill -0 $PPID; do sleep 0.02; done`
	p = mustStart(t, g.args("-file", filepath.Join(dir, "sub", "peers"), "-change", "HUP", "-exec", "bash", "-c", script)...)
	p.eventually(t, "started")
	if err := os.RemoveAll(filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	g.set("web-0", "web-1")
	p.eventually(t, "hup")
	p.signal(t, syscall.SIGTERM)
	if status := p.status(t); status != 43 || !strings.Contains(p.log.String(), "the file was not written") {
		t.Errorf("status %d, want the command's, 43, and a word of the file; log:\n%s", status, p.log.String())
	}
}

// TestExecRestart has a command that is restarted at a change, even if it ignores
// SIGTERM.
func TestExecRestart(t *testing.T) {
	g := serveGroup(t, "web-0")
	p := mustStart(t, g.args("-change", "restart", "-grace", "100ms", "-exec", "sh", "-c", `trap "" TERM; echo peers $PEERS_COUNT.; while kill -0 $PPID; do sleep 0.02; done`)...)
	p.eventually(t, "peers 1.")
	g.set("web-0", "web-1", "web-2")
	p.eventually(t, "peers 3.")
}

// TestReaping has orphans left by a command. As a container's first process, or as a
// child subreaper where the kernel allows no namespace, rollcall reaps them, and
// still knows how its own child ended.
func TestReaping(t *testing.T) {
	g := serveGroup(t, "web-0")
	// The inner shells end at once, and leave a sleep behind each, which ends later.
	const script = `for i in $(seq 20); do sh -c 'sleep 0.05 & exit'; done
echo parent $PPID
trap 'exit 42' TERM
while kill -0 $PPID; do sleep 0.02; done`
	tests := []struct {
		name     string
		prepare  func(*exec.Cmd)
		optional bool // the kernel may refuse
	}{
		{"process 1", func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
			if os.Geteuid() != 0 {
				cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
				cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
			}
		}, true},
		{"subreaper", func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, asSubreaper+"=1") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := startProgram(t, tt.prepare, g.args("-exec", "bash", "-c", script)...)
			if tt.optional && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC)) {
				t.Logf("no PID namespace is to be had here (%v): the subreaper's test stands for it", err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p.eventually(t, "parent ")
			if tt.optional && !strings.Contains(p.out.String(), "parent 1\n") {
				t.Errorf("it is not process 1: %s", p.out.String())
			}
			// The command and the sleep that it waits for are all that stays.
			dnstest.Eventually(t, "orphans are gone", func() bool {
				all := children(p.Process.Pid)
				return len(all) == 1 && !all[0].zombie
			})
			p.signal(t, syscall.SIGTERM)
			if status := p.status(t); status != 42 {
				t.Errorf("exit status %d, want the command's, 42; log:\n%s", status, p.log.String())
			}
		})
	}
}

// child is a child process.
type child struct {
	pid    int
	zombie bool
}

// children returns a process' children.
func children(parent int) (all []child) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // state, parent
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				all = append(all, child{pid, fields[0] == "Z"})
			}
		}
	}
	return all
}
