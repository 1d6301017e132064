package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// zoneCommand prints the zones that a configuration serves.
func zoneCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declare(set)
	timeout := duration(30 * time.Second)
	set.Var(&timeout, "timeout", "wait at most `DURATION` for the cluster's objects")
	return func(ctx context.Context, args []string, s streams) error {
		config.manifests = append(config.manifests, args...)
		plan, err := config.load(ctx)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(timeout),
			fmt.Errorf("not all objects came within %s (-timeout waits longer)", &timeout))
		defer cancel()
		snapshots, err := plan.Snapshots(ctx, assemble.Process{Stdin: s.in, Logger: newLogger(s.err)})
		if err != nil {
			return err
		}
		for _, snapshot := range snapshots {
			for _, apex := range snapshot.Zones() {
				if _, err := fmt.Fprintf(s.out, "; zone %s\n", apex); err != nil {
					return err
				}
				if err := snapshot.Dump(s.out, apex); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
