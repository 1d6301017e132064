package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A result is all that a run of the program found, as bench.json has it.
type result struct {
	Machine machine          `json:"machine"`
	Options resultOptions    `json:"options"`
	Sizes   map[string]sizes `json:"reply_bytes"` // by contender
	Rows    []row            `json:"rows"`
	Forward []forwardRow     `json:"forwarding"`
	Lookups *lookups         `json:"lookups_ns"`
	Bars    []bar            `json:"bars"`
	Runs    []runResult      `json:"runs"`
}

type resultOptions struct {
	Rounds   int `json:"rounds"`
	Seconds  int `json:"seconds"`
	Services int `json:"services"`
}

// A machine is what figures depend on.
type machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// summarise fills in the machine, and sums the runs up.
func (r *result) summarise() error {
	r.Machine = machine{Cores: runtime.NumCPU(), CPU: "unknown", Go: runtime.Version()}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return fmt.Errorf("reading what processor this is: %w", err)
	}
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			r.Machine.CPU = strings.TrimSpace(value)
			break
		}
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return fmt.Errorf("reading what kernel this is: %w", err)
	}
	// The numbers alone: what stands behind them is the builder's.
	r.Machine.Kernel, _, _ = strings.Cut(strings.TrimSpace(string(release)), "-")
	r.Rows = rows(r.Runs)
	r.Forward = forwardRows(r.Runs)
	r.Bars = bars(r.Rows, r.Forward, r.Lookups)
	return nil
}

// A row is one contender: the medians of its runs. A figure that was not measured
// is nil.
type row struct {
	Server      string   `json:"server"`
	UDP         *float64 `json:"udp_queries_per_second"`
	UDPCPU      *float64 `json:"udp_cpu_us"`
	UDPAgainst  *float64 `json:"udp_cpu_against_knot"`
	TCP         *float64 `json:"tcp_queries_per_second"`
	TCPCPU      *float64 `json:"tcp_cpu_us"`
	TCPAgainst  *float64 `json:"tcp_cpu_against_knot"`
	P50         *float64 `json:"half_p50_us"`
	P99         *float64 `json:"half_p99_us"`
	Overloaded  bool     `json:"half_overloaded"` // it did not carry the load of the latencies
	Memory      *float64 `json:"memory_bytes"`
	Allocations *float64 `json:"udp_allocations"`
	disturbance
}

// A forwardRow is one contender that forwards, likewise.
type forwardRow struct {
	Server string    `json:"server"`
	Hits   forwarded `json:"hits"`
	Misses forwarded `json:"misses"`
	Memory *float64  `json:"memory_bytes"` // after misses
	disturbance
}

// forwarded are the figures of a forwarder under one load.
type forwarded struct {
	PerSecond      *float64 `json:"queries_per_second"`
	CPU            *float64 `json:"cpu_us"`
	AgainstUnbound *float64 `json:"cpu_against_unbound"`
	AgainstCoreDNS *float64 `json:"cpu_against_coredns"`
	Allocations    *float64 `json:"allocations"`
}

// disturbance is the worst of a contender's runs: how far its figures can be
// trusted.
type disturbance struct {
	MostOthers float64 `json:"most_others_cores"`
	MostLoad   float64 `json:"most_load_average"`
}

func disturbanceOf(runs []runResult) (d disturbance) {
	for _, r := range runs {
		d.MostOthers, d.MostLoad = max(d.MostOthers, r.Others), max(d.MostLoad, r.LoadAverage)
	}
	return d
}

// lossAllowed is the share of questions without a reply up to which a server
// carries a load. A pause of a few milliseconds fills a socket's buffer, and is
// a matter of the latencies.
const lossAllowed = 0.02

// The figures of runs that rows are made of. One that a run does not have is not
// a number.
func perSecond(r runResult) float64 { return r.PerSecond }
func cpu(r runResult) float64       { return r.CPU }
func memory(r runResult) float64    { return float64(r.Memory) }

func allocated(r runResult) float64 {
	if r.Allocations == nil {
		return math.NaN()
	}
	return *r.Allocations
}

// against returns the ratio of a run's CPU time to that of a peer under the same
// load in the same round, since what a machine does to one contender in a round it
// does to the next as well.
func against(runs []runResult, peer string) func(runResult) float64 {
	return func(r runResult) float64 {
		i := slices.IndexFunc(runs, func(p runResult) bool { return p.Server == peer && p.Load == r.Load && p.Round == r.Round })
		if i < 0 {
			return math.NaN()
		}
		return r.CPU / runs[i].CPU
	}
}

// runsOf returns a contender's runs.
func runsOf(runs []runResult, name string) []runResult {
	return slices.DeleteFunc(slices.Clone(runs), func(r runResult) bool { return r.Server != name })
}

// rows returns a row for each authority that the runs have, in the order of their
// names.
func rows(runs []runResult) []row {
	var all []row
	for _, name := range authorities() {
		own := runsOf(runs, name)
		if len(own) == 0 {
			continue
		}
		w := row{
			Server:      name,
			UDP:         median(own, loadUDP, perSecond),
			UDPCPU:      median(own, loadUDP, cpu),
			UDPAgainst:  median(own, loadUDP, against(runs, knot)),
			TCP:         median(own, loadTCP, perSecond),
			TCPCPU:      median(own, loadTCP, cpu),
			TCPAgainst:  median(own, loadTCP, against(runs, knot)),
			P50:         median(own, loadHalf, func(r runResult) float64 { return r.P50 }),
			P99:         median(own, loadHalf, func(r runResult) float64 { return r.P99 }),
			Memory:      median(own, loadUDP, memory),
			Allocations: median(own, loadUDP, allocated),
			disturbance: disturbanceOf(own),
		}
		if lost := median(own, loadHalf, func(r runResult) float64 { return r.Lost }); lost != nil {
			w.Overloaded = *lost > lossAllowed
		}
		all = append(all, w)
	}
	return all
}

// forwardRows returns a row for each forwarder that the runs have, likewise.
func forwardRows(runs []runResult) []forwardRow {
	var all []forwardRow
	for _, name := range forwarders() {
		own := runsOf(runs, name)
		if len(own) == 0 {
			continue
		}
		under := func(load string) forwarded {
			return forwarded{
				PerSecond:      median(own, load, perSecond),
				CPU:            median(own, load, cpu),
				AgainstUnbound: median(own, load, against(runs, unbound)),
				AgainstCoreDNS: median(own, load, against(runs, corednsForward)),
				Allocations:    median(own, load, allocated),
			}
		}
		all = append(all, forwardRow{
			Server: name, Hits: under(loadHits), Misses: under(loadMisses),
			Memory: median(own, loadMisses, memory), disturbance: disturbanceOf(own),
		})
	}
	return all
}

// median returns the median of a figure over the runs with a load; nil if there
// is none, or it is not a number in one of them.
func median(runs []runResult, load string, figure func(runResult) float64) *float64 {
	var values []float64
	for _, r := range runs {
		if r.Load == load {
			values = append(values, figure(r))
		}
	}
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return nil
	}
	m := medianOf(values)
	return &m
}

// write writes the tables for people.
func (r *result) write(w io.Writer) error {
	_, err := io.WriteString(w, r.markdown())
	return err
}

// writeJSON writes everything into a file, whose folder it makes.
func (r *result) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("creating the result's folder: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
