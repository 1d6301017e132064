package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// checkCommand checks a configuration without serving it.
func checkCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declare(set)
	show := set.Bool("print", false, "print the Corefile in effect: imports, snippets and variables expanded, or the one that the flags stand for")
	return func(ctx context.Context, args []string, s streams) error {
		switch {
		case len(args) > 1 || len(args) == 1 && config.conf != "":
			return fmt.Errorf("check takes one Corefile, got %q too", args[len(args)-1])
		case len(args) == 1:
			config.conf = args[0]
		}
		plan, err := config.load(ctx)
		if err != nil {
			return err
		}
		if err := plan.CheckManifests(ctx, assemble.Process{Stdin: s.in, Logger: newLogger(s.err)}); err != nil {
			return err
		}
		if *show {
			_, err = fmt.Fprint(s.out, plan.File)
			return err
		}
		_, err = fmt.Fprintln(s.out, "ok")
		return err
	}
}
