package multisocket

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// Max is how many readers an address may have, as in CoreDNS.
const Max = 1024

// Config is a multisocket directive.
type Config struct {
	// Readers is how many there are; 0 for as many as Go uses cores, which is
	// also what there are without the directive.
	Readers int
}

// Parse reads a multisocket directive:
//
//	multisocket [NUMBER]
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if len(d.Args) > 0 {
		n, err := d.Int(1, Max)
		if err != nil {
			return Config{}, err
		}
		c.Readers = n
	}
	return c, d.NoBody()
}
