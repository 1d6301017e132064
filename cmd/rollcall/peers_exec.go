package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rollcall-dns/rollcall/cmd/rollcall/internal/supervise"
)

// runner runs the command of -exec.
type runner struct {
	args    []string
	restart bool      // is what a change does
	signal  os.Signal // is what a change sends; nil for none
	grace   time.Duration

	view       peersView // its environment
	child      *supervise.Process
	changed    bool // since the child's start, or since it was last told
	restarting bool // the child is to end, and another to take its place
	ending     bool // the child was told to end for good
}

func newRunner(f *peersFlags) (runner, error) {
	r := runner{args: f.command, grace: time.Duration(f.grace)}
	switch f.change {
	case "none":
	case "restart":
		r.restart = true
	default:
		name := "SIG" + strings.TrimPrefix(strings.ToUpper(f.change), "SIG")
		if r.signal = signalNamed(name); r.signal == nil {
			return r, fmt.Errorf("-change %q: want none, restart, or a signal such as HUP or USR1", f.change)
		}
	}
	return r, nil
}

// command starts the command, or does with it what a change asks for.
func (r *runner) command(processes *supervise.Processes, s streams) error {
	switch {
	case r.child == nil:
		return r.begin(processes, s)
	case !r.changed || r.ending:
		return nil
	case r.restart:
		r.restarting = true
		return r.child.Stop(r.grace)
	case r.signal != nil:
		r.changed = false
		return r.child.Signal(r.signal)
	}
	return nil
}

// begin starts the command.
func (r *runner) begin(processes *supervise.Processes, s streams) (err error) {
	cmd := exec.Command(r.args[0], r.args[1:]...)
	cmd.Env = append(os.Environ(), r.view.env()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	r.changed, r.restarting = false, false
	if r.child, err = processes.Start(cmd); err != nil {
		return &exitError{supervise.StartStatus(err), fmt.Errorf("-exec: %w", err)}
	}
	return nil
}

// childEnded goes on after the command's end: it was to be restarted, or its end is
// ours.
func (a *agent) childEnded(processes *supervise.Processes) error {
	if a.restarting && !a.ending {
		return a.begin(processes, a.s)
	}
	if status := a.child.Status(); status != 0 {
		return &exitError{status: status}
	}
	return errDone
}

// pass passes a signal on to the command. One to end is for good.
func (r *runner) pass(sig os.Signal) {
	if r.child == nil {
		return // main's context ends, or it means nothing yet
	}
	r.ending = r.ending || isTermination(sig)
	if !fromTerminal(sig) {
		_ = r.child.Signal(sig) // who has ended needs no signal
	}
}

// abandon ends the command, if it runs, as we can't go on.
func (r *runner) abandon() {
	if r.child != nil {
		_ = r.child.Stop(r.grace) // who has ended needs no signal
		<-r.child.Done()
	}
}

// end ends the command if ctx was ended by something else than a signal, which is
// passed on.
func (r *runner) end(ctx context.Context) {
	r.ending = true
	if context.Cause(ctx) == context.Canceled {
		_ = r.child.Stop(r.grace) // who has ended needs no signal
	}
}

// shell returns a shell's command with text on its standard input.
func shell(script string, text []byte, view peersView, s streams) *exec.Cmd {
	path := "bash" // as peer-finder has it
	if _, err := exec.LookPath(path); err != nil {
		path = "sh"
	}
	cmd := exec.Command(path, "-c", script)
	cmd.Env = append(os.Environ(), view.env()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), s.out, s.err
	cmd.WaitDelay = time.Second // for what it leaves running with our output
	return cmd
}
