//go:build !linux

package server

import "net"

const controlSize = 0

// wantDestination does nothing where the kernel chooses well on its own, or
// can't be told: listen on one address to be sure.
func wantDestination(*net.UDPConn) error { return nil }

func leaveRoutes([]byte) {}

// boundBuffers leaves the kernel's memory for connections to the kernel.
func boundBuffers(*net.TCPListener) error { return nil }
