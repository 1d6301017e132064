package server

import (
	"runtime"
	"sync"
)

// outbox is where replies that were waited for leave, over one socket: those that
// are ready at a time leave together. It is safe for concurrent use.
type outbox struct {
	write func([]*waiting) // sends their replies; called by one goroutine at a time
	sent  func(*waiting)   // is told of each then

	mu      sync.Mutex
	ready   []*waiting // guarded by mu
	sending bool       // a goroutine does; guarded by mu
	spare   []*waiting // memory for ready, of the goroutine that sends
}

// send sends w's reply, maybe after it has returned.
func (o *outbox) send(w *waiting) {
	o.mu.Lock()
	o.ready = append(o.ready, w)
	busy := o.sending
	o.sending = true
	o.mu.Unlock()
	if busy {
		return // it leaves with those of the one that sends
	}
	runtime.Gosched() // whoever can go on now, and may have a reply then, goes first
	for all := o.take(); len(all) > 0; all = o.take() {
		o.write(all)
		for i, w := range all {
			all[i] = nil
			o.sent(w)
		}
		o.spare = all[:0]
	}
}

// take returns the replies to send next. If there are none, nobody sends any more.
func (o *outbox) take() []*waiting {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ready) == 0 {
		o.sending = false
		return nil
	}
	all := o.ready
	o.ready = o.spare
	return all
}
