package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/control"
)

// stub is the server that a command is run beside.
type stub struct {
	addr netip.AddrPort
	// apart is why no resolv.conf can name the server; nil if one can.
	apart  error
	cancel context.CancelFunc
	ended  <-chan error
	api    *control.Server // nil for none
}

// serve starts the server, and waits until it serves. A signal that comes before
// ends both.
func (f *runFlags) serve(ctx context.Context, s streams, signals <-chan os.Signal) (*stub, error) {
	c := f.configFlags
	c.testing = true
	apart, err := f.choose(&c, s.isolated)
	if err != nil {
		return nil, err
	}
	log := newLeveledLogger(s.err, slog.LevelWarn) // the command's output goes there too
	plan, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	warn(log, plan)
	api, err := control.Listen(f.control, log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	serving, ended := make(chan netip.AddrPort, 1), make(chan error, 1)
	version, revision := buildVersion()
	go func() {
		ended <- withRemedy(plan.Run(ctx, assemble.Process{
			Stdin: s.in, Stdout: s.err, Logger: log, Version: version, Revision: revision, Control: api.Control(), Abrupt: true,
			Serving: func(a assemble.Announcement) error {
				serving <- a.Listeners[0].Addr
				return nil
			},
		}))
	}()
	select {
	case addr := <-serving:
		return &stub{addr, apart, cancel, ended, api}, nil
	case err = <-ended:
		cancel()
		return nil, errors.Join(err, api.Close())
	case one := <-signals:
		cancel()
		return nil, errors.Join(<-ended, api.Close(), &exitError{status: statusSignal + number(one)})
	}
}

// stop stops the server, and says why it has not served to the end, if so.
func (s *stub) stop() error {
	s.cancel()
	err := errors.Join(<-s.ended, s.api.Close())
	if err != nil {
		return fmt.Errorf("the server ended: %w", err)
	}
	return nil
}

// choose sets the address that c listens on, if none is given. Apart is why no
// resolv.conf can name it, where the mode lets that be.
func (f *runFlags) choose(c *configFlags, isolated bool) (apart, err error) {
	switch {
	case isolated:
		c.listen = cmp.Or(c.listen, net.JoinHostPort("127.0.0.1", strconv.Itoa(dnsPort)))
	case f.mode == modeVariables:
		c.listen, apart = cmp.Or(c.listen, anyPort), errors.New("-mode variables")
	case c.listen != "":
		apart = f.checkListen()
	default:
		var addr netip.AddrPort
		if addr, apart = freeLoopback(); apart == nil {
			c.listen = addr.String()
		} else if f.mode == modeAuto {
			c.listen = anyPort
		}
	}
	if apart != nil && f.mode == modeMount {
		return nil, fmt.Errorf("-mode mount: %w (port 53 needs root, the capability CAP_NET_BIND_SERVICE or the sysctl "+
			"net.ipv4.ip_unprivileged_port_start; with -isolate it is the command's own)", apart)
	}
	return apart, nil
}

// anyPort has the kernel choose a port.
const anyPort = "127.0.0.1:0"

// freeLoopback returns a loopback address, of the many that Linux has, whose port 53
// is free: others have a server at 127.0.0.1 and 127.0.0.53, and what runs at once
// wants different ones.
func freeLoopback() (netip.AddrPort, error) {
	const tries = 16
	var last error
	for i := range tries {
		n := os.Getpid() + i*257
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 53, byte(n >> 8), byte(n)}), dnsPort)
		if last = canBind(addr); last == nil || errors.Is(last, fs.ErrPermission) {
			return addr, last
		}
	}
	return netip.AddrPort{}, last
}

// canBind says why an address can't be listened on, by UDP and by TCP.
func canBind(addr netip.AddrPort) error {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	defer udp.Close()
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	return tcp.Close()
}

// number returns a signal's number.
func number(s os.Signal) int {
	n, _ := s.(syscall.Signal)
	return int(n)
}
