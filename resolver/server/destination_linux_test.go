package server

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cmsg returns one piece of control data, padded as the kernel does.
func cmsg(level, typ int32, data []byte) []byte {
	b := make([]byte, syscall.CmsgSpace(len(data)))
	h := (*syscall.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, typ
	h.SetLen(syscall.CmsgLen(len(data)))
	copy(b[syscall.CmsgLen(0):], data)
	return b
}

func TestLeaveRoutes(t *testing.T) {
	index := func(i uint32) []byte { return binary.NativeEndian.AppendUint32(nil, i) }
	info4 := func(i uint32) []byte {
		return cmsg(syscall.IPPROTO_IP, syscall.IP_PKTINFO, slices.Concat(index(i), []byte{10, 0, 0, 1, 10, 0, 0, 2}))
	}
	info6 := func(i uint32) []byte {
		return cmsg(syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, append(bytes.Repeat([]byte{0xfd}, 16), index(i)...))
	}
	ttl := cmsg(syscall.IPPROTO_IP, syscall.IP_TTL, index(64))
	tests := []struct {
		name     string
		in, want []byte
		reason   string
	}{
		{"none", nil, nil, "a socket of one address gets none"},
		{"IPv4", info4(7), info4(0), "ip(7): an interface in IP_PKTINFO overrides the routing tables"},
		{"IPv6", info6(7), info6(0), "RFC 3542 section 6.2: ipi6_ifindex 0 lets the kernel choose"},
		{"IPv4 by a socket of both", slices.Concat(info6(7), info4(7)), slices.Concat(info6(0), info4(0)), "the kernel gives both"},
		{"other data", slices.Concat(ttl, info4(7)), slices.Concat(ttl, info4(0)), "what is not ours stays"},
		{"cut header", info4(7)[:8], info4(7)[:8], "too short to be anything"},
		{"cut data", info4(7)[:20], info4(7)[:20], "its length says more than there is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := bytes.Clone(tt.in)
			leaveRoutes(got)
			if !bytes.Equal(got, tt.want) {
				t.Errorf("%s:\n got %x\nwant %x", tt.reason, got, tt.want)
			}
		})
	}
}

func TestAddrPort(t *testing.T) {
	raw := func(family uint16, port uint16, rest ...[]byte) (b [unix.SizeofSockaddrInet6]byte) {
		head := binary.BigEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, family), port)
		copy(b[:], append(head, slices.Concat(rest...)...))
		return b
	}
	flow, link := make([]byte, 4), binary.NativeEndian.AppendUint32(nil, 7)
	address := func(s string) []byte { return netip.MustParseAddr(s).AsSlice() }
	tests := []struct {
		name   string
		raw    [unix.SizeofSockaddrInet6]byte
		want   string
		reason string
	}{
		{"IPv4", raw(unix.AF_INET, 53, address("192.0.2.1")), "192.0.2.1:53", "as it is"},
		{"IPv4 by a socket of both", raw(unix.AF_INET6, 53, flow, address("::ffff:192.0.2.1")), "192.0.2.1:53", "clients are compared as IPv4"},
		{"IPv6", raw(unix.AF_INET6, 53, flow, address("2001:db8::1")), "[2001:db8::1]:53", "as it is"},
		{"of a link", raw(unix.AF_INET6, 53, flow, address("fe80::1"), link), "[fe80::1]:53", "no prefix of an ACL has a zone (RFC 4007 section 6)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := addrPort(&tt.raw).String(); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

// TestBoundBuffers sees that connections have the bounds of their listener.
func TestBoundBuffers(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := boundBuffers(l); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[int]int{unix.SO_RCVBUF: receiveBuffer, unix.SO_SNDBUF: sendBuffer} {
		var got int
		var failed error
		if err := raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if got != 2*want {
			t.Errorf("socket option %d is %d, want twice %d", option, got, want)
		}
	}
}
