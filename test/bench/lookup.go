package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dns/rollcall/test/binaries"
)

// lookups are how long the zone takes for an answer, in ns, with 100,000 Services
// and with 1,000, without any server around it.
type lookups struct {
	// Batch is of questions that came together, as they do under load.
	Batch sized `json:"batch"`
	// Alone is of one question after another.
	Alone sized `json:"alone"`
}

type sized struct {
	Small float64 `json:"services_1000"`
	Large float64 `json:"services_100000"`
}

func (s sized) ratio() float64 { return s.Large / s.Small }

// The benchmarks of package zone, as go test calls them, that lookups are of.
const (
	batchName = "BenchmarkAnswerBatch/services=%d/warm=true"
	aloneName = "BenchmarkAnswer/A/services=%d"
)

// lookup runs the benchmarks of package zone on the load's core, several times each,
// and returns the medians.
func (b *bench) lookup(ctx context.Context) (*lookups, error) {
	module, err := binaries.ModuleRoot(ctx)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(b.dir, "zone.test")
	root := filepath.Dir(module)
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./zone")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the benchmarks of package zone: %w\n%s", err, text)
	}
	if err := b.quiet(ctx); err != nil {
		return nil, err
	}
	if err := pin(loadCore); err != nil {
		return nil, err
	}
	b.logf("looking up names of 1,000 and of 100,000 Services")
	run := exec.CommandContext(ctx, program, "-test.run", "^$", "-test.bench", "^BenchmarkAnswer(Batch)?$/^(A|services=.*)$/^(warm=true|services=.*)$",
		"-test.cpu", "1", "-test.count", "5")
	run.Dir = b.dir
	text, err := run.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("the benchmarks of package zone: %w\n%s", err, text)
	}
	return parseLookups(text)
}

// parseLookups reads what go test prints of benchmarks.
func parseLookups(text []byte) (*lookups, error) {
	took := make(map[string][]float64)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, fmt.Errorf("a benchmark's line %q: %w", lines.Text(), err)
		}
		took[fields[0]] = append(took[fields[0]], ns)
	}
	var l lookups
	for _, f := range []struct {
		to       *float64
		name     string
		services int
	}{
		{&l.Batch.Small, batchName, 1000}, {&l.Batch.Large, batchName, 100_000},
		{&l.Alone.Small, aloneName, 1000}, {&l.Alone.Large, aloneName, 100_000},
	} {
		name := fmt.Sprintf(f.name, f.services)
		if *f.to = medianOf(took[name]); math.IsNaN(*f.to) {
			return nil, fmt.Errorf("no figure of %s in\n%s", name, text)
		}
	}
	return &l, nil
}

// medianOf returns the median of values, which it sorts; of none it is not a number.
func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
