package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/test/binaries"
)

// A bar is a figure that Rollcall is held to.
type bar struct {
	Figure   string   `json:"figure"`
	Bar      float64  `json:"bar"`     // met by a figure up to it
	Stretch  *float64 `json:"stretch"` // likewise, if there is one
	Measured *float64 `json:"measured"`
	unit     string
}

// bars holds Rollcall to its bars, as far as they were measured. A latency
// beside that of a Knot that did not carry half of its own rate says nothing.
func bars(rows []row, forward []forwardRow, lookups *lookups) []bar {
	find := func(name string) row { return first(rows, func(w row) bool { return w.Server == name }) }
	ours, chain, peer, common := find(plain), find(kubeadm), find(knot), find(corednsKube)
	relay := first(forward, func(w forwardRow) bool { return w.Server == plainForward })
	number := func(f float64) *float64 { return &f }
	var later *float64
	if ours.P99 != nil && peer.P99 != nil && !peer.Overloaded {
		later = number(*ours.P99 - *peer.P99)
	}
	var batch, alone *float64
	if lookups != nil {
		batch, alone = number(lookups.Batch.ratio()), number(lookups.Alone.ratio())
	}
	return []bar{
		{"server CPU for each UDP query, against Knot DNS", 1.15, number(1.0), ours.UDPAgainst, "×"},
		{"the same, against CoreDNS with plugin kubernetes", 1.0 / 6, number(1.0 / 8), ratio(ours.UDPCPU, common.UDPCPU), "×"},
		{"server CPU for each pipelined TCP query, against Knot DNS", 1.3, number(1.0), ours.TCPAgainst, "×"},
		{"server CPU for each UDP query with the handlers of kubeadm's Corefile, against without", 1.03, nil, ratio(chain.UDPCPU, ours.UDPCPU), "×"},
		{"p99 latency at half of Knot's rate, beyond Knot's", 50, nil, later, "µs"},
		{"lookup among 100,000 Services, against 1,000, of questions that came together", 1.5, nil, batch, "×"},
		{"the same, of one question after another", 1.5, nil, alone, "×"},
		{"server CPU for each reply from the cache, against Unbound", 1.3, nil, relay.Hits.AgainstUnbound, "×"},
		{"the same, against CoreDNS", 1.0 / 4, nil, relay.Hits.AgainstCoreDNS, "×"},
		{"server CPU for each query that is forwarded, against CoreDNS", 1, nil, relay.Misses.AgainstCoreDNS, "×"},
	}
}

// first returns the first row that is wanted, or an empty one.
func first[W any](rows []W, wanted func(W) bool) (w W) {
	if i := slices.IndexFunc(rows, wanted); i >= 0 {
		return rows[i]
	}
	return w
}

// ratio is a / b, and nil if either was not measured.
func ratio(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	r := *a / *b
	return &r
}

// markdown is the tables. Nothing in it but the figures changes from run to run.
func (r *result) markdown() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d cores (%s), Linux %s, %s. %d Services; medians of %d rounds of %d seconds.\n\n",
		r.Machine.Cores, r.Machine.CPU, r.Machine.Kernel, r.Machine.Go, r.Options.Services, r.Options.Rounds, r.Options.Seconds)
	var worst disturbance
	for _, table := range []func(*strings.Builder) []disturbance{r.authorities, r.forwarders} {
		for _, d := range table(&s) {
			worst.MostOthers, worst.MostLoad = max(worst.MostOthers, d.MostOthers), max(worst.MostLoad, d.MostLoad)
		}
	}
	s.WriteString("| figure | bar | stretch | measured | |\n|---|---:|---:|---:|---|\n")
	for _, b := range r.Bars {
		fmt.Fprintf(&s, "| %s | ≤ %.3g %s | %s | %s | %s |\n", b.Figure, b.Bar, b.unit,
			strings.TrimSpace(figure("≤ %.3g", b.Stretch, 1)), figure("%.3g", b.Measured, 1), b.verdict())
	}
	r.latencies(&s)
	if l := r.Lookups; l != nil {
		fmt.Fprintf(&s, "\nA lookup among 1,000 and 100,000 Services, ns: %.0f and %.0f of questions that came together, %.0f and %.0f of one after another.\n",
			l.Batch.Small, l.Batch.Large, l.Alone.Small, l.Alone.Large)
	}
	fmt.Fprintf(&s, "\nOther processes of the machine took up to %.2f cores during a run; the load average was up to %.1f, of which 2 are the run's own.\n",
		worst.MostOthers, worst.MostLoad)
	return s.String()
}

// authorities writes the table of those, if there are any, and returns what
// disturbed them.
func (r *result) authorities(s *strings.Builder) (all []disturbance) {
	if len(r.Rows) == 0 {
		return nil
	}
	s.WriteString("| server | UDP queries/s | CPU, µs/query | × Knot | TCP queries/s | CPU, µs/query | × Knot | p50, µs | p99, µs | memory, MB | allocations/query | bytes/reply |\n")
	s.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, w := range r.Rows {
		p50, p99 := figure("%.0f", w.P50, 1), figure("%.0f", w.P99, 1)
		if w.Overloaded {
			p50, p99 = "overloaded", "overloaded"
		}
		line(s, descriptions[w.Server],
			figure("%.0f", w.UDP, 1), figure("%.2f", w.UDPCPU, 1), figure("%.2f", w.UDPAgainst, 1),
			figure("%.0f", w.TCP, 1), figure("%.2f", w.TCPCPU, 1), figure("%.2f", w.TCPAgainst, 1),
			p50, p99, figure("%.0f", w.Memory, 1e-6), figure("%.2f", w.Allocations, 1),
			fmt.Sprintf("%.0f", r.Sizes[w.Server].All))
		all = append(all, w.disturbance)
	}
	s.WriteByte('\n')
	return all
}

// forwarders writes the table of those, likewise.
func (r *result) forwarders(s *strings.Builder) (all []disturbance) {
	if len(r.Forward) == 0 {
		return nil
	}
	s.WriteString("| forwarding | cached: queries/s | CPU, µs/query | × Unbound | allocations/query | not cached: queries/s | CPU, µs/query | × Unbound | allocations/query | memory, MB | bytes/reply |\n")
	s.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, w := range r.Forward {
		cells := []string{descriptions[w.Server]}
		for _, f := range []forwarded{w.Hits, w.Misses} {
			cells = append(cells, figure("%.0f", f.PerSecond, 1), figure("%.2f", f.CPU, 1), figure("%.2f", f.AgainstUnbound, 1), figure("%.2f", f.Allocations, 1))
		}
		line(s, append(cells, figure("%.0f", w.Memory, 1e-6), fmt.Sprintf("%.0f", r.Sizes[w.Server].All))...)
		all = append(all, w.disturbance)
	}
	s.WriteByte('\n')
	return all
}

// latencies writes the p99 of each round, where they were measured: what moves from
// round to round for one and the same server, and for the echo, is the machine's.
func (r *result) latencies(s *strings.Builder) {
	var all []string
	for _, name := range append(authorities(), echo) {
		var rounds []string
		for _, run := range runsOf(r.Runs, name) {
			if run.Load == loadHalf && run.Lost <= lossAllowed {
				rounds = append(rounds, fmt.Sprintf("%.0f", run.P99))
			}
		}
		if len(rounds) > 0 {
			all = append(all, fmt.Sprintf("%s: %s", descriptions[name], strings.Join(rounds, ", ")))
		}
	}
	if len(all) > 0 {
		fmt.Fprintf(s, "\np99 in each round, µs: %s.\n", strings.Join(all, "; "))
	}
}

// line writes a line of a table.
func line(s *strings.Builder, cells ...string) {
	fmt.Fprintf(s, "| %s |\n", strings.Join(cells, " | "))
}

// figure formats a figure that may be missing.
func figure(format string, value *float64, scale float64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprintf(format, *value*scale)
}

// verdict is what the table says of a bar.
func (b bar) verdict() string {
	switch {
	case b.Measured == nil:
		return "not measured"
	case *b.Measured > b.Bar:
		return "missed"
	case b.Stretch != nil && *b.Measured <= *b.Stretch:
		return "stretch met"
	}
	return "met"
}

// The document that has the tables, between two lines of its own.
const (
	document = "docs/benchmark.md"
	begin    = "<!-- begin: written by go run ./bench -update -->\n"
	end      = "<!-- end -->\n"
)

// update writes the tables into the document.
func (r *result) update(ctx context.Context) error {
	module, err := binaries.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(module), document)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the manual: %w", err)
	}
	updated, err := splice(string(text), r.markdown())
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(updated), 0o644); err != nil {
		return fmt.Errorf("writing the manual: %w", err)
	}
	return nil
}

// splice puts the tables between the document's two lines.
func splice(text, tables string) (string, error) {
	before, rest, found := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("%s lacks the lines\n%s%s", document, begin, end)
	}
	return before + begin + tables + end + after, nil
}
