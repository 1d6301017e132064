package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/rollcall-dns/rollcall/cmd/rollcall/internal/sandbox"
)

func main() {
	// A binary with a file capability runs in the kernel's secure mode, in which
	// Go would keep a panic's stack to itself.
	debug.SetTraceback("single")
	if os.Args[0] == sandbox.Name {
		sandbox.Main(os.Args[1:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	s := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, isolated: os.Args[0] == isolatedName, plugin: isPlugin(os.Args[0])}
	if err := run(ctx, os.Args[1:], s); err != nil {
		os.Exit(exit(err, os.Stderr))
	}
}

// An exitError has the process exit with a status, and say why if there is anything
// to say.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit says what is wrong, and returns the exit status.
func exit(err error, w io.Writer) int {
	e, ok := errors.AsType[*exitError](err)
	switch {
	case !ok:
		e = &exitError{status: 1}
	case e == err && e.err == nil:
		return e.status
	}
	fmt.Fprintln(w, "rollcall:", err)
	return e.status
}
