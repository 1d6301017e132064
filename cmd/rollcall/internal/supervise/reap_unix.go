//go:build unix

package supervise

import (
	"os"
	"os/signal"
	"syscall"
)

// reapOnSignal reaps what has ended at each SIGCHLD until it is stopped.
func (p *Processes) reapOnSignal() (stop func()) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	stopped := make(chan struct{})
	go func() {
		for {
			p.reap() // at the start too, of those that were there before
			select {
			case <-children:
			case <-stopped:
				return
			}
		}
	}()
	return func() {
		signal.Stop(children)
		close(stopped)
	}
}

// reap takes the statuses of all children that have ended. One signal may stand for
// many of them.
func (p *Processes) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if reaped, ours := p.waiting[pid]; ours {
			delete(p.waiting, pid)
			reaped <- code(status)
		}
	}
}

func code(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func statusOf(state *os.ProcessState) int {
	if state == nil {
		return 1
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok {
		return code(status)
	}
	return state.ExitCode()
}
