package reload

import (
	"math/rand/v2"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Defaults and least values of Config, which are CoreDNS's.
const (
	DefaultInterval = 30 * time.Second
	DefaultJitter   = 15 * time.Second
	leastInterval   = 2 * time.Second
	leastJitter     = time.Second
)

// Config says how often to look.
type Config struct {
	// Interval is the time between two looks, and Jitter the most that is added
	// to or taken from it at random, so that replicas do not all reload at once.
	Interval, Jitter time.Duration
}

// Parse reads a reload directive:
//
//	reload [INTERVAL] [JITTER]
//
// The interval is 2 s at least, the jitter 1 s at least and half of the interval
// at most. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Config{Interval: DefaultInterval, Jitter: DefaultJitter}
	const usage = "at most an interval (2s or more) and a jitter (1s or more), as 30s 15s"
	if err := d.ArgCount(0, 2, usage); err != nil {
		return c, err
	}
	for i, to := range []*time.Duration{&c.Interval, &c.Jitter}[:len(d.Args)] {
		v, err := time.ParseDuration(d.Args[i])
		if err != nil || v < []time.Duration{leastInterval, leastJitter}[i] {
			return c, d.Errorf("wants %s, got %q", usage, d.Args[i])
		}
		*to = v
	}
	c.Jitter = min(c.Jitter, c.Interval/2)
	return c, d.NoBody()
}

// Next returns how long to wait until the next look.
func (c Config) Next() time.Duration {
	return c.Interval + rand.N(2*c.Jitter+1) - c.Jitter
}
