package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/control"
	"github.com/rollcall-dns/rollcall/zone"
)

// serveCommand answers questions until it is told to end.
func serveCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declare(set)
	config.declareForward(set, "they are REFUSED")
	configMap := declareConfigMap(set)
	var controlAddr string
	declareControl(set, &controlAddr)
	quiet := set.Bool("quiet", false, "print no addresses when they are open")
	pidfile := set.String("pidfile", "", "write the process ID to `FILE`")
	readyJSON := set.String("ready-json", "", "when all is open and synced, write one line of JSON with the addresses to `FILE`, "+
		"or - for standard output, which has nothing else then")
	version := set.Bool("version", false, "print the version, and end")
	plugins := set.Bool("plugins", false, "print what a Corefile can have, and end")
	return func(ctx context.Context, args []string, s streams) error {
		switch {
		case *version:
			return printVersion(s.out)
		case *plugins:
			_, err := fmt.Fprintln(s.out, strings.Join(assemble.Plugins(), "\n"))
			return err
		case len(args) > 0:
			return fmt.Errorf("serve takes no arguments, got %q; manifests are named by -manifests, a Corefile by -conf", args[0])
		}
		config.changing = controlAddr != ""
		level := new(slog.LevelVar)
		log := newLeveledLogger(s.err, level)
		load := func() (*assemble.Plan, error) {
			plan, err := config.load(ctx)
			if err == nil && plan.Debug() {
				level.Set(slog.LevelDebug)
			}
			return plan, err
		}
		plan, err := load()
		if err != nil {
			return err
		}
		warn(log, plan)
		if *pidfile != "" {
			if err := os.WriteFile(*pidfile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
				return fmt.Errorf("-pidfile: %w", err)
			}
		}
		ready := readyOutput(*readyJSON)
		if err := ready.prepare(); err != nil {
			return err
		}
		queries := s.out
		if ready.isStdout() {
			queries = s.err
		}
		api, err := control.Listen(controlAddr, log)
		if err != nil {
			return err
		}
		defer api.Close()
		quietly := *quiet || ready.isStdout()
		if api != nil && !quietly {
			fmt.Fprintf(s.out, "control on %s\n", api.Addr())
		}
		reloads, stop := reloadSignals()
		defer stop()
		version, revision := buildVersion()
		process := assemble.Process{
			Stdin:    s.in,
			Stdout:   queries,
			Logger:   log,
			Version:  version,
			Revision: revision,
			Listening: func(addr netip.AddrPort, scheme string) {
				if scheme == "dns" {
					scheme = "udp, tcp"
				}
				if !quietly {
					fmt.Fprintf(s.out, "listening on %s (%s)\n", addr, scheme)
				}
			},
			Load:      load,
			Reload:    reloads,
			ConfigMap: zone.Key(*configMap),
			Control:   api.Control(),
		}
		if ready != "" {
			process.Serving = func(a assemble.Announcement) error { return ready.write(newReadyLine(a, api.Addr()), s.out) }
		}
		return withRemedy(plan.Run(ctx, process))
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

// reloadSignals has the signals heard that ask for a reload, until stop is called.
func reloadSignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, signalsOfReload()...)
	return c, func() { signal.Stop(c) }
}
