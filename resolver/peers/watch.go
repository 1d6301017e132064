package peers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// ErrEmpty is in Set.Err where a set is kept although the last answer was an empty
// one, which must be given for Options.EmptyAfter first.
var ErrEmpty = errors.New("the server says that there are no peers, which is not believed yet")

// Lookup looks the peers of a name up once. An empty set is an answer; an error
// means that none came, from no server.
func Lookup(ctx context.Context, name string, o Options) (Set, error) {
	p, err := newPlan(name, o)
	if err != nil {
		return Set{}, err
	}
	f := follower{plan: p, find: newFinder(p).find}
	asOf := time.Now()
	full, peers, err := f.find(ctx)
	if err != nil {
		return Set{}, err
	}
	return f.newSet(full, peers, asOf), nil
}

// Watch follows the peers of a name. The sequence has an Update for the first
// answer, even an empty one, for each change from then on, and for each time that the set
// becomes stale or is no longer. It ends with ctx. An error means that name or
// Options are wrong, or that resolv.conf can't be read.
//
// Look-ups are made by the goroutine that ranges over the sequence. While the
// loop's body runs there are none, and Updates never queue: what has changed since
// the last Update comes in one, however long the body took. Ranging
// again begins anew, and does so independently of other loops.
func Watch(ctx context.Context, name string, o Options) (iter.Seq[Update], error) {
	p, err := newPlan(name, o)
	if err != nil {
		return nil, err
	}
	return func(yield func(Update) bool) {
		finder := newFinder(p)
		f := follower{plan: p, find: finder.find, forget: finder.forget}
		f.run(ctx, yield)
	}, nil
}

// follower makes Updates of what look-ups find.
type follower struct {
	plan   *plan
	find   func(context.Context) (full string, peers []Peer, err error)
	forget func() // has the search path walked again

	last       Set       // of the last Update
	known      bool      // there was one
	changed    time.Time // when the set last did, or following began
	emptySince time.Time // of the first of the empty answers that are not believed yet
}

func (f *follower) run(ctx context.Context, yield func(Update) bool) {
	f.changed = time.Now()
	for ctx.Err() == nil {
		start := time.Now()
		full, peers, err := f.find(ctx)
		if ctx.Err() != nil {
			return // what was found may have been cut short
		}
		set, ok := f.judge(full, peers, err, start)
		if ok {
			update := Update{set, set.Compare(f.last)}
			news := !f.known || update.Change.Any() || set.Stale() != f.last.Stale() || set.Self != f.last.Self
			if update.Change.Any() {
				f.changed = time.Now()
			}
			f.last, f.known = set, true
			set.Peers = slices.Clone(set.Peers)
			update.Set = set
			if news && !yield(update) {
				return
			}
		}
		pause := time.NewTimer(time.Until(start.Add(jitter(f.pace()))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// eager is how long look-ups are three times as frequent after the start and after a
// change, as they are while an empty answer is in doubt.
const eager = 30 * time.Second

// pace returns how far look-ups are apart for now.
func (f *follower) pace() time.Duration {
	if time.Since(f.changed) < eager || !f.emptySince.IsZero() {
		return f.plan.Interval / 3
	}
	return f.plan.Interval
}

// jitter returns a duration up to a fifth shorter than d. It is never longer, as d
// is what was promised.
func jitter(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d)/5+1)) }

// judge returns the set that holds after a look-up, and false if none is known yet.
func (f *follower) judge(full string, peers []Peer, err error, asOf time.Time) (Set, bool) {
	p := f.plan
	if err != nil {
		if p.Failed != nil {
			p.Failed(err)
		}
		// A break: the next empty answer counts from anew.
		f.emptySince = time.Time{}
		return f.keep(err)
	}
	if len(peers) == 0 && f.last.Len() > 0 && p.EmptyAfter > 0 {
		if f.emptySince.IsZero() {
			f.emptySince = asOf
		}
		if asOf.Sub(f.emptySince) < p.EmptyAfter {
			return f.keep(fmt.Errorf("%s: %w", f.last.Name, ErrEmpty))
		}
	}
	f.emptySince = time.Time{}
	if len(peers) == 0 && f.last.Name != "" {
		f.forget()
	}
	switch {
	case errors.Is(f.last.Err, ErrEmpty) && len(peers) == 0:
		p.Logger.Warn("all peers are gone: the server goes on saying so", "name", p.candidates[0], "peers", f.last.Len())
	case f.last.Stale():
		p.Logger.Info("looking up peers works again", "name", p.candidates[0])
	}
	return f.newSet(full, peers, asOf), true
}

// keep returns the last set, stale for the given reason.
func (f *follower) keep(reason error) (Set, bool) {
	set := f.last
	switch {
	case set.Stale():
	case errors.Is(reason, ErrEmpty):
		f.plan.Logger.Warn("the server says that there are no peers; the set stays as it is until that has lasted", "name", f.plan.candidates[0], "peers", set.Len(), "for", f.plan.EmptyAfter)
	default:
		f.plan.Logger.Warn("looking up peers failed; the set stays as it is", "name", f.plan.candidates[0], "peers", set.Len(), "error", reason)
	}
	set.Err = reason
	if !f.known {
		f.last.Err = reason // so that it is logged once
	}
	return set, f.known
}

func (f *follower) newSet(full string, peers []Peer, asOf time.Time) Set {
	set := Set{Name: full, Peers: peers, AsOf: asOf, Self: findSelf(peers, full, f.plan.Self)}
	if f.plan.ExcludeSelf && set.Self != "" {
		set.Peers = slices.DeleteFunc(peers, func(p Peer) bool { return p.Name == set.Self })
	}
	return set
}
