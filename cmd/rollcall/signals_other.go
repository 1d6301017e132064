//go:build !unix

package main

import (
	"os"
	"syscall"
)

// signalsOfReload returns the signals that ask for a reload.
func signalsOfReload() []os.Signal { return []os.Signal{syscall.SIGHUP} }
