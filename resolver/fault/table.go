package fault

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rollcall-dns/rollcall/resolver"
)

// Config says how a Table does its faults.
type Config struct {
	// Seed is what chance follows from.
	Seed uint64
	// Freeze returns what answers, for good, as names of the cluster are answered
	// now, and says Elsewhere of others. Nil if there is no such thing, and no Stale.
	Freeze func() (resolver.Handler, error)
}

// Table has the faults of a server. It is safe for concurrent use.
type Table struct {
	config Config
	// set are the faults in order: replaced as a whole, under mu.
	set atomic.Pointer[[]*active]

	mu   sync.Mutex
	last int // the ID of the last one set; guarded by mu
}

// active is a fault that is set.
type active struct {
	rule
	Fault
	id     int
	frozen resolver.Handler // of Stale

	mu   sync.Mutex
	rand *rand.Rand // guarded by mu, as all below
	seen int        // questions that it was for
	done int        // those that it happened to
}

// New returns a Table without faults.
func New(c Config) *Table {
	t := &Table{config: c}
	t.set.Store(new([]*active))
	return t
}

// Set adds a fault, and returns a number to clear it by. The next question has it.
func (t *Table) Set(f Fault) (id int, err error) {
	r, err := f.parse()
	if err != nil {
		return 0, err
	}
	a := &active{rule: r, Fault: f}
	if f.Do == Stale {
		if t.config.Freeze == nil {
			return 0, fmt.Errorf("%w: nothing here can be stale", ErrFault)
		}
		if a.frozen, err = t.config.Freeze(); err != nil {
			return 0, fmt.Errorf("stale: %w", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	a.id = t.last
	a.rand = rand.New(rand.NewPCG(t.config.Seed, uint64(a.id)))
	all := append(slices.Clone(*t.set.Load()), a)
	t.set.Store(&all)
	return a.id, nil
}

// Clear takes away the faults of these numbers, or all if there are none. It
// reports whether all of those were set.
func (t *Table) Clear(ids ...int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var left []*active
	gone := 0
	for _, a := range *t.set.Load() {
		if len(ids) > 0 && !slices.Contains(ids, a.id) {
			left = append(left, a)
		} else {
			gone++
		}
	}
	t.set.Store(&left)
	return gone >= len(ids)
}

// State is a fault that is set, and what came of it.
type State struct {
	ID int
	Fault
	// Seen are the questions that it was for, Done those that it happened to.
	Seen, Done int
}

// States returns the faults that are set, in order.
func (t *Table) States() []State {
	var all []State
	for _, a := range *t.set.Load() {
		a.mu.Lock()
		all = append(all, State{a.id, a.Fault, a.seen, a.done})
		a.mu.Unlock()
	}
	return all
}

// happens counts a question that the fault is for, and reports whether it happens
// to it.
func (a *active) happens() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.seen - a.Skip
	a.seen++
	switch {
	case n < 0, a.Every > 0 && n%a.Every != 0, a.Count > 0 && a.done >= a.Count:
		return false
	case a.Probability > 0 && a.rand.Float64() >= a.Probability:
		return false
	}
	a.done++
	return true
}

// shuffle calls rand.Shuffle with the fault's own chance.
func (a *active) shuffle(n int, swap func(i, j int)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rand.Shuffle(n, swap)
}
