package https

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// DefaultMaxConns bounds connections unless told otherwise.
const DefaultMaxConns = 200

// Config is an https directive.
type Config struct {
	// MaxConns bounds the connections in all; 0 is no bound.
	MaxConns int
}

// Parse reads an https directive:
//
//	https {
//	    max_connections N
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Config{MaxConns: DefaultMaxConns}
	if err := d.NoArgs(); err != nil {
		return c, err
	}
	return c, d.Options(corefile.Options{
		"max_connections": {Parse: func(o corefile.Directive) (err error) {
			c.MaxConns, err = o.Int(0, 1<<20)
			return err
		}},
	})
}
