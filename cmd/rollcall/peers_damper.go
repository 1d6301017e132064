package main

import "time"

// damper says when to act on a set that changes, so that a rollout of fifty pods does
// not run a script fifty times. A single change is acted on once it has settled.
// Where changes follow one another, the time from one act to the next doubles each
// time, up to max; it is short again after a calm of twice max. No change
// waits longer than max.
type damper struct {
	settle, max time.Duration

	first, last time.Time // of the changes not yet acted on; zero for none
	acted       time.Time // the last time
	spacing     time.Duration
}

// change tells of a change.
func (d *damper) change(now time.Time) {
	if d.first.IsZero() {
		d.first = now
	}
	d.last = now
}

// cancel tells that the set is as it was when it was last acted on.
func (d *damper) cancel() { d.first, d.last = time.Time{}, time.Time{} }

// due returns when to act, and false if there is nothing to act on.
func (d *damper) due() (time.Time, bool) {
	if d.first.IsZero() {
		return time.Time{}, false
	}
	at := d.last.Add(d.settle)
	if spaced := d.acted.Add(d.spacing); spaced.After(at) {
		at = spaced
	}
	if latest := d.first.Add(d.max); latest.Before(at) {
		at = latest
	}
	return at, true
}

// act tells that the set is acted on.
func (d *damper) act(now time.Time) {
	if d.acted.IsZero() || now.Sub(d.acted) > 2*d.max {
		d.spacing = d.settle
	} else {
		d.spacing = min(2*d.spacing, d.max)
	}
	d.acted = now
	d.cancel()
}
