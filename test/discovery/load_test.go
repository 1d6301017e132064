package discovery

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/peers"
	contenders "github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
)

// TestWatchers measures what many watchers of one name cost the server, and what they
// cost CoreDNS, with the same records in a file. The bar for 1,000 is 1 % of a core once
// they are no longer eager, 30 s after the start (-after). What the test demands
// holds before that, too, on a machine that does other things at a time.
func TestWatchers(t *testing.T) {
	const demanded = 15.0 // percent of a core
	if err := scale("many", 7000, 3); err != nil {
		t.Fatal(err)
	}
	zone := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(zone, []byte(sameAsMany), 0o644); err != nil {
		t.Fatal(err)
	}
	coredns, err := contenders.CoreDNS(t.Context(), filepath.Dir(zone), t.Logf, "file "+zone+" cluster.local")
	if err != nil {
		t.Fatal(err)
	}
	defer coredns.Process.Kill()
	peer := load(t, coredns.Addr.String(), coredns.Process)
	percent := load(t, server.Addr.String(), server.Process)
	t.Logf("%d watchers, by the default interval: %.2f %% of a core of Rollcall, %.2f %% of CoreDNS, whose plugin file has the zone", *watchers, percent, peer)
	if percent > demanded*float64(max(*watchers, 1000))/1000 {
		t.Errorf("%.2f %% of a core, want at most %.0f", percent, demanded)
	}
	if percent > peer {
		t.Errorf("%.2f %% of a core, want at most CoreDNS's %.2f", percent, peer)
	}
}

// sameAsMany is the zone of the Service that TestWatchers watches, for CoreDNS.
const sameAsMany = `cluster.local. 5 SOA ns.dns hostmaster 1 7200 1800 86400 1
cluster.local. 5 NS ns.dns.cluster.local.
ns.dns.cluster.local. 5 A 10.96.0.10
$ORIGIN many.default.svc.cluster.local.
@ 5 SRV 0 33 7000 many-0
@ 5 SRV 0 33 7000 many-1
@ 5 SRV 0 33 7000 many-2
many-0 5 A 127.0.0.2
many-1 5 A 127.0.0.3
many-2 5 A 127.0.0.4
`

// load has the watchers watch at a server, and returns what that took of a core, in
// percent.
func load(t *testing.T, addr string, p *process.Process) float64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	var known, failed atomic.Int64
	for i := range *watchers {
		updates, err := peers.Watch(ctx, "many", peers.Options{
			Servers: []string{addr}, Search: []string{"default.svc.cluster.local"},
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
	before, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	time.Sleep(*duration) // what is measured, not what is waited for
	now, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	percent := 100 * (now - before).Seconds() / time.Since(start).Seconds()
	cancel()
	group.Wait()
	if n := failed.Load(); n > 0 {
		t.Logf("%s: %d look-ups failed", addr, n)
	}
	return percent
}
