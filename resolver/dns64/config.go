package dns64

import (
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// WellKnownPrefix is the prefix that stands for all of IPv4 (RFC 6052 section 2.1).
var WellKnownPrefix = netip.MustParsePrefix("64:ff9b::/96")

// lengths are those that a prefix may have (RFC 6052 section 2.2).
var lengths = []int{32, 40, 48, 56, 64, 96}

// Config is a dns64 directive. The zero value is one without options.
type Config struct {
	// Prefix is what addresses are put into; WellKnownPrefix if it is the zero
	// value.
	Prefix netip.Prefix
	// TranslateAll makes AAAA records also for names that have some.
	TranslateAll bool
	// AllowIPv4 makes them also for clients that ask over IPv4.
	AllowIPv4 bool

	Server  string   // of the server block, as metrics label it
	Metrics *Metrics // nil counts nothing
}

// Parse reads a dns64 directive:
//
//	dns64 [PREFIX] {
//	    prefix PREFIX
//	    translate_all
//	    allow_ipv4
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if len(d.Args) > 0 {
		if err := c.parsePrefix(d); err != nil {
			return Config{}, err
		}
	}
	return c, d.Options(corefile.Options{
		"prefix": {Parse: c.parsePrefix},
		"translate_all": {Parse: func(o corefile.Directive) error {
			c.TranslateAll = true
			return o.NoArgs()
		}},
		"allow_ipv4": {Parse: func(o corefile.Directive) error {
			c.AllowIPv4 = true
			return o.NoArgs()
		}},
	})
}

// parsePrefix takes the only argument of d for the prefix.
func (c *Config) parsePrefix(d corefile.Directive) error {
	const usage = "an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits such as 64:ff9b::/96"
	text, err := d.Arg(usage)
	if err != nil {
		return err
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is6() || !slices.Contains(lengths, p.Bits()) {
		return d.Errorf("wants %s, got %q", usage, text)
	}
	c.Prefix = p.Masked()
	return nil
}
