package debug

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// Name is the directive's name.
const Name = "debug"

// Config is a debug directive, which has nothing to choose.
type Config struct{}

// Parse reads a debug directive:
//
//	debug
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	return Config{}, d.NoBody()
}
