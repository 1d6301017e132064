//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalsOfReload returns the signals that ask for a reload: that of daemons, and
// that of CoreDNS.
func signalsOfReload() []os.Signal { return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1} }

// signalsToPass returns the signals that people and programs send, to be passed on
// to a command. What stops a job (SIGTSTP) stops all of its processes anyway.
func signalsToPass() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
}

// fromTerminal reports whether a signal was typed at the terminal, which sends it to
// all processes of the foreground job: passed on, the command would get it twice.
func fromTerminal(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // there is none
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == syscall.Getpgrp()
}
