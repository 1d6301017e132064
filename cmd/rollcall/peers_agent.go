package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-dns/rollcall/cmd/rollcall/internal/supervise"
	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// agent follows the peers of a Service and acts on them. One goroutine, that of run,
// owns it.
type agent struct {
	flags  *peersFlags
	s      streams
	log    *slog.Logger
	format format

	latest  peers.Set // that is known
	known   bool
	wanted  int   // peers to wait for; -1 while the API has not said
	failure error // of the last look-up, or of the last question to the API
	started bool  // the first set was acted on
	acted   peers.Set
	damper  damper

	processes *supervise.Processes
	script    *supervise.Process // that runs; nil for none
	runner                       // of the command of -exec
}

// errDone ends run without an error.
var errDone = errors.New("done")

func newAgent(f *peersFlags, s streams) (*agent, error) {
	a := &agent{flags: f, s: s, log: newLogger(s.err), wanted: f.wait.n}
	a.damper = damper{settle: time.Duration(f.settle), max: time.Duration(f.settleMax)}
	var err error
	if a.format, err = newFormat(f.output); err != nil {
		return nil, err
	}
	a.runner, err = newRunner(f)
	return a, err
}

func (a *agent) run(ctx context.Context) error {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	failures := make(chan error)
	fail := func(err error) {
		select {
		case failures <- err:
		case <-following.Done():
		}
	}
	if a.flags.kubeconfig != "" && len(a.flags.servers) == 0 {
		addr, err := a.flags.serveCluster(following, a.s)
		switch {
		case ctx.Err() != nil:
			return a.interrupted()
		case err != nil:
			return err
		}
		a.flags.servers = stringList{addr}
	}
	o := a.flags.options()
	o.Failed = fail
	if !a.flags.single() {
		o.Logger = a.log
	}
	sets, err := peers.Watch(following, a.flags.service, o)
	if err != nil {
		return err
	}
	var counts <-chan int
	if a.flags.wait.replicas {
		wanted, err := newReplicas(a.flags)
		if err != nil {
			return err
		}
		a.wanted = -1
		counts = wanted.follow(following, fail)
	}
	updates := make(chan peers.Update)
	go func() {
		for update := range sets {
			select {
			case updates <- update:
			case <-following.Done():
			}
		}
	}()
	a.processes = supervise.New()
	defer a.processes.Close()
	var signals chan os.Signal
	if len(a.flags.command) > 0 {
		signals = make(chan os.Signal, 16)
		signal.Notify(signals, forwarded()...)
		defer signal.Stop(signals)
	}
	var timeout <-chan time.Time
	if a.flags.timeout > 0 {
		timeout = time.After(time.Until(begin.Add(time.Duration(a.flags.timeout))))
	}
	for {
		var err error
		select {
		case update := <-updates:
			err = a.update(update)
		case a.wanted = <-counts:
			err = a.start()
		case a.failure = <-failures:
			err = a.failed()
		case <-a.due():
			err = a.change()
		case <-a.script.Done():
			err = a.scriptEnded()
		case <-a.child.Done():
			err = a.childEnded(a.processes)
		case sig := <-signals:
			a.pass(sig)
		case <-timeout:
			if timeout = nil; !a.started {
				return &exitError{statusTimeout, a.waiting("after " + a.flags.timeout.String())}
			}
		case <-ctx.Done():
			if a.child == nil {
				return a.interrupted()
			}
			// A signal was passed on, and the command's end is ours.
			a.end(ctx)
			ctx = context.WithoutCancel(ctx)
		}
		if errors.Is(err, errDone) {
			return nil
		}
		if err != nil {
			a.abandon()
			return err
		}
	}
}

// update takes a new set.
func (a *agent) update(u peers.Update) error {
	a.latest, a.known = u.Set, true
	if !a.started {
		return a.start()
	}
	if a.flags.watch {
		if err := a.print(newPeersView(u.Set, u.Change), u.Any()); err != nil {
			return err
		}
	}
	switch {
	case !a.differs():
		a.damper.cancel()
	case u.Any():
		a.damper.change(time.Now())
	}
	return nil
}

// failed takes a failed look-up, or question to the API.
func (a *agent) failed() error {
	if a.flags.single() && a.flags.wait == (waitFor{}) && a.flags.timeout == 0 && !a.started {
		return a.failure
	}
	return nil
}

// scripted reports whether there are scripts.
func (a *agent) scripted() bool { return a.flags.onStart != "" || a.flags.onChange != "" }

// alone reports whether scripts must wait because this pod is not among the peers.
func (a *agent) alone() bool { return a.scripted() && a.flags.needSelf && a.latest.Self == "" }

// start acts on the first set if it is what is waited for.
func (a *agent) start() error {
	if a.started || !a.known || a.wanted < 0 || a.latest.Len() < a.wanted || a.alone() {
		return nil
	}
	if a.latest.Len() == 0 && a.wanted == 0 && !a.flags.wait.replicas && a.flags.single() {
		return &exitError{statusNoPeers, fmt.Errorf("there are no peers of %s", a.flags.service)}
	}
	a.started = true
	script := cmp.Or(a.flags.onStart, a.flags.onChange)
	view := newPeersView(a.latest, a.latest.Compare(peers.Set{}))
	if a.flags.watch || a.flags.single() && script == "" {
		if err := a.print(view, true); err != nil {
			return err
		}
	}
	return a.act(script, view)
}

// due tells when to act on what has changed.
func (a *agent) due() <-chan time.Time {
	at, ok := a.damper.due()
	if !ok || a.script != nil || a.restarting || a.ending {
		return nil
	}
	return time.After(time.Until(at))
}

// differs reports whether there is anything to act on. Scripts get names, as those of
// peer-finder do, so that other addresses are nothing to them.
func (a *agent) differs() bool {
	c := a.latest.Compare(a.acted)
	names := len(c.Added)+len(c.Removed) > 0
	return !a.alone() && (names || c.Any() && (a.flags.file != "" || len(a.flags.command) > 0))
}

// change acts on a set that has changed.
func (a *agent) change() error {
	c := a.latest.Compare(a.acted)
	script := a.flags.onChange
	if len(c.Added)+len(c.Removed) == 0 {
		script = ""
	}
	a.changed = true
	return a.act(script, newPeersView(a.latest, c))
}

// act writes the file and runs the script; the command's turn is after it.
func (a *agent) act(script string, view peersView) error {
	a.damper.act(time.Now())
	a.acted, a.view = a.latest, view
	if a.flags.file != "" {
		text, err := a.format.bytes(view)
		if err == nil {
			err = replaceFile(a.flags.file, text)
		}
		switch {
		case err == nil:
		case a.child != nil: // whose life counts
			a.log.Error("the file was not written", "error", err)
		default:
			return fmt.Errorf("-file: %w", err)
		}
	}
	if script == "" {
		return a.acting()
	}
	text, err := a.format.bytes(view)
	if err != nil {
		return err
	}
	a.log.Info("running a script", "script", script, "peers", len(view.Peers),
		"added", strings.Join(view.Added, ","), "removed", strings.Join(view.Removed, ","))
	a.script, err = a.processes.Start(shell(script, text, view, a.s))
	return err
}

// scriptEnded goes on after a script. One that fails ends us, as it ends peer-finder,
// unless there is a command, whose life counts.
func (a *agent) scriptEnded() error {
	status := a.script.Status()
	a.script = nil
	if status != 0 {
		err := fmt.Errorf("the script failed: exit status %d", status)
		if len(a.flags.command) == 0 {
			return err
		}
		a.log.Error(err.Error())
	}
	return a.acting()
}

// acting does what comes after the script.
func (a *agent) acting() error {
	if len(a.flags.command) > 0 {
		return a.command(a.processes, a.s)
	}
	if a.flags.single() || !a.flags.watch && a.flags.onChange == "" {
		return errDone
	}
	return nil
}

// print prints a set. In all formats but JSON, which says so, a set that only became
// stale, or is so no longer, is no news.
func (a *agent) print(view peersView, news bool) error {
	if !news && a.flags.output != "json" {
		return nil
	}
	text, err := a.format.bytes(view)
	if a.flags.watch && a.flags.output == "text" {
		text = append(text, '\n') // between sets
	}
	if err == nil {
		_, err = a.s.out.Write(text)
	}
	return err
}

// interrupted is the end by a signal, where no command is to have it.
func (a *agent) interrupted() error {
	if a.script != nil {
		_ = a.script.Stop(time.Duration(a.flags.grace)) // who has ended needs no signal
		<-a.script.Done()
	}
	switch {
	case !a.started:
		return a.waiting("when it was ended")
	case len(a.flags.command) > 0:
		return errors.New("ended before the command was started")
	}
	return nil
}

// waiting says what was still waited for.
func (a *agent) waiting(when string) error {
	var text string
	switch name := a.flags.service; {
	case !a.known:
		text = "no answer about the peers of " + name
	case a.wanted < 0:
		text = "the API has not said how many peers of " + name + " there are to be"
	case a.latest.Len() < a.wanted:
		text = fmt.Sprintf("%d of %d peers of %s", a.latest.Len(), a.wanted, name)
	default:
		text = fmt.Sprintf("this pod is not among the %d peers of %s (-need-self=false does not wait for it)", a.latest.Len(), name)
	}
	if names := strings.Join(a.latest.Names(), ", "); names != "" {
		text += " (" + names + ")"
	}
	if a.failure != nil {
		return fmt.Errorf("%s %s; last failure: %w", text, when, a.failure)
	}
	return fmt.Errorf("%s %s", text, when)
}

// isTermination reports whether a signal asks to end.
func isTermination(sig os.Signal) bool { return sig == os.Interrupt || sig == syscall.SIGTERM }
