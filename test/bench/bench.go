package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// A bench is one run of the program. It does one thing at a time.
type bench struct {
	options
	dir  string               // for everything that is written
	logf func(string, ...any) // gets a line for each step

	program    string       // rollcall
	contenders []*contender // of the table that is being measured
	echo       *contender   // what latencies are compared with, if they are measured
	questions  []question   // for all of them
	control    []int        // the processes of the control plane, if there is one
	upstream   []int        // the processes of the server that is forwarded to, if there is one
	names      int          // that were made up for forwarders so far
	dnsperf    dnsperf
	result     result
}

// run fills in the result. When it returns, nothing that it started is left.
func (b *bench) run(ctx context.Context) (err error) {
	b.result.Options = resultOptions{Rounds: b.rounds, Seconds: b.seconds, Services: b.services}
	b.result.Sizes = make(map[string]sizes)
	if b.dnsperf, err = findDNSPerf(ctx, b.logf); err != nil {
		return err
	}
	if b.program, err = rollcall.Build(ctx, false); err != nil {
		return err
	}
	if servers := b.of(authorities()); len(servers) > 0 {
		if b.result.Lookups, err = b.lookup(ctx); err != nil {
			return err
		}
		if err := b.authority(ctx, servers); err != nil {
			return err
		}
	}
	if servers := b.of(forwarders()); len(servers) > 0 {
		if err := b.forwarding(ctx, servers); err != nil {
			return err
		}
	}
	return b.result.summarise()
}

// of returns the servers that are to be measured and are of one table.
func (b *bench) of(table []string) []string {
	return slices.DeleteFunc(slices.Clone(b.servers), func(name string) bool { return !slices.Contains(table, name) })
}

// authority measures the servers that have the records themselves.
func (b *bench) authority(ctx context.Context, servers []string) error {
	from, stop, err := b.prepare(ctx, servers)
	defer stop()
	if err != nil {
		return err
	}
	defer b.kill()
	if err := b.start(ctx, servers, from, b.questions[slices.IndexFunc(b.questions, exists)]); err != nil {
		return err
	}
	// The control plane has done its work; watches stay open while it stands
	// still, and nobody's figures have its CPU time in them.
	for _, pid := range b.control {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("halting the control plane: %w", err)
		}
	}
	if err := b.agree(ctx); err != nil {
		return err
	}
	for round := range b.rounds {
		if err := b.round(ctx, round+1, loadUDP, loadTCP, loadHalf); err != nil {
			return err
		}
	}
	return nil
}

// kill ends the contenders.
func (b *bench) kill() {
	for _, c := range b.contenders {
		c.process.Kill()
	}
	if b.echo != nil {
		b.echo.process.Kill()
	}
	b.contenders, b.echo = nil, nil
}

// prepare writes the world in all the forms that contenders read it in. What it
// returns to call at the end is never nil.
func (b *bench) prepare(ctx context.Context, servers []string) (from sources, stop func(), err error) {
	stop = func() {}
	world := newWorld(b.services)
	b.questions = newQuestions(world)
	if err := writeQuestions(filepath.Join(b.dir, "questions"), b.questions); err != nil {
		return from, stop, err
	}
	from = sources{program: b.program, manifests: filepath.Join(b.dir, "manifests")}
	if err := os.Mkdir(from.manifests, 0o755); err != nil {
		return from, stop, fmt.Errorf("creating a folder: %w", err)
	}
	if err := writeManifests(from.manifests, world); err != nil {
		return from, stop, err
	}
	b.logf("printing the zones of %d Services", b.services)
	if from.zones, err = peers.ZoneFiles(ctx, from.program, b.dir, "-manifests", from.manifests); err != nil {
		return from, stop, err
	}
	if !slices.Contains(servers, corednsKube) {
		return from, stop, nil
	}
	var control *cluster.Cluster
	pids, err := started(func() (err error) {
		control, err = cluster.Start(ctx, cluster.Config{Logf: b.logf})
		return err
	})
	if err != nil {
		return from, stop, err
	}
	stop = func() {
		if err := control.Stop(); err != nil {
			b.logf("stopping the cluster: %v", err)
		}
	}
	from.kubeconfig = control.AdminKubeconfig()
	b.logf("filling the API server")
	begin := time.Now()
	if err := fill(ctx, control.Client(), world); err != nil {
		return from, stop, err
	}
	b.logf("filled in %.0fs", time.Since(begin).Seconds())
	b.control = pids
	return from, stop, nil
}

// start starts the contenders on the servers' core, and moves what remains of
// the work to the other. Each has an answer to first then, whose name exists.
func (b *bench) start(ctx context.Context, servers []string, from sources, first question) error {
	if err := pin(serverCore); err != nil {
		return err
	}
	for _, name := range servers {
		dir := filepath.Join(b.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("creating a folder: %w", err)
		}
		var c *contender
		begin := time.Now()
		pids, err := started(func() (err error) {
			if c, err = start(ctx, name, dir, from, b.logf); err != nil {
				return err
			}
			b.contenders = append(b.contenders, c)
			return c.answers(ctx, first)
		})
		if err != nil {
			return err
		}
		c.pids = pids
		b.logf("%s answers after %.1fs", name, time.Since(begin).Seconds())
	}
	if slices.Contains(servers, knot) {
		pids, err := started(func() (err error) {
			b.echo, err = startEcho(ctx, b.dir)
			return err
		})
		if err != nil {
			return err
		}
		b.echo.pids = pids
	}
	return pin(loadCore)
}

// exists reports whether the world has the name of a question.
func exists(q question) bool { return !strings.Contains(q.name, "example") }

// agree compares the contenders' answers, and notes their sizes.
func (b *bench) agree(ctx context.Context) error {
	var first []answer
	for i, c := range b.contenders {
		answers, err := askAll(ctx, c, b.questions)
		if err != nil {
			return err
		}
		s := sizesOf(b.questions, answers)
		b.result.Sizes[c.name] = s
		b.logf("%s: %.1f bytes a reply", c.name, s.All)
		if i == 0 {
			first = answers
			continue
		}
		against := b.contenders[0]
		if err := differ(b.questions, first, answers); err != nil {
			return fmt.Errorf("%s and %s: %w", against.name, c.name, err)
		}
		other := b.result.Sizes[against.name].All
		if strict(c) && strict(against) && math.Abs(s.All-other) > sizeTolerance*other {
			return fmt.Errorf("the replies of %s and %s have %.1f and %.1f bytes on average", against.name, c.name, other, s.All)
		}
	}
	return nil
}

// strict reports whether a contender's replies must have the size of the others'
// that are strict: those that bars compare closely. NSD adds the zone's name
// servers to each positive answer (told to be minimal, it leaves out the
// addresses that an SRV record needs, too), CoreDNS names nothing twice the same
// way; the table shows what that makes.
func strict(c *contender) bool {
	return strings.HasPrefix(c.name, plain) || c.name == knot || c.name == unbound
}

// round is every contender under every load, in turns. The load is the outer loop,
// so that the runs that are compared are close together in time.
func (b *bench) round(ctx context.Context, round int, loads ...string) error {
	half := 0 // of Knot's rate in this round
	for _, load := range loads {
		if load == loadHalf && half == 0 {
			b.logf("no latencies: they are measured at half of what Knot answers, and it is not here")
			break
		}
		contenders := b.contenders
		if load == loadHalf {
			contenders = append(slices.Clone(contenders), b.echo)
		}
		for _, c := range contenders {
			r, err := b.undisturbed(ctx, c, load, half)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, load, err)
			}
			r.Round = round
			b.logf("round %d: %s", round, r)
			b.result.Runs = append(b.result.Runs, r)
			if load == loadUDP && c.name == knot {
				half = int(r.PerSecond / 2)
			}
		}
	}
	return nil
}
