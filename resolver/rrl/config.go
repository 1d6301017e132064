package rrl

import (
	"slices"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "rrl"

// The defaults and bounds of a directive.
const (
	DefaultWindow     = 15 * time.Second
	DefaultIPv4Prefix = 24
	DefaultIPv6Prefix = 56
	DefaultTableSize  = 100_000

	maxSlip      = 10
	maxTableSize = 10_000_000
	maxWindow    = 3600          // seconds
	maxRate      = 1_000_000_000 // a reply each nanosecond
)

// A Class is a kind of reply that has an allowance of its own.
type Class uint8

// The classes.
const (
	Response Class = iota // there is an answer
	NoData
	NXDomain
	Error   // any other rcode than NOERROR and NXDOMAIN
	Classes // how many there are
)

// String returns the class as metrics spell it.
func (c Class) String() string {
	return [Classes]string{"response", "nodata", "nxdomain", "error"}[c]
}

// Config is an rrl directive. Parse starts from [Default].
type Config struct {
	// Zones are the zones whose names are limited, lower-case with trailing dot.
	Zones []string
	// Window bounds an account's debt: it is paid off after as long without replies.
	Window time.Duration
	// IPv4Prefix and IPv6Prefix are how many bits of an address tell clients apart.
	IPv4Prefix, IPv6Prefix int
	// PerSecond is how many replies of a class an account earns; 0 is no limit.
	PerSecond [Classes]float64
	// Requests is how many queries a prefix of clients may ask each second, of
	// whatever kind; 0 is no limit.
	Requests float64
	// Slip lets each so many-th reply over the limit through, truncated; 0 none.
	Slip int
	// TableSize is at most how many accounts there are.
	TableSize int
	// ReportOnly counts, and drops nothing.
	ReportOnly bool

	Metrics *Metrics // nil counts nothing
}

// Default returns the configuration of a directive without options, which limits
// nothing, but for the zones.
func Default() Config {
	return Config{
		Window: DefaultWindow, IPv4Prefix: DefaultIPv4Prefix, IPv6Prefix: DefaultIPv6Prefix, TableSize: DefaultTableSize,
	}
}

// Parse reads an rrl directive:
//
//	rrl [ZONES...] {
//	    window SECONDS
//	    ipv4-prefix-length LENGTH
//	    ipv6-prefix-length LENGTH
//	    responses-per-second ALLOWANCE
//	    nodata-per-second ALLOWANCE
//	    nxdomains-per-second ALLOWANCE
//	    referrals-per-second ALLOWANCE
//	    errors-per-second ALLOWANCE
//	    requests-per-second ALLOWANCE
//	    slip-ratio N
//	    max-table-size SIZE
//	    report-only
//	}
//
// BlockZones are the zones of its server block, which count if the directive
// names none. Classes without an allowance have that of responses. Of referrals,
// which only another server could send and which count as NODATA, the allowance is
// read for compatibility alone. Errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	c := Default()
	var err error
	if c.Zones, err = d.Zones(); err != nil {
		return Config{}, err
	}
	if len(c.Zones) == 0 {
		c.Zones = slices.Clone(blockZones)
	}
	var given [Classes]bool
	class := func(class Class) corefile.Option {
		return corefile.Option{Parse: func(o corefile.Directive) error {
			given[class] = true
			return allowance(o, &c.PerSecond[class])
		}}
	}
	err = d.Options(corefile.Options{
		"window":               {Parse: func(o corefile.Directive) error { return window(o, &c.Window) }},
		"ipv4-prefix-length":   integer(&c.IPv4Prefix, 1, 32),
		"ipv6-prefix-length":   integer(&c.IPv6Prefix, 1, 128),
		"responses-per-second": class(Response),
		"nodata-per-second":    class(NoData),
		"nxdomains-per-second": class(NXDomain),
		"referrals-per-second": {Parse: func(o corefile.Directive) error { return allowance(o, new(float64)) }},
		"errors-per-second":    class(Error),
		"requests-per-second":  {Parse: func(o corefile.Directive) error { return allowance(o, &c.Requests) }},
		"slip-ratio":           integer(&c.Slip, 0, maxSlip),
		"max-table-size":       integer(&c.TableSize, 1, maxTableSize),
		"report-only": {Parse: func(o corefile.Directive) error {
			c.ReportOnly = true
			return o.NoArgs()
		}},
	})
	if err != nil {
		return Config{}, err
	}
	for class := range Classes {
		if !given[class] {
			c.PerSecond[class] = c.PerSecond[Response]
		}
	}
	return c, nil
}

// integer is an option with an integer from least to most.
func integer(to *int, least, most int) corefile.Option {
	return corefile.Option{Parse: func(o corefile.Directive) (err error) {
		*to, err = o.Int(least, most)
		return err
	}}
}

// allowance reads an option with a rate.
func allowance(o corefile.Directive, to *float64) error {
	v, err := o.Float(0)
	if err == nil && v > maxRate {
		err = o.Errorf("wants a number up to %d, got %q", maxRate, o.Args[0])
	}
	*to = float64(v)
	return err
}

// window reads an option with a number of seconds above 0.
func window(o corefile.Directive, to *time.Duration) error {
	v, err := o.Float(0)
	if err == nil && (v == 0 || v > maxWindow) {
		err = o.Errorf("wants a number of seconds above 0, up to %d, got %q", maxWindow, o.Args[0])
	}
	*to = time.Duration(float64(v) * float64(time.Second))
	return err
}
