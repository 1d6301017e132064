//go:build !unix

package main

import "os"

// forwarded returns the signals that are passed on to a command.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

// signalNamed returns the signal of a name such as SIGINT; nil for none.
func signalNamed(name string) os.Signal {
	if name == "SIGINT" {
		return os.Interrupt
	}
	return nil
}
