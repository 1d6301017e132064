package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize is room for the control data that says which address a packet was
// sent to, of either family.
const controlSize = 128

// wantDestination makes reads from a wildcard socket give the address that each
// packet was sent to, as control data that, given to a write, makes the reply
// leave from there (ip(7), IP_PKTINFO; RFC 3542 section 4).
func wantDestination(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	var err4, err6 error
	err = raw.Control(func(fd uintptr) {
		err4 = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
		err6 = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
	})
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err4 != nil && err6 != nil {
		return fmt.Errorf("IP_PKTINFO: %w", errors.Join(err4, err6))
	}
	return nil
}

// sharePort lets several sockets be bound to one port: the kernel spreads
// packets over them by their source (socket(7), SO_REUSEPORT).
func sharePort(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, failed)
}

// Kernel memory that a connection may take for what was not read yet, and what was
// not sent. The kernel doubles them. By itself it would give a client that does
// not read some megabytes.
const (
	receiveBuffer = 64 << 10
	sendBuffer    = 128 << 10
)

// boundBuffers bounds the kernel's memory for each connection that a listener takes
// in (socket(7), SO_RCVBUF and SO_SNDBUF: they are inherited).
func boundBuffers(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	var in, out error
	err = raw.Control(func(fd uintptr) {
		in = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		out = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	})
	return errors.Join(err, in, out)
}

// leaveRoutes takes out of a packet's control data which interface it came in
// by, so that the reply leaves by the one that the routing tables say. The
// address that was asked stays.
func leaveRoutes(control []byte) {
	for len(control) >= syscall.SizeofCmsghdr {
		h := (*syscall.Cmsghdr)(unsafe.Pointer(&control[0]))
		size := int(h.Len)
		if size < syscall.CmsgLen(0) || size > len(control) {
			return
		}
		data := control[syscall.CmsgLen(0):size]
		switch {
		case h.Level == syscall.IPPROTO_IP && h.Type == syscall.IP_PKTINFO:
			clear(data[:4]) // struct in_pktinfo begins with it
		case h.Level == syscall.IPPROTO_IPV6 && h.Type == syscall.IPV6_PKTINFO:
			clear(data[16:20]) // struct in6_pktinfo ends with it
		}
		control = control[min(syscall.CmsgSpace(len(data)), len(control)):]
	}
}
