package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// zoneAbout is what help says of zone before its flags.
const zoneAbout = `
PATH is a file or a folder of manifests, as of -manifests.

  rollcall zone DIR
  rollcall zone -kubeconfig FILE                    all names of a cluster
  rollcall zone -kubeconfig FILE -o manifests       its objects, for tests without it
`

// zoneCommand prints the zones that a configuration serves, or what they are made
// of.
func zoneCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var config configFlags
	config.declareZones(set)
	timeout := duration(30 * time.Second)
	set.Var(&timeout, "timeout", "wait at most `DURATION` for the cluster's objects")
	format := set.String("o", "zone", "print in a `FORMAT`: zone, as master files, or manifests, the objects that the zones are made of")
	return func(ctx context.Context, args []string, s streams) error {
		write, ok := map[string]func(io.Writer, []*zone.Zone) error{"zone": writeZones, "manifests": writeManifests}[*format]
		if !ok {
			return fmt.Errorf("-o %q: want zone or manifests", *format)
		}
		config.manifests = append(config.manifests, args...)
		plan, err := config.load(ctx)
		if err != nil {
			return err
		}
		ctx, cancel, err := timeout.bound(ctx, "not all objects came")
		if err != nil {
			return err
		}
		defer cancel()
		zones, err := plan.Zones(ctx, assemble.Process{Stdin: s.in, Logger: newLogger(s.err)})
		if err != nil {
			return err
		}
		out := bufio.NewWriter(s.out)
		if err := write(out, zones); err != nil {
			return err
		}
		return out.Flush()
	}
}

// writeZones writes zones as master files.
func writeZones(w io.Writer, zones []*zone.Zone) error {
	for _, z := range zones {
		snapshot := z.Snapshot()
		for _, apex := range snapshot.Zones() {
			if _, err := fmt.Fprintf(w, "; zone %s\n", apex); err != nil {
				return err
			}
			if err := snapshot.Dump(w, apex); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeManifests writes the objects of zones as manifests.
func writeManifests(w io.Writer, zones []*zone.Zone) error {
	if len(zones) > 1 {
		return errors.New("-o manifests: the Corefile has several kubernetes directives, whose objects may be of different clusters; want one")
	}
	var objects []zone.Object
	for _, kind := range zone.Kinds {
		objects = append(objects, zones[0].Objects(kind)...)
	}
	return watch.Freeze(w, objects)
}
