package header

import (
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Flags are bits of the header's second 16 bits to be changed. None is in both.
type Flags struct{ Set, Clear uint16 }

// of returns what becomes of flags.
func (f Flags) of(flags uint16) uint16 { return flags&^f.Clear | f.Set }

// Config is a header directive.
type Config struct {
	Query, Response Flags
}

// Parse reads a header directive:
//
//	header {
//	    query|response set|clear aa|ra|rd...
//	}
//
// Of lines that say different things of one flag the last counts. Its errors are
// [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if err := d.NoArgs(); err != nil {
		return c, err
	}
	if len(d.Body) == 0 {
		return c, d.Errorf("wants lines such as \"response set ra\" in braces")
	}
	for _, line := range d.Body {
		var to *Flags
		switch strings.ToLower(line.Name) {
		case "query":
			to = &c.Query
		case "response":
			to = &c.Response
		default:
			return c, line.Pos.Errorf("header wants one of query, response, got %q", line.Name)
		}
		if err := line.NoBody(); err != nil {
			return c, err
		}
		if err := to.add(line); err != nil {
			return c, err
		}
	}
	return c, nil
}

// add reads the action and flags of a line.
func (f *Flags) add(line corefile.Directive) error {
	const usage = "one of set, clear and then one or more of aa, ra, rd"
	if err := line.ArgCount(2, -1, usage); err != nil {
		return err
	}
	for _, name := range line.Args[1:] {
		var bit uint16
		switch strings.ToLower(name) {
		case "aa":
			bit = wire.FlagAA
		case "ra":
			bit = wire.FlagRA
		case "rd":
			bit = wire.FlagRD
		default:
			return line.Errorf("wants %s, got %q", usage, name)
		}
		switch strings.ToLower(line.Args[0]) {
		case "set":
			f.Set, f.Clear = f.Set|bit, f.Clear&^bit
		case "clear":
			f.Set, f.Clear = f.Set&^bit, f.Clear|bit
		default:
			return line.Errorf("wants %s, got %q", usage, line.Args[0])
		}
	}
	return nil
}
