package fault

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
)

// Name is the handler's name in logs.
const Name = "fault"

// Handler returns what does the Table's faults to questions, and passes on to next
// those that none happens to. Later changes of the Table are its own.
func (t *Table) Handler(next resolver.Handler) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		all := *t.set.Load()
		// Fast path: nothing is spoiled.
		if len(all) == 0 || q.Depth > 0 {
			return next.Serve(q, r)
		}
		return serve(all, q, r, next)
	})
}

// serve does those of the faults to q that are for it and happen to it.
//
// Slow path.
func serve(all []*active, q *resolver.Query, r *resolver.Reply, next resolver.Handler) resolver.Outcome {
	var own []*active
	for _, a := range all {
		if a.covers(q.Name(), q.Type) {
			own = append(own, a)
		}
	}
	if len(own) > 0 && !q.MayWait() {
		// A fault may wait, and so may what comes next; the question then comes once
		// more, and must not be counted twice.
		return resolver.Later
	}
	var shuffler *active
	for _, a := range own {
		if !a.isFor(q.Transport) || !a.happens() {
			continue
		}
		switch a.Do {
		case Delay:
			if !delay(q, a.Delay) {
				return resolver.Dropped // nobody waits any more
			}
		case Drop:
			return resolver.Dropped
		case HalfOpen:
			<-q.Context.Done()
			return resolver.Dropped
		case ServFail:
			r.Handler = Name
			return resolver.ServFail
		case Refuse:
			r.Handler = Name
			return resolver.Refused
		case Truncate:
			r.Handler = Name
			r.SetTruncated()
			return resolver.Answered
		case Stale:
			next = either{a.frozen, next}
		case Shuffle:
			shuffler = a
		}
	}
	o := next.Serve(q, r)
	if shuffler != nil && o == resolver.Answered {
		return shuffled(shuffler, r)
	}
	return o
}

// isFor reports whether the action means anything over a transport.
func (a *active) isFor(t resolver.Transport) bool {
	switch a.Do {
	case Truncate:
		return t == resolver.UDP
	case HalfOpen:
		return t == resolver.TCP
	}
	return true
}

// either asks the first handler, and the second for what is elsewhere.
type either struct{ first, second resolver.Handler }

// Serve implements resolver.Handler.
func (e either) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if o := e.first.Serve(q, r); o != resolver.Elsewhere {
		return o
	}
	return e.second.Serve(q, r)
}

// delay waits, and reports false if nobody waits for the reply any more.
func delay(q *resolver.Query, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-q.Context.Done():
		return false
	case <-timer.C:
		return true
	}
}

// shuffled puts the records of the answer into another order; an alias stays before
// what it leads to.
func shuffled(a *active, r *resolver.Reply) resolver.Outcome {
	m, err := r.Msg()
	if err == nil {
		first := 0
		for first < len(m.Answer) && m.Answer[first].Header().Rrtype == dns.TypeCNAME {
			first++
		}
		set := m.Answer[first:]
		a.shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		err = r.SetMsg(m)
	}
	if err != nil {
		r.Clear()
		r.Err = fmt.Errorf("shuffling an answer: %w", err)
		return resolver.ServFail
	}
	return resolver.Answered
}
