package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags. Their zero values are not useful; parse gives the
// defaults.
type options struct {
	servers  []string // by name, in the order in which they take turns
	rounds   int
	seconds  int           // of each run
	services int           // in the world
	others   float64       // cores that other processes may take before a run is repeated
	tries    int           // of a run that is disturbed
	patience time.Duration // of waiting for a quiet machine, in all
	out      string        // the folder for bench.json; empty for none
	update   bool          // the manual
	echo     string        // the address of the echo that this process is, instead; empty for none
}

// full is what a run must be for its figures to be written into the manual.
var full = options{servers: names(), rounds: 3, seconds: 8, services: 10_000}

// parse reads the flags. Its errors name the flag and what is allowed.
func parse(args []string) (options, error) {
	o := options{}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	servers := set.String("servers", strings.Join(full.servers, ","), "which to measure, `NAMES` with commas between")
	forward := set.Bool("forward", false, "measure only those of them that forward")
	set.IntVar(&o.rounds, "rounds", full.rounds, "how many rounds; what is reported is their median")
	set.IntVar(&o.seconds, "seconds", full.seconds, "how long each run takes")
	set.IntVar(&o.services, "services", full.services, "how many Services there are, a multiple of 100")
	set.Float64Var(&o.others, "others", 0.1, "repeat a run if other processes took more than `CORES`")
	set.IntVar(&o.tries, "tries", 3, "how often to make a run at most")
	set.DurationVar(&o.patience, "patience", 10*time.Minute, "for how long in all to wait for a quiet machine before runs")
	set.StringVar(&o.out, "out", "", "write bench.json into `DIR`")
	set.BoolVar(&o.update, "update", false, "write the tables into docs/benchmark.md")
	set.StringVar(&o.echo, "echo", "", "send packets back that come to `ADDR`, and do nothing else; what latencies are compared with")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.servers = strings.Split(*servers, ",")
	for _, name := range o.servers {
		if !slices.Contains(full.servers, name) {
			return o, fmt.Errorf("-servers: no server %q, there are: %s", name, strings.Join(full.servers, ", "))
		}
	}
	if *forward {
		o.servers = slices.DeleteFunc(o.servers, func(name string) bool { return !slices.Contains(forwarders(), name) })
	}
	switch {
	case len(o.servers) == 0:
		return o, fmt.Errorf("-forward: want some of these among -servers: %s", strings.Join(forwarders(), ", "))
	case o.rounds < 1 || o.seconds < 1 || o.tries < 1:
		return o, errors.New("-rounds, -seconds and -tries: want 1 at least")
	case o.seconds > maxSeconds:
		return o, fmt.Errorf("-seconds: at most %d are allowed, as what was cached before a run must last until its end", maxSeconds)
	case o.services < 100 || o.services%100 != 0:
		return o, errors.New("-services: want a multiple of 100")
	case o.update && (len(o.servers) != len(full.servers) || o.rounds < full.rounds || o.services != full.services):
		return o, errors.New("-update writes the figures of a whole run alone: all servers, the whole world, three rounds at least")
	}
	return o, nil
}

// run is the program. Tables go to standard output, progress to standard error. On
// an error it leaves the working folder behind, with the servers' logs.
func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.echo != "" {
		return serveEcho(o.echo)
	}
	if runtime.NumCPU() < 2 {
		return errors.New("want two cores: one for the server, one for the load")
	}
	logf := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return fmt.Errorf("creating a working folder: %w", err)
	}
	b := &bench{options: o, dir: dir, logf: logf}
	if err := b.run(ctx); err != nil {
		return fmt.Errorf("%w (the servers' logs are in %s)", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the working folder: %w", err)
	}
	if err := b.result.write(os.Stdout); err != nil {
		return err
	}
	if o.out != "" {
		if err := b.result.writeJSON(filepath.Join(o.out, "bench.json")); err != nil {
			return err
		}
	}
	if o.update {
		return b.result.update(ctx)
	}
	return nil
}
