package loop

import (
	"log/slog"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Defaults of Config.
const (
	DefaultInterval = 5 * time.Minute
	DefaultRetry    = 10 * time.Second
	DefaultTimeout  = 6 * time.Second
	DefaultLinger   = 2 * time.Second
)

// Config is a loop directive, and what its handler needs.
type Config struct {
	// Zone is the zone that is probed, the server block's first one as in CoreDNS:
	// lower-case with trailing dot, empty for the root. It has at most 227 octets.
	Zone string

	// Interval is how long after a probe that found no loop the next one is sent,
	// Retry how long after one that found a loop or told nothing. 0 is the default.
	Interval, Retry time.Duration
	// Timeout is how long a reply to a probe is waited for. It is more than a
	// forwarder waits for its upstream, so that its SERVFAIL still counts. Linger
	// is for how long the probe may come by after its reply. 0 is the default.
	Timeout, Linger time.Duration

	Logger  *slog.Logger // nil logs nothing
	Metrics *Metrics     // nil counts nothing
}

func (c *Config) setDefaults() {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Interval, DefaultInterval}, {&c.Retry, DefaultRetry},
		{&c.Timeout, DefaultTimeout}, {&c.Linger, DefaultLinger},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Parse reads a loop directive:
//
//	loop
//
// BlockZones are the zones of its server block, of which the first is probed. Its
// errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	var c Config
	if len(blockZones) > 0 {
		c.Zone = blockZones[0]
	}
	return c, d.NoBody()
}
