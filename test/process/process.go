// Package process runs the programs that the tests need, and makes sure that
// none outlives them: each is the leader of a process group of its own, which is
// ended by id, and the kernel kills it should the test die first.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A Spec says what to run.
type Spec struct {
	Name string // for messages
	Path string // of the program
	Args []string
	Env  []string // added to this process' own environment
	Log  string   // the file that both outputs are appended to
	// Stdout, if set, is a file that standard output goes to instead.
	Stdout string
}

// A Process is a running program, or one that has ended.
type Process struct {
	spec Spec
	pid  int
	done chan struct{} // closed when the program has ended
	err  error         // how it ended; read after done
}

// Start starts the program. The caller ends it with Stop.
func Start(spec Spec) (*Process, error) {
	log, err := openLog(spec.Log)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
	}
	defer log.Close() // the program has its own copy
	out := log
	if spec.Stdout != "" {
		if out, err = openLog(spec.Stdout); err != nil {
			return nil, fmt.Errorf("opening the output of %s: %w", spec.Name, err)
		}
		defer out.Close()
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Stdout, cmd.Stderr = out, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	p := &Process{spec: spec, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The parent whose death the kernel watches for is the thread that
		// forked, so that thread has to live for as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("starting %s: %w", spec.Name, err)
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Restart starts the program again as it was started, once it has ended.
func (p *Process) Restart() (*Process, error) { return Start(p.spec) }

func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// Name is the Spec's.
func (p *Process) Name() string { return p.spec.Name }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the program to end (SIGTERM), kills its process group if it has not
// within grace, and returns how it ended: nil means exit status 0. Stopping a
// program that has ended already says how it did.
func (p *Process) Stop(grace time.Duration) error {
	select {
	case <-p.done:
		return p.ended()
	default:
	}
	if err := syscall.Kill(p.pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending %s: %w", p.spec.Name, err)
	}
	select {
	case <-p.done:
		return p.ended()
	case <-time.After(grace):
	}
	p.Kill()
	return fmt.Errorf("%s was still there %v after SIGTERM", p.spec.Name, grace)
}

// Kill kills the process group and waits until the program is gone.
func (p *Process) Kill() {
	select {
	case <-p.done: // its id may be another's by now
		return
	default:
	}
	// The only error left is that the group has just ended.
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	<-p.done
}

func (p *Process) ended() error {
	if p.err != nil {
		return fmt.Errorf("%s: %w", p.spec.Name, p.err)
	}
	return nil
}

// Stdout is all that the program has written so far to the file of that name in
// its Spec.
func (p *Process) Stdout() (string, error) {
	text, err := os.ReadFile(p.spec.Stdout)
	return string(text), err
}

// Tail is the last lines that the program has printed, for a failure message.
func (p *Process) Tail(lines int) string { return Tail(p.spec.Log, lines) }

// Tail is the last lines of a file, or why it can't be read.
func Tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(bytes.TrimRight(text, "\n")), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
