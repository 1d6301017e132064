//go:build !unix

package main

import (
	"os"
	"syscall"
)

// signalsOfReload returns the signals that ask for a reload.
func signalsOfReload() []os.Signal { return []os.Signal{syscall.SIGHUP} }

// signalsToPass returns the signals to be passed on to a command: none, as every
// process of a console gets its own.
func signalsToPass() []os.Signal { return nil }

// fromTerminal has nothing to tell apart.
func fromTerminal(os.Signal) bool { return true }
