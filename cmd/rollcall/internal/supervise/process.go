package supervise

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Processes starts programs, and knows how each ended. Use New. It may be used
// concurrently.
type Processes struct {
	reaps bool
	stop  func()

	mu      sync.Mutex
	waiting map[int]chan int // by process id: takes the status if we reap it
}

// New returns Processes, which reap orphans from now on if this process is their
// parent. Close ends that.
func New() *Processes {
	p := &Processes{waiting: make(map[int]chan int), stop: func() {}}
	if adopts() {
		p.reaps = true
		p.stop = p.reapOnSignal()
	}
	return p
}

// Close ends the reaping. What was started goes on running.
func (p *Processes) Close() { p.stop() }

// Start starts a command, which the caller does not wait for: Process does.
func (p *Processes) Start(cmd *exec.Cmd) (*Process, error) {
	p.mu.Lock() // so that nothing is reaped that is not yet known
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	reaped := make(chan int, 1)
	p.waiting[cmd.Process.Pid] = reaped
	q := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(q.done)
		err := cmd.Wait()
		if errors.Is(err, syscall.ECHILD) && p.reaps {
			q.status = <-reaped
		} else {
			q.status = statusOf(cmd.ProcessState)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.waiting[cmd.Process.Pid] == reaped { // the id may be another's by now
			delete(p.waiting, cmd.Process.Pid)
		}
	}()
	return q, nil
}

// Process is a program that was started.
type Process struct {
	cmd    *exec.Cmd
	done   chan struct{}
	status int // read after done
}

// Done is closed when the program has ended. Of no program, it is nil.
func (q *Process) Done() <-chan struct{} {
	if q == nil {
		return nil
	}
	return q.done
}

// Status is what a shell calls the exit status of a program that has ended: the
// program's, or 128+N if signal N ended it.
func (q *Process) Status() int {
	<-q.done
	return q.status
}

// Signal sends a signal to the program. To one that has ended it does nothing.
func (q *Process) Signal(sig os.Signal) error {
	select {
	case <-q.done:
		return nil
	default:
	}
	if err := q.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Stop asks the program to end, has it killed if it has not within grace, and does
// not wait.
func (q *Process) Stop(grace time.Duration) error {
	err := q.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(grace, func() { _ = q.Signal(os.Kill) })
	go func() {
		<-q.done
		kill.Stop()
	}()
	return err
}

// StartStatus returns the exit status that shells have for a program that could not
// be started.
func StartStatus(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return 127
	}
	return 126
}
