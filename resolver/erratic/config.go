package erratic

import (
	"math"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// What an option means that has no arguments.
const (
	defaultAmount   = 2
	defaultDuration = 100 * time.Millisecond
)

// Config is an erratic directive. The zero value answers every query, at once.
type Config struct {
	// Drop, Truncate and Delay are done to one query in as many; to none if 0.
	Drop, Truncate, Delay uint32
	// Duration is the length of a delay.
	Duration time.Duration
	// Large gives A 30 equal records.
	Large bool
}

// Parse reads an erratic directive:
//
//	erratic {
//	    drop [AMOUNT]
//	    truncate [AMOUNT]
//	    delay [AMOUNT [DURATION]]
//	    large
//	}
//
// One query in two is dropped unless an AMOUNT to drop is given, or something is
// delayed or truncated, as in CoreDNS. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	c := Config{Drop: defaultAmount}
	given := false // an AMOUNT to drop is
	err := d.Options(corefile.Options{
		"drop": {Parse: func(o corefile.Directive) (err error) {
			given = len(o.Args) > 0
			c.Drop, err = amount(o)
			return err
		}},
		"truncate": {Parse: func(o corefile.Directive) (err error) {
			c.Truncate, err = amount(o)
			return err
		}},
		"delay": {Parse: func(o corefile.Directive) (err error) {
			c.Duration = defaultDuration
			if len(o.Args) == 2 {
				duration := o
				duration.Args = o.Args[1:]
				if c.Duration, err = duration.Duration(); err != nil {
					return err
				}
				o.Args = o.Args[:1]
			}
			c.Delay, err = amount(o)
			return err
		}},
		"large": {Parse: func(o corefile.Directive) error {
			c.Large = true
			return o.NoArgs()
		}},
	})
	if err != nil {
		return Config{}, err
	}
	if (c.Delay > 0 || c.Truncate > 0) && !given {
		c.Drop = 0
	}
	return c, nil
}

// amount parses an optional AMOUNT.
func amount(o corefile.Directive) (uint32, error) {
	if len(o.Args) == 0 {
		return defaultAmount, nil
	}
	n, err := o.Int(0, math.MaxInt32)
	return uint32(n), err
}
