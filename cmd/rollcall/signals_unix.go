//go:build unix

package main

import (
	"os"
	"syscall"
)

// signalsOfReload returns the signals that ask for a reload: that of daemons, and
// that of CoreDNS.
func signalsOfReload() []os.Signal { return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1} }
