package cache

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the directive's.
const Name = "cache"

// Config is a cache directive. Its zero value is "cache" without anything: the
// fields whose zero means a default say so.
type Config struct {
	// Zones are those whose names are cached, lower-case with trailing dot; none
	// are all.
	Zones   []string
	Success Store
	Denial  Store
	// ServFail is for how long SERVFAIL is kept; 0 is DefaultServFail, and less
	// that it is not kept.
	ServFail time.Duration
	Prefetch Prefetch
	Stale    Stale
	// KeepTTL gives TTLs as they were when the reply came.
	KeepTTL bool
}

// Store says what is kept of one kind of reply.
type Store struct {
	// Capacity is how many entries there are at most, at least MinCapacity; 0 is
	// DefaultCapacity. It is rounded down to a multiple of 256.
	Capacity int
	// MaxTTL and MinTTL are for how long one is kept at most and at least, in whole
	// seconds. 0 is the default of the kind, a negative MinTTL none.
	MaxTTL, MinTTL time.Duration
	// Except are the zones whose names are not kept.
	Except []string
}

// Prefetch says which entries are asked for anew before their end.
type Prefetch struct {
	Amount     int           // of queries that make an entry popular; 0 for no prefetching
	Gap        time.Duration // the longest between two of them; 0 is DefaultGap
	Percentage int           // of the life, when it is done; 0 is DefaultPercentage
}

// Stale says how entries are served after their end (RFC 8767).
type Stale struct {
	For    time.Duration // after the end; 0 for not at all
	Verify bool          // ask first
	// Timeout is for how long a client waits for that; 0 is as long as the other
	// servers may take.
	Timeout time.Duration
	TTL     time.Duration // of the records served, whole seconds
	Recheck time.Duration // after asking has failed, before it is done again
	// PreferPositive keeps an answer that the other server denies since.
	PreferPositive bool
}

// Defaults, and bounds.
const (
	DefaultCapacity   = 9984
	MinCapacity       = 1024
	DefaultServFail   = 5 * time.Second
	DefaultGap        = time.Minute
	DefaultPercentage = 10
	DefaultStale      = time.Hour

	maxSuccessTTL = time.Hour
	maxDenialTTL  = 30 * time.Minute
	minSuccessTTL = 5 * time.Second
	maxServFail   = 5 * time.Minute // RFC 2308 section 7.1
	maxRecheck    = 5 * time.Minute // RFC 8767 section 5
)

// withDefaults returns c with each default in its place.
func (c Config) withDefaults() Config {
	c.Success = c.Success.withDefaults(maxSuccessTTL, minSuccessTTL)
	// A denial has no least life: what does not exist yet is not to be waited for
	// longer than its zone says.
	c.Denial = c.Denial.withDefaults(maxDenialTTL, 0)
	c.ServFail = max(or(c.ServFail, DefaultServFail), 0)
	c.Prefetch.Gap = or(c.Prefetch.Gap, DefaultGap)
	c.Prefetch.Percentage = or(c.Prefetch.Percentage, DefaultPercentage)
	return c
}

func (s Store) withDefaults(most, least time.Duration) Store {
	s.Capacity = max(or(s.Capacity, DefaultCapacity), MinCapacity)
	s.MaxTTL = or(s.MaxTTL, most)
	s.MinTTL = max(or(s.MinTTL, least), 0)
	return s
}

// or returns v, or def if v is zero.
func or[T comparable](v, def T) T {
	if v == *new(T) {
		return def
	}
	return v
}

// Parse reads a cache directive:
//
//	cache [TTL] [ZONES...] {
//	    success CAPACITY [TTL] [MINTTL]
//	    denial CAPACITY [TTL] [MINTTL]
//	    prefetch AMOUNT [DURATION] [PERCENTAGE%]
//	    serve_stale [DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]
//	    serve_stale_policy prefer_positive
//	    servfail DURATION
//	    disable success|denial [ZONES...]
//	    keepttl
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if len(d.Args) > 0 && isNumber(d.Args[0]) {
		ttl, err := seconds(d, d.Args[0], 1)
		if err != nil {
			return Config{}, err
		}
		c.Success.MaxTTL, c.Denial.MaxTTL = ttl, ttl
		d.Args = d.Args[1:]
	}
	var err error
	if c.Zones, err = d.Zones(); err != nil {
		return Config{}, err
	}
	var policy *corefile.Directive
	err = d.Options(corefile.Options{
		"success":     {Parse: c.Success.parse},
		"denial":      {Parse: c.Denial.parse},
		"prefetch":    {Parse: c.Prefetch.parse},
		"serve_stale": {Parse: c.Stale.parse},
		"serve_stale_policy": {Parse: func(o corefile.Directive) error {
			policy, c.Stale.PreferPositive = &o, true
			_, err := o.Enum("prefer_positive")
			return err
		}},
		"servfail": {Parse: c.parseServFail},
		"disable":  {Repeat: true, Parse: c.parseDisable},
		"keepttl": {Parse: func(o corefile.Directive) error {
			c.KeepTTL = true
			return o.NoArgs()
		}},
	})
	if err != nil {
		return Config{}, err
	}
	if policy != nil && !slices.ContainsFunc(d.Body, func(o corefile.Directive) bool { return o.Name == "serve_stale" }) {
		return Config{}, policy.Errorf("wants serve_stale beside it")
	}
	return c, nil
}

func (c *Config) parseServFail(o corefile.Directive) error {
	v, err := o.Duration()
	if err != nil {
		return err
	}
	if v > maxServFail {
		return o.Errorf("at most %s are allowed (RFC 2308 section 7.1), got %q", maxServFail, o.Args[0])
	}
	if c.ServFail = v; v == 0 {
		c.ServFail = -1
	}
	return nil
}

// parseDisable parses "disable success|denial [ZONES...]"; each one adds to those
// before it.
func (c *Config) parseDisable(o corefile.Directive) error {
	if err := o.ArgCount(1, -1, "success or denial, and zones"); err != nil {
		return err
	}
	store := &c.Success
	switch o.Args[0] {
	case "success":
	case "denial":
		store = &c.Denial
	default:
		return o.Errorf("wants success or denial first, got %q", o.Args[0])
	}
	o.Args = o.Args[1:]
	zones, err := o.Zones()
	if len(zones) == 0 {
		zones = []string{"."}
	}
	store.Except = append(store.Except, zones...)
	return err
}

// parse parses "success" or "denial".
func (s *Store) parse(o corefile.Directive) error {
	if err := o.ArgCount(1, 3, "CAPACITY [TTL] [MINTTL]"); err != nil {
		return err
	}
	capacity := o
	capacity.Args = o.Args[:1]
	n, err := capacity.Int(0, math.MaxInt32)
	if err != nil {
		return err
	}
	s.Capacity = max(n, MinCapacity)
	if len(o.Args) > 1 {
		if s.MaxTTL, err = seconds(o, o.Args[1], 1); err != nil {
			return err
		}
	}
	if len(o.Args) > 2 {
		if s.MinTTL, err = seconds(o, o.Args[2], 0); err != nil {
			return err
		}
		if s.MinTTL == 0 {
			s.MinTTL = -1
		}
	}
	return nil
}

func (p *Prefetch) parse(o corefile.Directive) error {
	if err := o.ArgCount(1, 3, "AMOUNT [DURATION] [PERCENTAGE%]"); err != nil {
		return err
	}
	amount := o
	amount.Args = o.Args[:1]
	var err error
	if p.Amount, err = amount.Int(0, math.MaxInt32); err != nil {
		return err
	}
	if len(o.Args) > 1 {
		if p.Gap, err = duration(o, o.Args[1]); err != nil {
			return err
		}
	}
	if len(o.Args) > 2 {
		digits, ok := strings.CutSuffix(o.Args[2], "%")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil || n < 10 || n > 90 {
			return o.Errorf("wants a percentage from 10%% to 90%%, got %q", o.Args[2])
		}
		p.Percentage = n
	}
	return nil
}

// parse parses "serve_stale".
func (s *Stale) parse(o corefile.Directive) error {
	const usage = "[DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]"
	s.For = DefaultStale
	rest := o.Args
	var err error
	if len(rest) > 0 {
		if s.For, err = duration(o, rest[0]); err != nil {
			return err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		switch strings.ToLower(rest[0]) {
		case "immediate":
		case "verify":
			s.Verify = true
		default:
			return o.Errorf("wants immediate or verify, got %q", rest[0])
		}
		rest = rest[1:]
	}
	if s.Verify && len(rest) > 0 {
		if s.Timeout, err = duration(o, rest[0]); err != nil {
			return err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if s.TTL, err = duration(o, rest[0]); err != nil {
			return err
		}
		if s.TTL%time.Second != 0 || s.TTL > math.MaxInt32*time.Second {
			return o.Errorf("wants a TTL of whole seconds, got %q", rest[0])
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if s.Recheck, err = duration(o, rest[0]); err != nil {
			return err
		}
		if s.Recheck > maxRecheck {
			return o.Errorf("wants at most %s before it is asked again (RFC 8767 section 5), got %q", maxRecheck, rest[0])
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return o.Errorf("wants %s, got %q there", usage, rest[0])
	}
	return nil
}

// duration returns one of o's arguments as a duration that is not negative.
func duration(o corefile.Directive, arg string) (time.Duration, error) {
	o.Args = []string{arg}
	return o.Duration()
}

// seconds returns one of o's arguments as a number of seconds, from least to the
// most that a TTL can be (RFC 2181 section 8).
func seconds(o corefile.Directive, arg string, least int) (time.Duration, error) {
	o.Args = []string{arg}
	n, err := o.Int(least, math.MaxInt32)
	return time.Duration(n) * time.Second, err
}

// isNumber reports whether an argument is meant as a TTL rather than a zone.
func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
