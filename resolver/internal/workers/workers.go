// Package workers runs functions on goroutines that are used again. A new
// goroutine has a small stack, which is copied each time that it must grow, as it
// does a few times on the way through a chain of handlers; one that has run a
// function before has the stack that it needs.
package workers

import "sync/atomic"

// Pool runs functions. Make it with New. It is safe for concurrent use.
type Pool struct {
	jobs chan func() // to goroutines that idle
	idle atomic.Int64
	most int64
	stop chan struct{}
}

// New returns a pool that keeps at most so many goroutines that have nothing to
// do.
func New(most int) *Pool {
	return &Pool{jobs: make(chan func()), most: int64(most), stop: make(chan struct{})}
}

// Go calls f in another goroutine, at once, however many there are. Whoever must
// know when f has returned has f tell.
func (p *Pool) Go(f func()) {
	select {
	case p.jobs <- f:
	default:
		go p.work(f)
	}
}

// Close ends the goroutines that have nothing to do; others end when their
// functions have returned. Go still works. Close must be called once.
func (p *Pool) Close() { close(p.stop) }

func (p *Pool) work(f func()) {
	for f != nil {
		f()
		f = p.next()
	}
}

// next waits for another function. It returns nil if the goroutine is to end.
func (p *Pool) next() (f func()) {
	defer p.idle.Add(-1)
	if p.idle.Add(1) > p.most {
		return nil
	}
	select {
	case f = <-p.jobs:
	case <-p.stop:
	}
	return f
}
