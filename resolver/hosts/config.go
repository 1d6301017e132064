package hosts

import (
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// The defaults, as in CoreDNS.
const (
	DefaultFile   = "/etc/hosts"
	DefaultTTL    = 3600
	DefaultReload = 5 * time.Second
)

// Config is a hosts directive. Parse starts from [Default].
type Config struct {
	// File is read when the handler is made, and whenever it has changed. It need
	// not exist.
	File string
	// Zones are the zones whose names are answered, lower-case with trailing dot.
	// PTR questions are answered in all zones.
	Zones []string
	// Inline are lines of the directive itself. They come after those of the file.
	Inline []Line
	// TTL is that of every record, in seconds.
	TTL uint32
	// NoReverse leaves the names of addresses out.
	NoReverse bool
	// Reload is how often it is looked whether the file has changed; 0 for never.
	Reload time.Duration
	// Fallthrough are the zones in which names that are not in the table go to the
	// next handler: none by default, "." for all.
	Fallthrough []string
	// FallthroughUnsupported lets other types than A and AAAA of names in the
	// table go there too.
	FallthroughUnsupported bool

	Logger  *slog.Logger // nil logs nothing
	Metrics *Metrics     // nil counts nothing
}

// Line is a line of a table: the names of an address.
type Line struct {
	Addr  netip.Addr // without zone, and not IPv4 in the form of IPv6
	Names []zone.Name
}

// Default returns the configuration of a directive without options, but for the
// zones.
func Default() Config {
	return Config{File: DefaultFile, TTL: DefaultTTL, Reload: DefaultReload}
}

// Parse reads a hosts directive:
//
//	hosts [FILE [ZONES...]] {
//	    [ADDRESS NAME...]
//	    ttl SECONDS
//	    no_reverse
//	    reload DURATION
//	    fallthrough [ZONES...]
//	    fallthrough_unsupported
//	}
//
// BlockZones are the zones of its server block, which count if the directive
// names none. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	c := Default()
	rest := d
	if len(d.Args) > 0 {
		c.File, rest.Args = d.Args[0], d.Args[1:]
	}
	zones, err := rest.Zones()
	if err != nil {
		return Config{}, err
	}
	if c.Zones = zones; len(zones) == 0 {
		c.Zones = slices.Clone(blockZones)
	}
	// The options are what is left once the lines of the table, whose names are
	// addresses, are taken out.
	rest.Body = nil
	for _, o := range d.Body {
		if _, err := parseAddr(o.Name); err != nil {
			rest.Body = append(rest.Body, o)
			continue
		}
		line, err := inline(o)
		if err != nil {
			return Config{}, err
		}
		c.Inline = append(c.Inline, line)
	}
	if err := rest.Options(c.options()); err != nil {
		return Config{}, err
	}
	if c.FallthroughUnsupported && len(c.Fallthrough) == 0 {
		return Config{}, d.Errorf("fallthrough_unsupported needs fallthrough")
	}
	return c, nil
}

// inline parses a line of the table in the directive's body.
func inline(o corefile.Directive) (Line, error) {
	if err := o.NoBody(); err != nil {
		return Line{}, err
	}
	line, err := parseLine(append([]string{o.Name}, o.Args...))
	if err != nil {
		return Line{}, o.Pos.Errorf("%w", err)
	}
	return line, nil
}

// options returns the directive's options, which set the fields of c.
func (c *Config) options() corefile.Options {
	return corefile.Options{
		"ttl": {Parse: func(o corefile.Directive) error {
			ttl, err := o.Int(1, math.MaxUint16)
			c.TTL = uint32(ttl)
			return err
		}},
		"no_reverse": {Parse: func(o corefile.Directive) error {
			c.NoReverse = true
			return o.NoArgs()
		}},
		"reload": {Parse: func(o corefile.Directive) (err error) {
			c.Reload, err = o.Duration()
			return err
		}},
		"fallthrough": {Parse: func(o corefile.Directive) (err error) {
			if c.Fallthrough, err = o.Zones(); err == nil && len(c.Fallthrough) == 0 {
				c.Fallthrough = []string{"."}
			}
			return err
		}},
		"fallthrough_unsupported": {Parse: func(o corefile.Directive) error {
			c.FallthroughUnsupported = true
			return o.NoArgs()
		}},
	}
}
