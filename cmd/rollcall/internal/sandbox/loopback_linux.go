package sandbox

import (
	"errors"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addresses of the loopback interface beside 127.0.0.1 and ::1. Who asks getaddrinfo
// with AI_ADDRCONFIG wants only the families of which the machine has an address that
// is none of those two (RFC 3493 section 6.1); with a network that has no others,
// every name would be without addresses. They are of ranges for tests and for private
// networks (RFC 2544, RFC 4193).
const (
	address4 = "198.18.53.53"
	address6 = "fd53::53"
)

const loopback = "lo"

// setUpLoopback brings the loopback interface up, and gives it its addresses.
func setUpLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq(loopback)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return err
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return err
	}
	// A label of its own has the interface keep 127.0.0.1.
	more, err := unix.NewIfreq(loopback + ":1")
	if err != nil {
		return err
	}
	for _, one := range []struct {
		request uint
		value   string
	}{{unix.SIOCSIFADDR, address4}, {unix.SIOCSIFNETMASK, "255.255.255.255"}} {
		if err := more.SetInet4Addr(netip.MustParseAddr(one.value).AsSlice()); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, one.request, more); err != nil {
			return err
		}
	}
	return addAddress6()
}

// addAddress6 gives the loopback interface its IPv6 address, where there is IPv6.
func addAddress6() error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := net.InterfaceByName(loopback)
	if err != nil {
		return err
	}
	// struct in6_ifreq of linux/ipv6.h.
	request := struct {
		addr   [16]byte
		prefix uint32
		index  int32
	}{netip.MustParseAddr(address6).As16(), 128, int32(lo.Index)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request)))
	switch errno {
	case 0, unix.EACCES, unix.EOPNOTSUPP: // switched off, for all or for this interface
		return nil
	}
	return errno
}
