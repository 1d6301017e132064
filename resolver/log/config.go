package log

import (
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Classes is a set of classes of answers.
type Classes uint8

// The classes, and all of them.
const (
	Success Classes = 1 << iota // an answer
	Denial                      // NXDOMAIN, or NOERROR without the type asked for
	Error                       // SERVFAIL, REFUSED and the like
	All     = Success | Denial | Error
)

// Has says whether any class of other is in the set.
func (c Classes) Has(other Classes) bool { return c&other != 0 }

// String returns the class' name, for a set of one.
func (c Classes) String() string {
	switch c {
	case Success:
		return "success"
	case Denial:
		return "denial"
	case Error:
		return "error"
	}
	return "all"
}

// Rule says how queries in a zone are logged.
type Rule struct {
	Zone    string // lower-case with trailing dot
	Classes Classes
	Format  Format
}

// Config is a log directive. A server block may have several; the first rule
// of all that matches a query's name decides about it.
type Config struct {
	Rules []Rule // at least one from Parse
}

// Parse reads a log directive:
//
//	log [NAMES...] [FORMAT] {
//	    class all|denial|error|success...
//	}
//
// The last argument is the format if it has a brace in it. Its errors are
// [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	text := Common
	if n := len(d.Args) - 1; n >= 0 && strings.Contains(d.Args[n], "{") {
		text = d.Args[n]
		d.Args = d.Args[:n:n]
	}
	format, err := ParseFormat(text)
	if err != nil {
		return Config{}, d.Errorf("%w", err)
	}
	zones, err := d.Zones()
	if err != nil {
		return Config{}, err
	}
	if len(zones) == 0 {
		zones = []string{"."}
	}
	var classes Classes
	err = d.Options(corefile.Options{
		"class": {Repeat: true, Parse: func(o corefile.Directive) error {
			c, err := parseClasses(o)
			classes |= c
			return err
		}},
	})
	if err != nil {
		return Config{}, err
	}
	if classes == 0 {
		classes = All
	}
	var c Config
	for _, z := range zones {
		c.Rules = append(c.Rules, Rule{Zone: z, Classes: classes, Format: format})
	}
	return c, nil
}

// parseClasses parses "class NAME...".
func parseClasses(o corefile.Directive) (Classes, error) {
	const usage = "one or more of all, denial, error, success"
	if err := o.ArgCount(1, -1, usage); err != nil {
		return 0, err
	}
	var set Classes
	for _, name := range o.Args {
		switch name {
		case "all":
			set |= All
		case "denial":
			set |= Denial
		case "error":
			set |= Error
		case "success":
			set |= Success
		default:
			return 0, o.Errorf("wants %s, got %q", usage, name)
		}
	}
	return set, nil
}
