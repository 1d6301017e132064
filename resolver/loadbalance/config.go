package loadbalance

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// Policy says how the addresses of an answer are ordered.
type Policy uint8

// RoundRobin puts A, AAAA and MX records in random order, each order as likely
// as any other, CNAME records first. It is the only policy yet.
const RoundRobin Policy = 0

// Config is a loadbalance directive.
type Config struct {
	Policy Policy
}

// Parse reads a loadbalance directive:
//
//	loadbalance [round_robin]
//
// The policy weighted and the option prefer, which CoreDNS has, are refused by
// their names. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if len(d.Args) > 0 && d.Args[0] == "weighted" {
		return Config{}, d.Errorf("the policy weighted is not supported (supported: round_robin)")
	}
	if len(d.Args) > 0 {
		if _, err := d.Enum("round_robin"); err != nil {
			return Config{}, err
		}
	}
	for _, o := range d.Body {
		if o.Name == "prefer" {
			return Config{}, o.Errorf("is not supported: the order is random")
		}
	}
	return Config{Policy: RoundRobin}, d.Options(corefile.Options{})
}
