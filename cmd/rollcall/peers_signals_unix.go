//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// forwarded returns the signals that are passed on to a command: those by which
// programs are told something.
func forwarded() []os.Signal {
	return []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGALRM, syscall.SIGCONT, syscall.SIGWINCH,
	}
}

// signalNamed returns the signal of a name such as SIGHUP; nil for none.
func signalNamed(name string) os.Signal {
	if n := unix.SignalNum(name); n != 0 {
		return n
	}
	return nil
}
