package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/process"
)

// startShell runs a shell script until the test ends.
func startShell(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Spec{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, Log: t.TempDir() + "/log"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestDiffer(t *testing.T) {
	questions := []question{{"a.", dns.TypeA}, {"b.", dns.TypeAAAA}}
	base := []answer{{dns.RcodeSuccess, 2, 100}, {dns.RcodeNameError, 0, 80}}
	tests := []struct {
		name   string
		other  []answer
		want   string // in the error; empty for none
		reason string
	}{
		{"same", base, "", "nothing differs"},
		{"size", []answer{{dns.RcodeSuccess, 2, 120}, base[1]}, "", "sizes are compared on average, elsewhere"},
		{"records", []answer{{dns.RcodeSuccess, 1, 100}, base[1]}, "1 of 2 answers differ, as a. A: NOERROR with 2", "an address is missing"},
		{"code", []answer{base[0], {dns.RcodeSuccess, 0, 80}}, "b. AAAA: NXDOMAIN", "NODATA is not NXDOMAIN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := differ(questions, base, test.other)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("differ: got error %v, want %q: %s", err, test.want, test.reason)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	questions := []question{{"a.", dns.TypeA}, {"b.", dns.TypeA}, {"c.", dns.TypeSRV}, {"d.", dns.TypeAAAA}, {"e.", dns.TypeA}}
	answers := []answer{{0, 1, 100}, {0, 10, 200}, {0, 10, 600}, {0, 0, 90}, {dns.RcodeNameError, 0, 110}}
	want := sizes{All: 220, Address: 150, Service: 600, NoData: 90, NXDomain: 110}
	if diff := cmp.Diff(want, sizesOf(questions, answers)); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

// threeRounds are runs of Rollcall and Knot whose third round was slow for both.
func threeRounds() []runResult {
	none := 0.0
	var runs []runResult
	for i, cpu := range []float64{6, 6, 9} {
		for _, load := range []string{loadUDP, loadTCP, loadHalf} {
			runs = append(runs,
				runResult{Round: i + 1, Server: plain, Load: load, CPU: cpu, PerSecond: 1000, Allocations: &none, P99: 80, P50: 40},
				runResult{Round: i + 1, Server: knot, Load: load, CPU: cpu / 1.2, PerSecond: 1000, P99: 40, P50: 30})
		}
	}
	return runs
}

func TestRows(t *testing.T) {
	all := rows(threeRounds())
	if len(all) != 2 || all[0].Server != plain || all[1].Server != knot {
		t.Fatalf("got %d rows, want Rollcall's and Knot's", len(all))
	}
	w := all[0]
	if *w.UDPCPU != 6 || math.Abs(*w.UDPAgainst-1.2) > 1e-9 || *w.Allocations != 0 {
		t.Errorf("Rollcall: got %v µs, %v × Knot, %v allocations, want 6, 1.2, 0", *w.UDPCPU, *w.UDPAgainst, *w.Allocations)
	}
	if all[1].Allocations != nil {
		t.Errorf("Knot: got %v allocations, want none told", *all[1].Allocations)
	}
}

func TestBars(t *testing.T) {
	tests := []struct {
		name   string
		change func(*runResult)
		want   []string
		reason string
	}{
		{"as they are", func(*runResult) {}, []string{"missed", "not measured", "met", "not measured", "met", "met", "missed", "not measured", "not measured", "not measured"}, "1.2 is beyond 1.15, and within 1.3; no CoreDNS; no kubeadm"},
		{"as fast as Knot", func(r *runResult) { r.CPU = 5 }, []string{"stretch met", "not measured", "stretch met", "not measured", "met", "met", "missed", "not measured", "not measured", "not measured"}, "1.0 is the stretch"},
		{"Knot overloaded", func(r *runResult) {
			if r.Server == knot {
				r.Lost = 0.1
			}
		}, []string{"missed", "not measured", "met", "not measured", "not measured", "met", "missed", "not measured", "not measured", "not measured"}, "its latency says nothing"},
		{"late", func(r *runResult) {
			if r.Server == plain {
				r.P99 = 91
			}
		}, []string{"missed", "not measured", "met", "not measured", "missed", "met", "missed", "not measured", "not measured", "not measured"}, "51 µs beyond Knot's"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runs := threeRounds()
			for i := range runs {
				test.change(&runs[i])
			}
			var got []string
			for _, b := range bars(rows(runs), nil, &lookups{Batch: sized{200, 290}, Alone: sized{200, 610}}) {
				got = append(got, b.verdict())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("verdicts (-want +got): %s\n%s", test.reason, diff)
			}
		})
	}
}

// threeForwardRounds are likewise, of forwarders.
func threeForwardRounds() []runResult {
	var runs []runResult
	for i, slow := range []float64{1, 1, 1.5} {
		for _, r := range []runResult{
			{Server: plainForward, Load: loadHits, CPU: 7}, {Server: plainForward, Load: loadMisses, CPU: 80},
			{Server: unbound, Load: loadHits, CPU: 6}, {Server: unbound, Load: loadMisses, CPU: 50},
			{Server: corednsForward, Load: loadHits, CPU: 35}, {Server: corednsForward, Load: loadMisses, CPU: 100},
		} {
			r.Round, r.CPU = i+1, r.CPU*slow
			runs = append(runs, r)
		}
	}
	return runs
}

func TestForwardRows(t *testing.T) {
	all := forwardRows(threeForwardRounds())
	if len(all) != 3 || all[0].Server != plainForward || all[1].Server != unbound || all[2].Server != corednsForward {
		t.Fatalf("got %d rows, want those of three servers", len(all))
	}
	w := all[0]
	h, m := w.Hits, w.Misses
	if *h.CPU != 7 || *m.CPU != 80 || math.Abs(*h.AgainstUnbound-7.0/6) > 1e-9 || math.Abs(*m.AgainstCoreDNS-0.8) > 1e-9 {
		t.Errorf("Rollcall: got %v and %v µs, %v × Unbound and %v × CoreDNS, want 7, 80, 7/6, 0.8", *h.CPU, *m.CPU, *h.AgainstUnbound, *m.AgainstCoreDNS)
	}
}

func TestForwardBars(t *testing.T) {
	tests := []struct {
		name   string
		change func(*runResult)
		want   []string // of hits against Unbound and CoreDNS, and misses against CoreDNS
		reason string
	}{
		{"as they are", func(*runResult) {}, []string{"met", "met", "met"}, "7/6, 1/5, 4/5"},
		{"slow hits", func(r *runResult) {
			if r.Server == plainForward && r.Load == loadHits {
				r.CPU *= 1.3
			}
		}, []string{"missed", "missed", "met"}, "1.5 is beyond 1.3, and 0.26 beyond a quarter"},
		{"slow misses", func(r *runResult) {
			if r.Server == plainForward && r.Load == loadMisses {
				r.CPU *= 1.3
			}
		}, []string{"met", "met", "missed"}, "1.04 is beyond 1"},
		{"no Unbound", func(r *runResult) {
			if r.Server == unbound {
				r.Server = corednsFile
			}
		}, []string{"not measured", "met", "met"}, "nothing to compare with"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runs := threeForwardRounds()
			for i := range runs {
				test.change(&runs[i])
			}
			var got []string
			for _, b := range bars(nil, forwardRows(runs), nil) {
				got = append(got, b.verdict())
			}
			if diff := cmp.Diff(test.want, got[len(got)-3:]); diff != "" {
				t.Errorf("verdicts (-want +got): %s\n%s", test.reason, diff)
			}
		})
	}
}

// TestMarkdown sees that there is a table of what was measured, and none of what
// was not.
func TestMarkdown(t *testing.T) {
	const authority, forward, bar = "| server | UDP queries/s |", "| forwarding | cached: queries/s |", "| figure | bar |"
	tests := []struct {
		name     string
		runs     []runResult
		has, not []string
	}{
		{"authorities", threeRounds(), []string{authority, bar}, []string{forward}},
		{"forwarders", threeForwardRounds(), []string{forward, bar}, []string{authority}},
		{"both", slices.Concat(threeRounds(), threeForwardRounds()), []string{authority, forward, bar}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := result{Runs: test.runs}
			if err := r.summarise(); err != nil {
				t.Fatal(err)
			}
			text := r.markdown()
			for _, part := range test.has {
				if strings.Count(text, part) != 1 {
					t.Errorf("%q is not there once:\n%s", part, text)
				}
			}
			for _, part := range test.not {
				if strings.Contains(text, part) {
					t.Errorf("%q is there:\n%s", part, text)
				}
			}
			cells := 0 // of the table that a line is in
			for line := range strings.Lines(text) {
				switch n := strings.Count(line, "|"); {
				case n == 0 || cells == 0:
					cells = n
				case n != cells:
					t.Errorf("%d cells in a table of %d: %s", n-1, cells-1, line)
				}
			}
		})
	}
}

func TestMedian(t *testing.T) {
	cpu := func(r runResult) float64 { return r.CPU }
	runs := []runResult{{Load: loadUDP, CPU: 9}, {Load: loadUDP, CPU: 1}, {Load: loadTCP, CPU: 5}, {Load: loadUDP, CPU: 2}}
	if got := median(runs, loadUDP, cpu); got == nil || *got != 2 {
		t.Errorf("of three: got %v, want 2", got)
	}
	if got := median(runs[:2], loadUDP, cpu); got == nil || *got != 5 {
		t.Errorf("of two: got %v, want 5, between them", got)
	}
	if got := median(runs, loadHalf, cpu); got != nil {
		t.Errorf("of none: got %v, want nothing", *got)
	}
	if got := median(runs, loadUDP, func(runResult) float64 { return math.NaN() }); got != nil {
		t.Errorf("of no numbers: got %v, want nothing", *got)
	}
}

func TestSplice(t *testing.T) {
	got, err := splice("before\n"+begin+"old\n"+end+"after\n", "new\n")
	if want := "before\n" + begin + "new\n" + end + "after\n"; err != nil || got != want {
		t.Errorf("splice: got %q, error %v, want %q", got, err, want)
	}
	if _, err := splice("nothing", "new\n"); err == nil {
		t.Error("splice without the lines: got no error")
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, args string
		fails      bool
		reason     string
	}{
		{"defaults", "", false, "everything"},
		{"quick", "-servers rollcall,knot -rounds 1 -seconds 1 -services 200", false, "to iterate"},
		{"whole and written", "-update -rounds 5", false, "more than the defaults"},
		{"part and written", "-update -servers rollcall,knot", true, "the manual has whole runs alone"},
		{"short and written", "-update -rounds 2", true, "likewise"},
		{"unknown server", "-servers bind", true, "not a contender"},
		{"no rounds", "-rounds 0", true, "nothing to report"},
		{"odd world", "-services 150", true, "the mix is of hundreds"},
		{"forwarders", "-forward -rounds 1 -seconds 3", false, "to iterate"},
		{"one of them", "-forward -servers rollcall,unbound", false, "the other does not forward"},
		{"none of them", "-forward -servers rollcall,knot", true, "nothing to measure"},
		{"forwarders and written", "-forward -update", true, "the manual has whole runs alone"},
		{"long", "-seconds 21", true, "what is cached ends"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parse(strings.Fields(test.args)); (err != nil) != test.fails {
				t.Errorf("parse(%q): got error %v, want one: %t: %s", test.args, err, test.fails, test.reason)
			}
		})
	}
}
