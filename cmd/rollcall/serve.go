package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// serveCommand answers questions until it is told to end.
func serveCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declare(set)
	return func(ctx context.Context, args []string, s streams) error {
		if len(args) > 0 {
			return fmt.Errorf("serve takes no arguments, got %q; manifests are named by -manifests, a Corefile by -conf", args[0])
		}
		log := newLogger(s.err)
		plan, err := config.load(ctx)
		if err != nil {
			return err
		}
		warn(log, plan)
		version, revision := buildVersion()
		err = plan.Run(ctx, assemble.Process{
			Stdin:    s.in,
			Stdout:   s.out,
			Logger:   log,
			Version:  version,
			Revision: revision,
			Listening: func(addr netip.AddrPort) {
				fmt.Fprintf(s.out, "listening on %s (udp, tcp)\n", addr)
			},
		})
		return withRemedy(err)
	}
}

// withRemedy adds to errors of listening what helps.
func withRemedy(err error) error {
	var network *net.OpError
	switch {
	case !errors.As(err, &network):
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; -listen %s needs neither)", err, defaultListen)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w (another server has the port; -listen chooses another, port 0 a free one)", err)
	}
	return err
}
