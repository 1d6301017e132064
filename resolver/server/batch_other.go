//go:build !linux

package server

import (
	"net"
	"syscall"
)

// batched says that this system reads packets one by one, all readers from one
// socket.
const batched = false

func (s *Server) readBatches(c *net.UDPConn, shard uint32) { s.readPackets(c, shard) }

// sharePort is not needed for one socket.
func sharePort(_, _ string, _ syscall.RawConn) error { return nil }
