package loadbalance

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// Config is a loadbalance directive. Its one policy, round_robin, needs none.
type Config struct{}

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
			return Config{}, o.Errorf("is not supported: addresses are turned, and not sorted")
		}
	}
	return Config{}, d.Options(corefile.Options{})
}
