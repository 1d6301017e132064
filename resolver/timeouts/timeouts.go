package timeouts

import (
	"strconv"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Bounds of every timeout, those of CoreDNS.
const (
	Min = time.Second
	Max = 24 * time.Hour
)

// Config is a timeouts directive. What is 0 is the server's default.
type Config struct {
	// Read is how long one message may take to arrive, once it has begun.
	Read time.Duration
	// Write is how long its replies may take to be taken.
	Write time.Duration
	// Idle is for how long a connection may wait between messages. Clients that
	// ask are told (RFC 7828).
	Idle time.Duration
}

// Parse reads a timeouts directive, with at least one of its options:
//
//	timeouts {
//	    read DURATION
//	    write DURATION
//	    idle DURATION
//	}
//
// A number without a unit is of seconds. The option maxtcpqueries, which CoreDNS
// has, is refused by its name. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	err := d.Options(corefile.Options{
		"read":  {Parse: func(o corefile.Directive) error { return parse(o, &c.Read) }},
		"write": {Parse: func(o corefile.Directive) error { return parse(o, &c.Write) }},
		"idle":  {Parse: func(o corefile.Directive) error { return parse(o, &c.Idle) }},
		"maxtcpqueries": {Parse: func(o corefile.Directive) error {
			return o.Errorf("is not supported: a connection may carry any number of queries")
		}},
	})
	switch {
	case err != nil:
		return Config{}, err
	case c == Config{}:
		return Config{}, d.Errorf("wants at least one of read, write and idle in braces")
	}
	return c, nil
}

// parse reads an option's only argument.
func parse(o corefile.Directive, to *time.Duration) error {
	const usage = "a duration from 1s to 24h"
	text, err := o.Arg(usage)
	if err != nil {
		return err
	}
	if _, err := strconv.Atoi(text); err == nil {
		text += "s"
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < Min || v > Max {
		return o.Errorf("wants %s, got %q", usage, o.Args[0])
	}
	*to = v
	return nil
}
