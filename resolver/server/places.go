package server

import (
	"context"
	"slices"
	"sync"
)

// places are what queries over TCP take that take long: so many in all, shared
// between sources. What one may have is a part of those that are free, so that some
// are left for the next, and the one after that. A place is not taken away again:
// a client that reads slowly has it for long.
type places struct {
	most int

	mu      sync.Mutex
	taken   int
	shares  map[source]*share // those with places, or who wait for one
	waiting map[source]*share // those who wait
}

// share is what a source has of places. It is guarded by their mu.
type share struct {
	taken   int
	waiters []chan struct{} // each is closed when a place was taken for it, the first first
}

// sharePart says which part of the free places a source may have: of 4096, one alone
// has 241, and after 36 that took what they could there are 453 for others.
const sharePart = 16

// mayTake reports whether a source with that share, which may be nil, may take
// another place. mu is held.
func (p *places) mayTake(s *share) bool {
	free := p.most - p.taken
	return free > 0 && (s == nil || s.taken*sharePart < free)
}

func newPlaces(most int) *places {
	return &places{most: most, shares: map[source]*share{}, waiting: map[source]*share{}}
}

// tryTake takes a place if there is one, and returns the limit that refuses it
// otherwise.
func (p *places) tryTake(from source) (refused Limit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s := p.shares[from]; {
	case p.taken == p.most:
		return TooManyWaiting
	case !p.mayTake(s):
		return TooManyFromSourceWaiting
	}
	p.share(from).taken++
	p.taken++
	return ""
}

// share returns what a source has, from now on if nothing. mu is held.
func (p *places) share(from source) *share {
	s := p.shares[from]
	if s == nil {
		s = new(share)
		p.shares[from] = s
	}
	return s
}

// take takes a place when there is one. It reports false if ctx ends first.
func (p *places) take(ctx context.Context, from source) bool {
	if p.tryTake(from) == "" {
		return true
	}
	granted := p.await(from)
	select {
	case <-granted:
		return true
	case <-ctx.Done():
	}
	p.leave(from, granted)
	return false
}

// await has the caller wait for a place, unless there is one by now.
func (p *places) await(from source) chan struct{} {
	granted := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.share(from)
	s.waiters = append(s.waiters, granted)
	p.waiting[from] = s
	p.grant()
	return granted
}

// leave has the caller not wait any more, or give back what it was granted
// meanwhile.
func (p *places) leave(from source, granted chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[from]
	if i := slices.Index(s.waiters, granted); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
		p.tidy(from, s)
		return
	}
	p.free(from)
}

// giveBack gives a place back, to those who wait for one.
func (p *places) giveBack(from source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free(from)
}

// free is giveBack with mu held.
func (p *places) free(from source) {
	s := p.shares[from]
	s.taken--
	p.taken--
	p.tidy(from, s)
	p.grant()
}

// grant gives places to those who wait and may have one: a map's order, which is
// random, prefers nobody. mu is held.
func (p *places) grant() {
	for again := true; again; {
		again = false
		for from, s := range p.waiting {
			if !p.mayTake(s) {
				continue
			}
			close(s.waiters[0])
			s.waiters = slices.Delete(s.waiters, 0, 1)
			s.taken++
			p.taken++
			p.tidy(from, s)
			again = true
		}
	}
}

// tidy forgets what a source does not have. mu is held.
func (p *places) tidy(from source, s *share) {
	if len(s.waiters) == 0 {
		delete(p.waiting, from)
		if s.taken == 0 {
			delete(p.shares, from)
		}
	}
}
