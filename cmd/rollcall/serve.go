package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"

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
		plan, err := config.load(ctx)
		if err != nil {
			return err
		}
		version, revision := buildVersion()
		return plan.Run(ctx, assemble.Process{
			Stdin:    s.in,
			Stdout:   s.out,
			Logger:   newLogger(s.err),
			Version:  version,
			Revision: revision,
			Listening: func(addr netip.AddrPort) {
				fmt.Fprintf(s.out, "listening on %s (udp, tcp)\n", addr)
			},
		})
	}
}
