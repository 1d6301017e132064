package rewrite

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a rewrite directive: one rule. Make it with Parse. A server block may
// have several.
type Config struct {
	// Continue lets the rules after it be tried too where it matches.
	Continue bool

	rule rule
}

// Parse reads a rewrite directive:
//
//	rewrite [continue|stop] name [exact|prefix|suffix|substring|regex] FROM TO [answer ...]
//	rewrite [continue|stop] type|class FROM TO
//	rewrite [continue|stop] edns0 local|nsid|subnet set|replace|append|unset ...
//	rewrite [continue|stop] ttl [exact|prefix|...] NAME SECONDS|MIN-|-MAX|MIN-MAX
//	rewrite [continue|stop] rcode [exact|prefix|...] NAME FROM TO
//	rewrite [continue|stop] cname [exact|prefix|...] FROM TO
//
// All but the first word may stand in braces, on any number of lines. Its errors
// are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	args, err := words(d)
	if err != nil {
		return Config{}, err
	}
	var c Config
	if len(args) > 0 {
		switch strings.ToLower(args[0]) {
		case "continue":
			c.Continue, args = true, args[1:]
		case "stop":
			args = args[1:]
		}
	}
	const fields = "one of name, type, class, edns0, ttl, rcode, cname"
	if len(args) == 0 {
		return Config{}, d.Errorf("wants [continue|stop] and %s", fields)
	}
	field, args := strings.ToLower(args[0]), args[1:]
	switch field {
	case "name":
		c.rule, err = parseName(d, args)
	case "type":
		c.rule, err = parseType(d, args)
	case "class":
		c.rule, err = parseClass(d, args)
	case "edns0":
		c.rule, err = parseEDNS0(d, args)
	case "ttl":
		c.rule, err = parseTTL(d, args)
	case "rcode":
		c.rule, err = parseRcode(d, args)
	case "cname":
		c.rule, err = parseCNAME(d, args)
	case answer:
		err = d.Errorf("answer belongs to a name rule, after its FROM and TO")
	default:
		err = d.Errorf("wants %s, got %q", fields, field)
	}
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

// words returns the directive's arguments and, if they are fewer than two, the
// words of its body, line breaks counting for nothing.
func words(d corefile.Directive) ([]string, error) {
	if len(d.Args) > 1 {
		return d.Args, d.NoBody()
	}
	args := d.Args[:len(d.Args):len(d.Args)]
	for _, line := range d.Body {
		if err := line.NoBody(); err != nil {
			return nil, err
		}
		args = append(append(args, line.Name), line.Args...)
	}
	return args, nil
}

// codeRule changes a question's type or class.
type codeRule struct {
	from, to uint16
	field    func(*question) *uint16
}

func (r codeRule) apply(x *question) bool {
	code := r.field(x)
	if *code != r.from {
		return false
	}
	*code = r.to
	x.renamed = x.renamed || r.from != r.to
	return true
}

func parseType(d corefile.Directive, args []string) (rule, error) {
	from, to, err := parseCodes(d, "type", args, dns.StringToType)
	return codeRule{from, to, func(x *question) *uint16 { return &x.typ }}, err
}

func parseClass(d corefile.Directive, args []string) (rule, error) {
	from, to, err := parseCodes(d, "class", args, dns.StringToClass)
	return codeRule{from, to, func(x *question) *uint16 { return &x.class }}, err
}

// parseCodes parses FROM and TO of a rule for a field whose values have names.
func parseCodes(d corefile.Directive, field string, args []string, codes map[string]uint16) (from, to uint16, err error) {
	if len(args) != 2 {
		return 0, 0, d.Errorf("%s wants FROM and TO", field)
	}
	var both [2]uint16
	for i, a := range args {
		code, ok := codes[strings.ToUpper(a)]
		if !ok || code == 0 {
			return 0, 0, d.Errorf("%s: there is no %s %q", field, field, a)
		}
		both[i] = code
	}
	return both[0], both[1], nil
}
