package main

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestNewNames sees that no name comes again, and that each list has the mix that
// runs are held to.
func TestNewNames(t *testing.T) {
	var b bench
	seen := make(map[question]bool)
	for range 3 {
		absent, quad, list := 0, 0, b.newNames(known)
		for _, q := range list {
			if seen[q] {
				t.Fatalf("%s %s comes again", q.name, dns.TypeToString[q.typ])
			}
			seen[q] = true
			if len(q.name) != len(list[0].name) {
				t.Errorf("%s and %s make replies of different sizes", q.name, list[0].name)
			}
			if strings.Contains(q.name, ".none.") {
				absent++
			}
			if q.typ == dns.TypeAAAA {
				quad++
			}
		}
		if float64(absent) != missing*known || quad != known/2 {
			t.Errorf("got %d names that do not exist and %d AAAA, want %g and %d", absent, quad, missing*known, known/2)
		}
	}
}

func TestCheckUpstream(t *testing.T) {
	tests := []struct {
		name    string
		load    string
		took    time.Duration
		replies float64
		fails   bool
		reason  string
	}{
		{"hits", loadHits, 0, 1e6, false, "all were cached"},
		{"a tick", loadHits, 2 * tick, 1e4, false, "what the clock can't tell"},
		{"hits of many", loadHits, 40 * time.Millisecond, 1e6, false, "one in a hundred"},
		{"hits that are not", loadHits, 100 * time.Millisecond, 1e6, true, "what the upstream needs for many"},
		{"misses", loadMisses, 400 * time.Millisecond, 1e5, false, "each was asked for"},
		{"misses that are not", loadMisses, 50 * time.Millisecond, 1e5, true, "fewer than the replies"},
		{"of no forwarder", loadUDP, 0, 1e6, false, "there is no upstream"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := checkUpstream(test.load, test.took, test.replies); (err != nil) != test.fails {
				t.Errorf("checkUpstream: got error %v, want one: %t: %s", err, test.fails, test.reason)
			}
		})
	}
}
