package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLookups(t *testing.T) {
	const text = `goos: linux
BenchmarkAnswerBatch/services=1000/warm=true         	 2835570	       203.1 ns/op
BenchmarkAnswerBatch/services=1000/warm=true         	 2716483	       211.0 ns/op
BenchmarkAnswerBatch/services=1000/warm=true         	 2528241	       219.6 ns/op
BenchmarkAnswerBatch/services=100000/warm=true       	 2117566	       278.3 ns/op
BenchmarkAnswer/A/services=1000                      	 3027998	       191.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkAnswer/A/services=100000                    	  931208	       636.8 ns/op	       0 B/op	       0 allocs/op
BenchmarkAnswer/A/services=100000                    	  931208	       600.0 ns/op	       0 B/op	       0 allocs/op
PASS
`
	tests := []struct {
		name, text string
		want       *lookups
		reason     string
	}{
		{"whole", text, &lookups{Batch: sized{211, 278.3}, Alone: sized{191, 618.4}}, "medians of what there is"},
		{"renamed", strings.ReplaceAll(text, "warm=true", "warm=yes"), nil, "a benchmark that is gone is no figure of 0"},
		{"nothing", "PASS\n", nil, "nothing ran"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseLookups([]byte(test.text))
			if (err != nil) != (test.want == nil) {
				t.Fatalf("error %v: %s", err, test.reason)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("lookups (-want +got): %s\n%s", test.reason, diff)
			}
		})
	}
}
