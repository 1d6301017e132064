package explain

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// Name is the directive's name.
const Name = "explain"

// Config is an explain directive, which has nothing to choose.
type Config struct{}

// Parse reads an explain directive:
//
//	explain
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	return Config{}, d.NoBody()
}
