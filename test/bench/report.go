package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// bars holds Rollcall to its bars, as far as the contenders are there. A latency
// beside that of a Knot that did not carry half of its own rate says nothing.
func bars(rows []row) []bar {
	find := func(name string) row {
		for _, w := range rows {
			if w.Server == name {
				return w
			}
		}
		return row{}
	}
	ours, chain, peer, common := find(plain), find(kubeadm), find(knot), find(corednsKube)
	number := func(f float64) *float64 { return &f }
	all := []bar{
		{"server CPU for each UDP query, against Knot DNS", 1.15, number(1.0), ours.UDPAgainst, "×"},
		{"the same, against CoreDNS with plugin kubernetes", 1.0 / 6, number(1.0 / 8), ratio(ours.UDPCPU, common.UDPCPU), "×"},
		{"server CPU for each pipelined TCP query, against Knot DNS", 1.3, number(1.0), ours.TCPAgainst, "×"},
		{"server CPU for each UDP query with the handlers of kubeadm's Corefile, against without", 1.03, nil, ratio(chain.UDPCPU, ours.UDPCPU), "×"},
		{"p99 latency at half of Knot's rate, beyond Knot's", 50, nil, nil, "µs"},
	}
	if ours.P99 != nil && peer.P99 != nil && !peer.Overloaded {
		all[len(all)-1].Measured = number(*ours.P99 - *peer.P99)
	}
	return all
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
	s.WriteString("| server | UDP queries/s | CPU, µs/query | × Knot | TCP queries/s | CPU, µs/query | × Knot | p50, µs | p99, µs | memory, MB | allocations/query | bytes/reply |\n")
	s.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	var others, load float64
	for _, w := range r.Rows {
		p50, p99 := figure("%.0f", w.P50, 1), figure("%.0f", w.P99, 1)
		if w.Overloaded {
			p50, p99 = "overloaded", "overloaded"
		}
		cells := []string{
			descriptions[w.Server],
			figure("%.0f", w.UDP, 1), figure("%.2f", w.UDPCPU, 1), figure("%.2f", w.UDPAgainst, 1),
			figure("%.0f", w.TCP, 1), figure("%.2f", w.TCPCPU, 1), figure("%.2f", w.TCPAgainst, 1),
			p50, p99, figure("%.0f", w.Memory, 1e-6), figure("%.2f", w.Allocations, 1),
			fmt.Sprintf("%.0f", r.Sizes[w.Server].All),
		}
		fmt.Fprintf(&s, "| %s |\n", strings.Join(cells, " | "))
		others, load = max(others, w.MostOthers), max(load, w.MostLoad)
	}
	s.WriteString("\n| figure | bar | stretch | measured | |\n|---|---:|---:|---:|---|\n")
	for _, b := range r.Bars {
		fmt.Fprintf(&s, "| %s | ≤ %.3g %s | %s | %s | %s |\n", b.Figure, b.Bar, b.unit,
			strings.TrimSpace(figure("≤ %.3g", b.Stretch, 1)), figure("%.3g", b.Measured, 1), b.verdict())
	}
	fmt.Fprintf(&s, "\nOther processes of the machine took up to %.2f cores during a run; the load average was up to %.1f, of which 2 are the run's own.\n", others, load)
	return s.String()
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
