package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rollcall-dns/rollcall/test/process"
)

// echo is a contender in no table: under the load of the latencies, it shows what
// the machine does to any server. It sends each packet back as it came, which is
// the least that a server can do.
const echo = "echo"

// startEcho starts the echo, as this program again, on the core that this process
// is pinned to.
func startEcho(ctx context.Context, dir string) (*contender, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	ports, err := process.FreePorts(1)
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort("127.0.0.1:" + ports[0])
	if err != nil {
		return nil, err
	}
	c := &contender{name: echo, addr: addr}
	c.process, err = process.Start(process.Spec{
		Name: echo, Path: program, Args: []string{"-echo", addr.String()}, Log: filepath.Join(dir, echo+".log"),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("no echo within a minute"))
	defer cancel()
	if err := c.process.Ready(ctx, func(context.Context) error { return hears(addr) }); err != nil {
		c.process.Kill()
		return nil, err
	}
	return c, nil
}

// hears returns an error unless a packet comes back.
func hears(addr netip.AddrPort) error {
	s, err := newLoopSocket(addr)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.send(make([]byte, 12), 0); err != nil {
		return err
	}
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if _, ok, err := s.receive(); ok || err != nil {
			return err
		}
	}
	return errors.New("nothing comes back")
}

// serveEcho is the echo. It returns on an error alone.
func serveEcho(address string) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || !addr.Addr().Is4() {
		return fmt.Errorf("-echo %q: want an IPv4 address and a port", address)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	var packet [4096]byte
	for {
		n, from, err := syscall.Recvfrom(fd, packet[:], 0)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("receiving: %w", err)
		}
		// What can't be sent is lost, as for any server.
		_ = syscall.Sendto(fd, packet[:n], 0, from)
	}
}
