package corefile

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoArgs checks that the directive has no arguments.
func (d Directive) NoArgs() error {
	if len(d.Args) > 0 {
		return d.Errorf("takes no arguments, got %s", d.quoted())
	}
	return nil
}

// NoBody checks that the directive has no body.
func (d Directive) NoBody() error {
	if len(d.Body) > 0 {
		return d.Body[0].Pos.Errorf("%s takes no options in braces, got %q", d.Name, d.Body[0].Name)
	}
	return nil
}

// ArgCount checks that there are least to most arguments; a negative most is
// no bound. Usage is what the error says is wanted, as "CERT KEY CACERT".
func (d Directive) ArgCount(least, most int, usage string) error {
	if n := len(d.Args); n < least || (most >= 0 && n > most) {
		return d.Errorf("wants %s, got %s", usage, d.quoted())
	}
	return nil
}

// Arg returns the only argument. Usage is as for ArgCount.
func (d Directive) Arg(usage string) (string, error) {
	if err := d.ArgCount(1, 1, usage); err != nil {
		return "", err
	}
	return d.Args[0], nil
}

// Enum returns the only argument, which must be one of those allowed.
func (d Directive) Enum(allowed ...string) (string, error) {
	usage := "one of " + strings.Join(allowed, ", ")
	if len(allowed) == 1 {
		usage = allowed[0]
	}
	s, err := d.Arg(usage)
	if err == nil && !slices.Contains(allowed, s) {
		err = d.Errorf("wants %s, got %q", usage, s)
	}
	return s, err
}

// Duration returns the only argument as a duration that is not negative.
func (d Directive) Duration() (time.Duration, error) {
	const usage = "a duration such as 5s, 1m30s or 0s"
	s, err := d.Arg(usage)
	if err != nil {
		return 0, err
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, d.Errorf("wants %s, got %q", usage, s)
	}
	return v, nil
}

// Int returns the only argument as an integer within least and most.
func (d Directive) Int(least, most int) (int, error) {
	usage := fmt.Sprintf("an integer, %d to %d", least, most)
	s, err := d.Arg(usage)
	if err != nil {
		return 0, err
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		return 0, d.Errorf("wants %s, got %q", usage, s)
	}
	return v, nil
}

// Float returns the only argument as a finite number of least or more.
func (d Directive) Float(least float64) (float32, error) {
	usage := fmt.Sprintf("a number, %v or more", least)
	s, err := d.Arg(usage)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil || !(v >= least) || v-v != 0 { // inf-inf and NaN are not 0
		return 0, d.Errorf("wants %s, got %q", usage, s)
	}
	return float32(v), nil
}

// Zones returns the arguments, of which there may be none, as [Zones] does:
// each zone once, in the order written.
func (d Directive) Zones() ([]string, error) {
	var zones []string
	for _, a := range d.Args {
		zs, err := Zones(a)
		if err != nil {
			return nil, d.Errorf("%q is not a zone: %w", a, err)
		}
		for _, z := range zs {
			if !slices.Contains(zones, z) {
				zones = append(zones, z)
			}
		}
	}
	return zones, nil
}

// Address returns the only argument as an address to listen on, host:port,
// and def if there is none.
func (d Directive) Address(def string) (string, error) {
	const usage = "at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080"
	if len(d.Args) == 0 {
		return def, nil
	}
	s, err := d.Arg(usage)
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", d.Errorf("wants %s, got %q", usage, s)
	}
	return s, nil
}

// Option is what to do with one option in a directive's body.
type Option struct {
	// Parse is called with each instance of the option. Its errors should
	// come from the accessors or Errorf of that instance.
	Parse func(Directive) error
	// Repeat allows more than one instance.
	Repeat bool
}

// Options are the options that a directive's body may have, by name.
type Options map[string]Option

// Options calls the Parse of each option in the body, in the order written.
// An unknown option, a repeated one, and an option with a body of its own are
// errors.
func (d Directive) Options(known Options) error {
	seen := map[string]Pos{}
	for _, o := range d.Body {
		opt, ok := known[o.Name]
		if !ok {
			return o.Pos.Errorf("unknown option %q of %s (known: %s)", o.Name, d.Name, known)
		}
		if old, ok := seen[o.Name]; ok && !opt.Repeat {
			return o.Errorf("is given already at %s", old)
		}
		seen[o.Name] = o.Pos
		if err := o.NoBody(); err != nil {
			return err
		}
		if err := opt.Parse(o); err != nil {
			return err
		}
	}
	return nil
}

// String returns the options' names, sorted, for errors.
func (o Options) String() string {
	if len(o) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(o)), ", ")
}

// quoted returns the arguments for an error.
func (d Directive) quoted() string {
	if len(d.Args) == 0 {
		return "none"
	}
	quoted := make([]string, len(d.Args))
	for i, a := range d.Args {
		quoted[i] = strconv.Quote(a)
	}
	return strings.Join(quoted, " ")
}
