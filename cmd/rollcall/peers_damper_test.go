package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDamper has the times of changes, and those at which they are acted on, in
// seconds.
func TestDamper(t *testing.T) {
	every := func(pause, n int) (at []int) {
		for i := range n {
			at = append(at, 100+i*pause)
		}
		return at
	}
	tests := []struct {
		name    string
		changes []int
		cancel  bool  // after each change
		want    []int // nil: only how many
		most    int   // acts
		reason  string
	}{
		{"one", []int{100}, false, []int{101}, 1, "settled after a second"},
		{"two at a time", []int{100, 101}, false, []int{102}, 1, "not settled in between"},
		{"far apart", []int{100, 200, 300}, false, []int{101, 201, 301}, 3, "each alone"},
		{"back again", []int{100, 110}, true, nil, 0, "nothing is different"},
		{"rollout, a pod a second", every(1, 50), false, nil, 3, "never settled; not later than thirty seconds"},
		{"rollout, a pod each two seconds", every(2, 50), false, nil, 10, "the time between acts doubles"},
		{"rollout, a pod each ten seconds", every(10, 50), false, nil, 25, "the same, over eight minutes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			second := func(n int) time.Time { return time.Unix(int64(n), 0) }
			d := damper{settle: time.Second, max: 30 * time.Second}
			d.act(second(0)) // the start
			var got []int
			pending := 0 // when the first change came that was not acted on
			for now := 100; now < 1000; now++ {
				if slices.Contains(tt.changes, now) {
					if _, due := d.due(); !due {
						pending = now
					}
					d.change(second(now))
					if tt.cancel {
						d.cancel()
					}
				}
				if at, due := d.due(); due && !at.After(second(now)) {
					d.act(second(now))
					got = append(got, now)
					if now-pending > 30 {
						t.Errorf("a change at %d waits until %d", pending, now)
					}
				}
			}
			if tt.want != nil && !cmp.Equal(tt.want, got) || len(got) > tt.most || len(got) == 0 && tt.most > 0 {
				t.Errorf("acts at %v, want %v, at most %d (%s)", got, tt.want, tt.most, tt.reason)
			}
			if len(got) > 0 && got[len(got)-1] <= tt.changes[len(tt.changes)-1] {
				t.Errorf("acts at %v: the last change is never acted on", got)
			}
		})
	}
}
