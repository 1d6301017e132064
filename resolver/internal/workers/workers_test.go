package workers_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dns/rollcall/resolver/internal/workers"
)

// TestPool sees that all functions run at once, that goroutines are kept and used
// again, up to the bound, and that they end with the pool.
func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kept = 3
		p := workers.New(kept)
		// burst has n functions wait for one another, and returns how many
		// goroutines there are when all have returned.
		burst := func(n int) int {
			var all sync.WaitGroup
			all.Add(n)
			for range n {
				p.Go(func() {
					all.Done()
					all.Wait()
				})
			}
			synctest.Wait()
			return goroutines()
		}
		for _, tt := range []struct {
			functions, want int
			reason          string
		}{
			{0, 0, "none is made in advance"},
			{2, 2, "both are kept"},
			{1, 2, "one of them is used"},
			{10, kept, "others than these end"},
			{kept, kept, "none is made anew"},
		} {
			if got := burst(tt.functions); got != tt.want {
				t.Errorf("%d goroutines after %d functions, want %d: %s", got, tt.functions, tt.want, tt.reason)
			}
		}
		p.Close()
		synctest.Wait()
		if got := goroutines(); got != 0 {
			t.Errorf("%d goroutines after Close", got)
		}
		if got := burst(2); got != 0 {
			t.Errorf("%d goroutines are kept after Close", got)
		}
	})
}

// goroutines returns how many goroutines pools have. It looks at stacks, as
// runtime.NumGoroutine also counts those of the test binary itself, and ones that
// are about to be gone.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "workers.(*Pool).work(")
}

// BenchmarkGo is of functions that need some stack.
func BenchmarkGo(b *testing.B) {
	deep := func() int { return depth(64) }
	pool := workers.New(16)
	defer pool.Close()
	for name, run := range map[string]func(func()){"pool": pool.Go, "go": func(f func()) { go f() }} {
		b.Run(name, func(b *testing.B) {
			done := make(chan int)
			f := func() { done <- deep() }
			b.ReportAllocs()
			for b.Loop() {
				run(f)
				<-done
			}
		})
	}
}

// depth takes about a hundred octets of stack, n times.
func depth(n int) int {
	var b [64]byte
	if n == 0 {
		return len(b)
	}
	return int(b[n%len(b)]) + depth(n-1)
}
