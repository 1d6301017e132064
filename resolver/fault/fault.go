package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/zone"
)

// Action is what a fault does to a question.
type Action string

// The actions.
const (
	Delay    Action = "delay"     // Fault.Delay passes first
	Drop     Action = "drop"      // no reply; over TCP the connection stays, and answers what comes next
	ServFail Action = "servfail"  // SERVFAIL
	Refuse   Action = "refuse"    // REFUSED
	Truncate Action = "truncate"  // over UDP, TC and no record: the client is to ask over TCP
	Stale    Action = "stale"     // names of the cluster are answered as they were when the fault was set
	Shuffle  Action = "shuffle"   // the answer's addresses, or SRV records, in another order each time
	HalfOpen Action = "half-open" // over TCP, nothing comes until the client gives up
)

// Actions are all actions.
var Actions = [...]Action{Delay, Drop, ServFail, Refuse, Truncate, Stale, Shuffle, HalfOpen}

// Fault is what happens to some questions. Its zero value is none: Do must be set.
type Fault struct {
	// Name is whose questions it is for: a domain name, in any case, with or
	// without a final dot; "*.example.org" for all below that; "" or "*" for all.
	Name string
	// Type is the type of those questions, as "A" or "TYPE65"; "" for all.
	Type string
	// Do is what is done.
	Do Action
	// Delay is the length of a Delay.
	Delay time.Duration

	// Of the questions that it is for, it leaves the first Skip alone, happens to
	// every Every-th of the others beginning with the first (0 is all), of
	// those with a Probability (0 is always), and Count times in all (0 is without
	// end).
	Skip, Every int
	Probability float64
	Count       int
}

// ErrFault is what all errors of a Fault's fields are.
var ErrFault = errors.New("not a fault")

// rule is a Fault, ready.
type rule struct {
	apex  zone.Name
	below bool   // the names below it are meant; of the root, itself too
	typ   uint16 // 0 for all
}

// parse checks f.
func (f *Fault) parse() (r rule, err error) {
	var errs []error
	name := f.Name
	switch {
	case name == "", name == "*":
		r.below, name = true, "."
	case strings.HasPrefix(name, "*."):
		r.below, name = true, name[len("*."):]
	}
	if r.apex, err = zone.ParseName(name); err != nil {
		errs = append(errs, err)
	}
	if f.Type != "" {
		var ok bool
		if r.typ, ok = typeOf(f.Type); !ok {
			errs = append(errs, fmt.Errorf("type %q: want a type of records such as A, AAAA, SRV or TYPE65", f.Type))
		}
	}
	if !slices.Contains(Actions[:], f.Do) {
		errs = append(errs, fmt.Errorf("%q can't be done (known: %s)", f.Do, known()))
	}
	if (f.Do == Delay) != (f.Delay > 0) {
		errs = append(errs, errors.New("a delay is a duration above 0, of the action delay alone"))
	}
	if f.Skip < 0 || f.Every < 0 || f.Count < 0 {
		errs = append(errs, errors.New("skip, every and count can't be below 0"))
	}
	if f.Probability < 0 || f.Probability > 1 {
		errs = append(errs, fmt.Errorf("probability %v: want 0 to 1, where 0 is always", f.Probability))
	}
	if len(errs) > 0 {
		return r, fmt.Errorf("%w: %w", ErrFault, errors.Join(errs...))
	}
	return r, nil
}

func known() string {
	var all []string
	for _, a := range Actions {
		all = append(all, string(a))
	}
	return strings.Join(all, ", ")
}

// typeOf returns the number of a type by its mnemonic, or as RFC 3597 section 5
// spells those that have none.
func typeOf(text string) (uint16, bool) {
	text = strings.ToUpper(text)
	if t, ok := dns.StringToType[text]; ok {
		return t, true
	}
	var t uint16
	if n, err := fmt.Sscanf(text, "TYPE%d", &t); n != 1 || err != nil || fmt.Sprintf("TYPE%d", t) != text {
		return 0, false
	}
	return t, true
}

// covers reports whether the fault is for a question.
func (r *rule) covers(name []byte, typ uint16) bool {
	switch {
	case r.typ != 0 && r.typ != typ:
		return false
	case r.below:
		return wire.IsBelow(name, r.apex) && (len(name) > len(r.apex) || r.apex == wire.Root)
	}
	return string(name) == string(r.apex)
}
