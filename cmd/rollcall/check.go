package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/zone"
)

// checkAbout is what help says of check before its flags.
const checkAbout = `
PATH is a folder of manifests, - for standard input, or a file *.yaml, *.yml or *.json; any
other file is a COREFILE.

  rollcall check                                    what rollcall serve would serve here
  rollcall check Corefile
  rollcall check DIR

The exit status is 0 if all can be served, and 1 if not.
`

// checkCommand checks a configuration without serving it.
func checkCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declare(set)
	config.declareForward(set, "they are REFUSED")
	configMap := declareConfigMap(set)
	show := set.Bool("print", false, "print the Corefile in effect: imports, snippets and variables expanded, or the one that the flags stand for")
	return func(ctx context.Context, args []string, s streams) error {
		for _, arg := range args {
			switch {
			case isManifests(arg):
				config.manifests = append(config.manifests, arg)
			case config.conf != "":
				return fmt.Errorf("check takes one Corefile, got %q too", arg)
			default:
				config.conf = arg
			}
		}
		log := newLogger(s.err)
		plan, err := config.load(ctx)
		if err == nil && *configMap != (configMapKey{}) {
			plan, err = withConfigMap(ctx, plan, zone.Key(*configMap), log)
		}
		if err != nil {
			return err
		}
		warn(log, plan)
		objects := plan.CheckManifests(ctx, assemble.Process{Stdin: s.in, Logger: log})
		// What handlers tell of themselves when they are made is not asked for here.
		faults := newLeveledLogger(s.err, slog.LevelWarn)
		if err := errors.Join(objects, plan.CheckHandlers(assemble.Process{Logger: faults})); err != nil {
			return err
		}
		if *show {
			_, err = fmt.Fprint(s.out, plan.File)
			return err
		}
		if plan.File.Name != commandLine {
			for _, line := range plan.Explain() {
				fmt.Fprintln(s.out, line)
			}
		}
		_, err = fmt.Fprintln(s.out, "ok")
		return err
	}
}

// readTimeout is how long the API server may take to answer.
const readTimeout = 10 * time.Second

// withConfigMap returns the plan with what kube-dns's ConfigMap says now.
func withConfigMap(ctx context.Context, plan *assemble.Plan, key zone.Key, log *slog.Logger) (*assemble.Plan, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, fmt.Errorf("the API server did not answer within %s", readTimeout))
	defer cancel()
	version, _ := buildVersion()
	c, err := plan.ReadConfigMap(ctx, assemble.Process{Logger: log, Version: version}, key)
	if err != nil {
		return nil, err
	}
	return plan.WithConfigMap(c)
}

// isManifests tells manifests, which are a folder, standard input or a file by
// its name, from a Corefile.
func isManifests(path string) bool {
	if info, err := os.Stat(path); path == "-" || err == nil && info.IsDir() {
		return true
	}
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
}
