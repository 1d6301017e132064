package forward

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the directive's and the handler's.
const Name = "forward"

// maxTargets is how many targets a directive may have, and how many upstreams
// they may come to.
const maxTargets = 15

// PerUpstream, as Config.MaxConnectAttempts, allows two attempts for each upstream.
const PerUpstream = -1

// Config is a forward directive. Defaults has the values of options not given.
type Config struct {
	From   []zone.Name // what is forwarded: these and names below; a network may be several
	To     []Target
	Except []zone.Name // names at and below these are not forwarded, but for a From itself

	ForceTCP  bool // ask by TCP whatever the client came by
	PreferUDP bool // ask by UDP first whatever the client came by

	ReadTimeout  time.Duration // of each exchange
	Expire       time.Duration // how long a connection may be idle; 0 uses each once
	MaxAge       time.Duration // how old a connection may be for another use; 0 is no bound
	MaxIdleConns int           // for each upstream; 0 is no bound

	Policy             Policy
	MaxFails           int // failed checks that make an upstream count as down; 0 is never
	MaxConnectAttempts int // failed exchanges for one question; 0 is no bound
	MaxConcurrent      int // queries that wait at a time; 0 is no bound
	FailFast           bool
	Failover           []wire.Rcode // rcodes that have the next upstream asked
	Next               []wire.Rcode // rcodes that have the next forward of the block asked
	NextOnNoData       bool         // likewise NOERROR with no answer

	Check Check

	TLS           TLSFiles
	ServerName    string     // that certificates of upstreams are for; empty is their address
	DoHMethod     string     // of HTTP
	SourceAddress netip.Addr // invalid lets the system choose

	Pos corefile.Pos // of the directive
}

// Check is how an upstream in doubt is checked.
type Check struct {
	Interval         time.Duration
	Domain           string // whose NS records are asked for
	RecursionDesired bool
}

// TLSFiles are the files of a tls option; an empty one is not given.
type TLSFiles struct {
	Cert, Key, CA string
	Pos           corefile.Pos
}

// Defaults returns what a directive without options says.
func Defaults() Config {
	return Config{
		ReadTimeout:        2 * time.Second,
		Expire:             10 * time.Second,
		MaxFails:           2,
		MaxConnectAttempts: PerUpstream,
		Check:              Check{Interval: defaultInterval, Domain: ".", RecursionDesired: true},
		DoHMethod:          http.MethodPost,
	}
}

// Parse reads a forward directive:
//
//	forward FROM TO... {
//	    OPTIONS
//	}
//
// It opens no file. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Defaults()
	c.Pos = d.Pos
	if err := d.ArgCount(2, 1+maxTargets, fmt.Sprintf("FROM TO..., %d TOs at most", maxTargets)); err != nil {
		return Config{}, err
	}
	var err error
	if c.From, err = names(d, d.Args[:1]); err != nil {
		return Config{}, err
	}
	if err = d.Options(c.options()); err != nil {
		return Config{}, err
	}
	if c.MaxAge > 0 && c.MaxAge < c.Expire {
		return Config{}, d.Errorf("max_age, %s, is less than expire, %s", c.MaxAge, c.Expire)
	}
	for _, arg := range d.Args[1:] {
		t, err := ParseTarget(arg)
		if err != nil {
			return Config{}, d.Errorf("%w", err)
		}
		if t.ServerName != "" && c.ServerName != "" {
			return Config{}, d.Errorf("%q has a server name, and so has tls_servername: only one of the two is allowed", arg)
		}
		c.To = append(c.To, t)
	}
	return c, nil
}

// options returns how each option is read into c.
func (c *Config) options() corefile.Options {
	return corefile.Options{
		"except": {Repeat: true, Parse: func(o corefile.Directive) error {
			if err := o.ArgCount(1, -1, "one or more names"); err != nil {
				return err
			}
			list, err := names(o, o.Args)
			c.Except = append(c.Except, list...)
			return err
		}},
		"force_tcp":                        flag(&c.ForceTCP),
		"prefer_udp":                       flag(&c.PreferUDP),
		"failfast_all_unhealthy_upstreams": flag(&c.FailFast),
		"next_on_nodata":                   flag(&c.NextOnNoData),
		"expire":                           duration(&c.Expire),
		"max_age":                          duration(&c.MaxAge),
		"read_timeout": {Parse: func(o corefile.Directive) (err error) {
			if c.ReadTimeout, err = o.Duration(); err == nil && c.ReadTimeout == 0 {
				err = o.Errorf("wants a duration above 0, got %q", o.Args[0])
			}
			return err
		}},
		"max_idle_conns":       integer(&c.MaxIdleConns),
		"max_fails":            integer(&c.MaxFails),
		"max_connect_attempts": integer(&c.MaxConnectAttempts),
		"max_concurrent":       integer(&c.MaxConcurrent),
		"policy": {Parse: func(o corefile.Directive) error {
			name, err := o.Enum("random", "round_robin", "sequential")
			c.Policy = policies[name]
			return err
		}},
		"health_check": {Parse: func(o corefile.Directive) error { return c.Check.parse(o) }},
		"next":         {Repeat: true, Parse: func(o corefile.Directive) error { return rcodes(o, &c.Next) }},
		"failover": {Repeat: true, Parse: func(o corefile.Directive) error {
			err := rcodes(o, &c.Failover)
			for _, code := range c.Failover {
				if err == nil && code == wire.NoError {
					err = o.Errorf("NOERROR is not allowed")
				}
			}
			return err
		}},
		"tls": {Parse: func(o corefile.Directive) error { return c.TLS.parse(o) }},
		"tls_servername": {Parse: func(o corefile.Directive) (err error) {
			c.ServerName, err = o.Arg("one name")
			return err
		}},
		"doh_method": {Parse: func(o corefile.Directive) (err error) {
			c.DoHMethod, err = o.Enum(http.MethodGet, http.MethodPost)
			return err
		}},
		"source_address": {Parse: func(o corefile.Directive) error {
			text, err := o.Arg("one address")
			if err == nil {
				if c.SourceAddress, err = netip.ParseAddr(text); err != nil {
					err = o.Errorf("wants an address such as 192.0.2.1 or 2001:db8::1, got %q", text)
				}
			}
			return err
		}},
		"resolver": {Parse: func(o corefile.Directive) error {
			return o.Errorf("is not supported, as upstreams are given by their addresses alone")
		}},
	}
}

// flag is an option without arguments that sets v.
func flag(v *bool) corefile.Option {
	return corefile.Option{Parse: func(o corefile.Directive) error {
		*v = true
		return o.NoArgs()
	}}
}

// duration is an option that sets v to a duration.
func duration(v *time.Duration) corefile.Option {
	return corefile.Option{Parse: func(o corefile.Directive) (err error) {
		*v, err = o.Duration()
		return err
	}}
}

// integer is an option that sets v to 0 or more.
func integer(v *int) corefile.Option {
	return corefile.Option{Parse: func(o corefile.Directive) (err error) {
		*v, err = o.Int(0, math.MaxInt32)
		return err
	}}
}

// names returns the zones that the arguments stand for.
func names(d corefile.Directive, args []string) ([]zone.Name, error) {
	d.Args = args
	texts, err := d.Zones()
	if err != nil {
		return nil, err
	}
	var list []zone.Name
	for _, text := range texts {
		n, err := zone.ParseName(text)
		if err != nil {
			return nil, d.Errorf("%w", err)
		}
		list = append(list, n)
	}
	return list, nil
}

// rcodes appends the arguments to list.
func rcodes(o corefile.Directive, list *[]wire.Rcode) error {
	if err := o.ArgCount(1, -1, "one or more rcodes"); err != nil {
		return err
	}
	for _, a := range o.Args {
		code, ok := dns.StringToRcode[strings.ToUpper(a)]
		if !ok {
			return o.Errorf("%q is not an rcode, such as SERVFAIL, NXDOMAIN or REFUSED", a)
		}
		*list = append(*list, wire.Rcode(code))
	}
	return nil
}

// parse reads "health_check DURATION [no_rec] [domain FQDN]". A duration of 0 is
// the default.
func (c *Check) parse(o corefile.Directive) error {
	const usage = "DURATION [no_rec] [domain FQDN]"
	if err := o.ArgCount(1, 4, usage); err != nil {
		return err
	}
	first, rest := o, o.Args[1:]
	first.Args = o.Args[:1]
	interval, err := first.Duration()
	if err != nil {
		return err
	}
	if interval > 0 {
		c.Interval = interval
	}
	for len(rest) > 0 {
		switch {
		case rest[0] == "no_rec":
			c.RecursionDesired, rest = false, rest[1:]
		case rest[0] == "domain" && len(rest) > 1:
			if _, err := zone.ParseName(rest[1]); err != nil {
				return o.Errorf("%q is not a domain: %w", rest[1], err)
			}
			c.Domain, rest = dns.CanonicalName(rest[1]), rest[2:]
		default:
			return o.Errorf("wants %s, got %q there", usage, rest[0])
		}
	}
	return nil
}

// parse reads "tls [CERT KEY] [CA]".
func (t *TLSFiles) parse(o corefile.Directive) error {
	t.Pos = o.Pos
	switch a := o.Args; len(a) {
	case 0:
	case 1:
		t.CA = a[0]
	case 2:
		t.Cert, t.Key = a[0], a[1]
	case 3:
		t.Cert, t.Key, t.CA = a[0], a[1], a[2]
	default:
		return o.ArgCount(0, 3, "[CERT KEY] [CA]")
	}
	return nil
}
