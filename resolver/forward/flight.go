package forward

import (
	"errors"
	"sync"
)

// errClosed is why a query that comes after Close has no answer.
var errClosed = errors.New("the handler is closed")

// flights are the questions that are being asked, by their key.
type flights struct {
	mu     sync.Mutex
	byKey  map[string]*flight
	closed bool
}

// flight is a question being asked, for all who wait for its answer.
type flight struct {
	landed chan struct{} // closed when the rest is set
	answer *answer
	err    error
	panic  any // why it ended before, nil if it did not
}

// join returns the flight of a question. If there is none, it is a new one, which
// launch is to get going.
func (f *flights) join(key string, launch func(*flight)) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x, ok := f.byKey[key]; ok {
		return x, nil
	}
	if f.closed {
		return nil, errClosed
	}
	x := &flight{landed: make(chan struct{})}
	f.byKey[key] = x
	launch(x)
	return x, nil
}

// land ends a flight. Who asks from now on has another one.
func (f *flights) land(key string, x *flight) {
	f.mu.Lock()
	delete(f.byKey, key)
	f.mu.Unlock()
	close(x.landed)
}

// close lets no further flight begin.
func (f *flights) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
