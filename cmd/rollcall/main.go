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
	s := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, isolated: os.Args[0] == isolatedName}
	if err := run(ctx, os.Args[1:], s); err != nil {
		os.Exit(exit(err, os.Stderr))
	}
}

// exit says what is wrong, and returns the exit status.
func exit(err error, w io.Writer) int {
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		e = &exitError{1, err}
	}
	if only := e == err && e.err == nil; !only {
		fmt.Fprintln(w, "rollcall:", err)
	}
	return e.status
}
