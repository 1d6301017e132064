package server

import (
	"bytes"
	"encoding/binary"
	"slices"
	"syscall"
	"testing"
	"unsafe"
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
