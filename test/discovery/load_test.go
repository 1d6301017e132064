package discovery

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// TestWatchers measures what many watchers of one name cost the server. The bar for
// 1,000 is 1 % of a core once they are no longer eager, 30 s after the start (-after).
// What the test demands holds before that, too, on a machine that does other things
// at a time.
func TestWatchers(t *testing.T) {
	const demanded = 15.0 // percent of a core
	if err := scale("many", 7000, 3); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	var known, failed atomic.Int64
	for i := range *watchers {
		updates, err := peers.Watch(ctx, "many", peers.Options{
			Servers: []string{server.Addr.String()}, Search: []string{"default.svc.cluster.local"},
			Failed: func(error) { failed.Add(1) },
		})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			// As they would be in pods that were started one after the other.
			time.Sleep(time.Duration(i) * time.Second / time.Duration(*watchers))
			complete := false
			for update := range updates {
				if !complete && len(update.Peers) == 3 {
					complete = true
					known.Add(1)
				}
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); known.Load() < int64(*watchers); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d watchers know the peers", known.Load(), *watchers)
		}
	}
	time.Sleep(*after)
	before, err := server.Process.CPU()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	time.Sleep(*duration) // what is measured, not what is waited for
	now, err := server.Process.CPU()
	if err != nil {
		t.Fatal(err)
	}
	percent := 100 * (now - before).Seconds() / time.Since(start).Seconds()
	cancel()
	group.Wait()
	t.Logf("%d watchers, by the default interval: %.2f %% of a core of the server; %d look-ups failed", *watchers, percent, failed.Load())
	if percent > demanded*float64(max(*watchers, 1000))/1000 {
		t.Errorf("%.2f %% of a core, want at most %.0f", percent, demanded)
	}
}
