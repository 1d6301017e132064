package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rollcall-dns/rollcall/cmd/rollcall/internal/sandbox"
	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// How the command that rollcall run starts comes to ask the server.
const (
	modeAuto      = "auto"      // mount, or else variables
	modeMount     = "mount"     // by a resolv.conf of its own
	modeIsolate   = "isolate"   // likewise, and in a network of its own
	modeVariables = "variables" // by what the environment says
)

// Exit statuses of rollcall run's own, those of env, timeout and their like.
const (
	statusFailed   = 125 // there is no server, or no command
	statusRefused  = 126 // the command is there, and can't be run
	statusNotFound = 127
	statusSignal   = 128 // and the signal's number: that ended the command
)

// runAbout is what help says of run before its flags.
const runAbout = `
Its resolver is pointed at the server, which answers as the DNS of a cluster with these objects
would, and ends with the command.

  rollcall run -manifests DIR -- make test
  rollcall run -manifests DIR -isolate -- ./app     in a network of its own, too

The exit status is the command's, 128+N if signal N ended it, 126 or 127 if it can't be run or
is not found, and 125 if Rollcall failed.
`

// isolatedName is the name that rollcall run runs itself again by, in a network of
// its own.
const isolatedName = "rollcall-isolated"

// runFlags are those of rollcall run.
type runFlags struct {
	configFlags
	control string
	mode    string
	isolate bool
}

func (f *runFlags) declare(set *flag.FlagSet) {
	f.declareObjects(set)
	f.declareForward(set, assemble.Nowhere)
	declareControl(set, &f.control)
	set.Lookup("namespace").Usage = "run the command, and put manifests without a namespace, in `NAME` (default default)"
	set.StringVar(&f.listen, "listen", "", "listen on `ADDR`, host:port (default port 53 of a loopback address, or in mode variables any free one)")
	set.StringVar(&f.mode, "mode", modeAuto, "how the command asks: `MODE` is mount, with a resolv.conf of its own; "+
		"isolate, in a network of its own too; variables, if it reads ROLLCALL_DNS; or auto, which is mount where that is allowed, else variables")
	set.BoolVar(&f.isolate, "isolate", false, "the same as -mode isolate")
}

// check checks what does not depend on this machine.
func (f *runFlags) check(args []string) error {
	if f.isolate {
		if f.mode != modeAuto && f.mode != modeIsolate {
			return fmt.Errorf("-isolate and -mode %s exclude one another", f.mode)
		}
		f.mode = modeIsolate
	}
	switch f.mode {
	case modeAuto, modeMount, modeIsolate, modeVariables:
	default:
		return fmt.Errorf("-mode %q: want auto, mount, isolate or variables", f.mode)
	}
	switch {
	case len(args) == 0:
		return errors.New("run needs a command after --, as in: rollcall run -manifests DIR -- make test")
	case len(f.manifests) == 0 && f.kubeconfig == "":
		return errors.New("run needs objects: -manifests or -kubeconfig")
	case f.mode == modeIsolate && f.forward != "" && f.forward != assemble.Nowhere:
		return errors.New("-isolate has no way to the server of -forward")
	case f.mode == modeIsolate && f.kubeconfig != "":
		return errors.New("-isolate has no way to a cluster; rollcall zone -kubeconfig FILE -o manifests writes manifests of one")
	}
	if f.mode == modeMount || f.mode == modeIsolate {
		return f.checkListen()
	}
	return nil
}

// checkListen checks that a resolv.conf can name what is listened on.
func (f *runFlags) checkListen() error {
	if f.listen == "" {
		return nil
	}
	if a, err := netip.ParseAddrPort(f.listen); err != nil || a.Port() != dnsPort || a.Addr().IsUnspecified() {
		return fmt.Errorf("-listen %s: a resolv.conf names an address and knows no port; want ADDRESS:53, or -mode variables", f.listen)
	}
	return nil
}

// dnsPort is the port that resolvers ask.
const dnsPort = 53

// search returns the search path of a pod in the namespace.
func (f *runFlags) search() []string {
	zone := strings.TrimSuffix(cmp.Or(f.zone, defaultZone), ".")
	return []string{cmp.Or(f.namespace, "default") + ".svc." + zone, "svc." + zone, zone}
}

// runCommand runs a command beside a server that it asks.
func runCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var f runFlags
	f.declare(set)
	return func(ctx context.Context, args []string, s streams) error {
		if err := f.check(args); err != nil {
			return err
		}
		return f.run(ctx, args, s)
	}
}

// run serves and runs the command. An end of ctx after the start is not heard of:
// signals are the command's, and the server ends after it.
func (f *runFlags) run(ctx context.Context, args []string, s streams) error {
	path, err := lookPath(args[0])
	if err != nil {
		return err
	}
	child := sandbox.Config{Path: path, Args: args, Env: os.Environ(), Stdin: s.in, Stdout: s.out, Stderr: s.err}
	signals := make(chan os.Signal, 16)
	for _, one := range signalsToPass() {
		if !signal.Ignored(one) { // as nohup has it, which is the command's too
			signal.Notify(signals, one)
		}
	}
	defer signal.Stop(signals)
	if ctx.Err() != nil { // one came before it was heard of here
		return &exitError{status: statusSignal + int(syscall.SIGTERM)}
	}
	if f.mode == modeIsolate && !s.isolated {
		return f.runIsolated(child, s, signals)
	}
	server, err := f.serve(context.WithoutCancel(ctx), s, signals)
	if err != nil {
		return err
	}
	cmd, err := f.start(child, server, newLogger(s.err))
	if err == nil {
		err = wait(cmd, signals)
	}
	if failed := server.stop(); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// runIsolated runs the whole command line again, in a network of its own.
func (f *runFlags) runIsolated(child sandbox.Config, s streams, signals <-chan os.Signal) error {
	child.Path, child.Args, child.Network = "/proc/self/exe", append([]string{isolatedName}, s.args...), true
	cmd, err := sandbox.Start(child)
	if err != nil {
		return fmt.Errorf("-isolate: %w%s", err, namespacesRemedy)
	}
	return wait(cmd, signals)
}

// namespacesRemedy is what helps where namespaces are refused.
const namespacesRemedy = " (on Linux this needs root, or user namespaces for others: see the sysctls user.max_user_namespaces, " +
	"kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, and a container's seccomp profile)"

// start starts the command so that it asks the server.
func (f *runFlags) start(child sandbox.Config, server *stub, log *slog.Logger) (*exec.Cmd, error) {
	search := f.search()
	child.Env = append(child.Env, "ROLLCALL_DNS="+server.addr.String(), "ROLLCALL_SEARCH="+strings.Join(search, " "))
	if at := server.api.Addr(); at != "" {
		child.Env = append(child.Env, "ROLLCALL_CONTROL="+at)
	}
	why := server.apart
	if why == nil {
		inside := child
		inside.Env = withoutResolver(child.Env)
		inside.Resolver = sandbox.Resolver{Server: server.addr.Addr(), Search: search}
		cmd, err := sandbox.Start(inside)
		switch {
		case err == nil:
			return cmd, nil
		case errors.Is(err, sandbox.ErrProgram):
			return nil, &exitError{statusRefused, err}
		case f.mode != modeAuto:
			return nil, fmt.Errorf("-mode mount: %w%s", err, namespacesRemedy)
		}
		why = err
	}
	if f.mode != modeVariables {
		log.Warn("the command has no resolv.conf of its own: the server is asked only by what reads ROLLCALL_DNS, "+
			"and not by the C library; -mode variables says that this is meant, -isolate may be allowed where this is not", "why", why)
	}
	cmd := &exec.Cmd{Path: child.Path, Args: child.Args, Env: child.Env, Stdin: child.Stdin, Stdout: child.Stdout, Stderr: child.Stderr}
	if err := cmd.Start(); err != nil {
		return nil, &exitError{statusRefused, err}
	}
	return cmd, nil
}

// withoutResolver returns the environment without what resolvers take for more than
// their resolv.conf says.
func withoutResolver(env []string) (out []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "LOCALDOMAIN=") && !strings.HasPrefix(e, "RES_OPTIONS=") {
			out = append(out, e)
		}
	}
	return out
}

// lookPath finds a program as a shell does.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return path, nil // as $PATH says
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return "", &exitError{statusNotFound, err}
	}
	return "", &exitError{statusRefused, err}
}

// wait passes signals on until the command ends, and says how it did.
func wait(cmd *exec.Cmd, signals <-chan os.Signal) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case one := <-signals:
			if !fromTerminal(one) {
				_ = cmd.Process.Signal(one) // unless it has just ended
			}
		case err := <-ended:
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				return err
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return &exitError{status: statusSignal + int(status.Signal())}
			}
			return &exitError{status: exit.ExitCode()}
		}
	}
}
