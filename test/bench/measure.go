package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The loads.
const (
	loadUDP  = "udp"  // as fast as the server or the load generator goes
	loadTCP  = "tcp"  // likewise, pipelined
	loadHalf = "half" // over UDP, at half of what Knot answered in the same round

	loadHits   = "hits"   // as udp, of a forwarder that has the replies
	loadMisses = "misses" // likewise, of one that has none of them
)

// A runResult is one run: one contender under one load. Times are in
// microseconds, shares between 0 and 1.
type runResult struct {
	Round       int      `json:"round"`
	Server      string   `json:"server"`
	Load        string   `json:"load"`
	PerSecond   float64  `json:"queries_per_second"`
	Lost        float64  `json:"lost"`            // share of the questions
	CPU         float64  `json:"cpu_us"`          // of the server, for each query
	Allocations *float64 `json:"allocations"`     // of the server's whole process, for each query; null if it can't tell
	Memory      int64    `json:"memory_bytes"`    // resident, after the run
	P50         float64  `json:"p50_us"`          // latency; half alone
	P99         float64  `json:"p99_us"`          // latency; half alone
	Late        float64  `json:"late_us"`         // 99th percentile of how late the load itself was; half alone
	Upstream    float64  `json:"upstream_cpu_us"` // of the server that is forwarded to, for each query
	Others      float64  `json:"others_cores"`    // CPU time of other processes of the machine, in cores
	LoadAverage float64  `json:"load_average"`    // of the minute before the run's end
	Tries       int      `json:"tries"`           // how often it was made
}

func (r runResult) String() string {
	s := fmt.Sprintf("%-18s %-6s %7.0f queries/s, %5.2f µs CPU", r.Server, r.Load, r.PerSecond, r.CPU)
	if r.Load == loadHalf {
		s += fmt.Sprintf(", p50 %.0f µs, p99 %.0f µs (sent late %.0f µs)", r.P50, r.P99, r.Late)
	}
	if r.Allocations != nil {
		s += fmt.Sprintf(", %.3f allocations", *r.Allocations)
	}
	return s + fmt.Sprintf(", %.0f MB; lost %.2f %%, others %.2f cores, load %.1f, try %d",
		float64(r.Memory)/1e6, 100*r.Lost, r.Others, r.LoadAverage, r.Tries)
}

// lateAllowed is how late the load itself may be, at its 99th percentile, in a run
// that is not repeated: beyond it, latencies are the load's and not the server's.
const lateAllowed = 30 // µs

// undisturbed makes a run until nobody disturbs it, at most as often as it may, and
// returns the one that was disturbed least.
func (b *bench) undisturbed(ctx context.Context, c *contender, load string, perSecond int) (best runResult, err error) {
	for try := range b.tries {
		if err := b.quiet(ctx); err != nil {
			return best, err
		}
		r, err := b.measure(ctx, c, load, perSecond)
		if err != nil {
			return r, err
		}
		disturbance := func(r runResult) float64 { return max(r.Others/b.others, r.Late/lateAllowed) }
		if try == 0 || disturbance(r) < disturbance(best) {
			best = r
		}
		best.Tries = try + 1
		if disturbance(best) <= 1 {
			break
		}
	}
	return best, nil
}

// quiet waits until nobody uses the machine, for as long as there is patience
// left.
func (b *bench) quiet(ctx context.Context) error {
	const window = time.Second
	for {
		before, err := cpuOfMachine()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(window):
		}
		after, err := cpuOfMachine()
		if err != nil {
			return err
		}
		if (after-before).Seconds() <= b.others*window.Seconds() || b.patience <= 0 {
			return nil
		}
		b.patience -= window
	}
}

// measure makes one run. What the server, the load and others took is counted
// from just before the load begins to just after it ends, so that the server's
// share for each query has the load's start and end in it, some milliseconds.
func (b *bench) measure(ctx context.Context, c *contender, load string, perSecond int) (runResult, error) {
	r := runResult{Server: c.name, Load: load}
	asked, err := b.ask(ctx, c, load)
	if err != nil {
		return r, err
	}
	before, err := b.meter(ctx, c)
	if err != nil {
		return r, err
	}
	begin := time.Now()
	var completed float64
	if load == loadHalf {
		l, err := openLoop(ctx, c.addr, b.questions, perSecond, b.seconds)
		if err != nil {
			return r, err
		}
		completed = float64(l.completed)
		r.PerSecond, r.Lost = completed/float64(b.seconds), 1-completed/float64(l.sent)
		r.P50, r.P99, r.Late = micros(l.p50), micros(l.p99), micros(l.late)
	} else {
		mode := loadUDP
		if load == loadTCP {
			mode = loadTCP
		}
		p, err := b.dnsperf.flood(ctx, c, mode, asked.file, b.seconds)
		if err != nil {
			return r, err
		}
		if err := b.expected(c, p); err != nil {
			return r, err
		}
		if asked.most > 0 && p.sent > float64(asked.most) {
			return r, fmt.Errorf("%.0f questions were asked, more than the %d that there are names for", p.sent, asked.most)
		}
		completed = p.completed
		r.PerSecond, r.Lost = p.perSecond, 1-p.completed/p.sent
	}
	wall := time.Since(begin)
	after, err := b.meter(ctx, c)
	if err != nil {
		return r, err
	}
	r.CPU = micros(after.server-before.server) / completed
	r.Upstream = micros(after.upstream-before.upstream) / completed
	if err := checkUpstream(load, after.upstream-before.upstream, completed); err != nil {
		return r, err
	}
	r.Others = max(0, ((after.machine-before.machine)-(after.server-before.server)-(after.load-before.load)-(after.upstream-before.upstream)).Seconds()/wall.Seconds())
	if c.metrics != "" {
		allocations := (after.allocations - before.allocations) / completed
		r.Allocations = &allocations
	}
	if r.Memory, err = memoryOf(c.pids); err != nil {
		return r, err
	}
	r.LoadAverage, err = loadAverage()
	return r, err
}

// asked is what a run asks: the questions in a file, over and over, or most of
// them at most, if that is not 0.
type asked struct {
	file string
	most int
}

// ask gets ready what is asked in a run.
func (b *bench) ask(ctx context.Context, c *contender, load string) (asked, error) {
	switch load {
	case loadHits:
		return b.askKnown(ctx, c)
	case loadMisses:
		return b.askUnknown()
	}
	return asked{file: filepath.Join(b.dir, "questions")}, nil
}

// The share of the questions that are for names that do not exist, and how far
// from it a run may end, which does not end with the last question of the list.
const (
	missing          = 1.0 / 8
	missingTolerance = 0.01
	otherCodes       = 0.001 // share of the replies
)

// expected returns an error unless the replies under load had the response codes
// and the size that they had when each question was asked alone: a server that
// answers SERVFAIL, or cuts answers short, is fast too.
func (b *bench) expected(c *contender, p perfResult) error {
	if math.Abs(p.nxdomain-missing) > missingTolerance || p.otherCodes > otherCodes {
		return fmt.Errorf("%.1f %% of the replies were NXDOMAIN and %.1f %% neither that nor NOERROR, want %.1f %% and none",
			100*p.nxdomain, 100*p.otherCodes, 100*missing)
	}
	// dnsperf rounds to whole bytes. CoreDNS compresses names over UDP and not over
	// TCP.
	if want := b.result.Sizes[c.name].All; strict(c) && math.Abs(p.replySize-want) > 1+sizeTolerance*want {
		return fmt.Errorf("replies had %.0f bytes on average, want %.1f", p.replySize, want)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// A meter is what has been taken up to a moment.
type meter struct {
	server, load, upstream, machine time.Duration // CPU time
	allocations                     float64       // of the server, if it is a Go program
}

func (b *bench) meter(ctx context.Context, c *contender) (m meter, err error) {
	if c.metrics != "" {
		if m.allocations, err = allocations(ctx, c.metrics); err != nil {
			return m, err
		}
	}
	if m.server, err = cpuOf(c.pids); err != nil {
		return m, err
	}
	if m.load, err = cpuOfLoad(); err != nil {
		return m, err
	}
	if m.upstream, err = cpuOf(b.upstream); err != nil {
		return m, err
	}
	m.machine, err = cpuOfMachine()
	return m, err
}

// allocations reads how many objects a Go program has allocated so far.
func allocations(ctx context.Context, address string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	defer response.Body.Close()
	const name = "go_memstats_mallocs_total "
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), name); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	return 0, fmt.Errorf("no %sat %s", name, address)
}
