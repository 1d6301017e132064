package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// Config is a template directive. Make it with Parse: a server block may have
// several.
type Config struct {
	Class, Type uint16      // dns.ClassANY and dns.TypeANY are all
	Zones       []zone.Name // at least one
	Match       []*regexp.Regexp
	Rcode       wire.Rcode
	// EDE is an Extended DNS Error of the reply; nil for none.
	EDE *EDE
	// Fallthrough are the zones in which a name that no expression matches goes to
	// the next template, or the next handler after the last.
	Fallthrough []zone.Name

	records [3][]*template.Template // by section
}

// EDE is an Extended DNS Error (RFC 8914).
type EDE struct {
	Code wire.EDE
	Text string
}

// maxPattern bounds regular expressions, and with them the memory that compiling
// one takes.
const maxPattern = 10000

// Parse reads a template directive; zones are those of its server block:
//
//	template CLASS TYPE [ZONE...] {
//	    match REGEX...
//	    answer|additional|authority RR...
//	    rcode CODE
//	    ederror CODE [TEXT]
//	    fallthrough [ZONE...]
//	    upstream
//	}
//
// Upstream means nothing any more. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, zones []string) (Config, error) {
	var c Config
	if err := d.ArgCount(2, -1, "CLASS TYPE [ZONE...]"); err != nil {
		return c, err
	}
	var ok bool
	if c.Class, ok = dns.StringToClass[strings.ToUpper(d.Args[0])]; !ok {
		return c, d.Errorf("there is no class %q", d.Args[0])
	}
	if c.Type, ok = dns.StringToType[strings.ToUpper(d.Args[1])]; !ok {
		return c, d.Errorf("there is no type %q", d.Args[1])
	}
	scope := d
	scope.Args = d.Args[2:]
	var err error
	if c.Zones, err = zonesOf(scope, zones); err != nil {
		return c, err
	}
	return c, d.Options(corefile.Options{
		"match":       {Repeat: true, Parse: c.parseMatch},
		"answer":      {Repeat: true, Parse: c.section(wire.Answer)},
		"authority":   {Repeat: true, Parse: c.section(wire.Authority)},
		"additional":  {Repeat: true, Parse: c.section(wire.Additional)},
		"rcode":       {Repeat: true, Parse: c.parseRcode},
		"ederror":     {Repeat: true, Parse: c.parseEDE},
		"fallthrough": {Repeat: true, Parse: func(o corefile.Directive) (err error) { c.Fallthrough, err = zonesOf(o, []string{"."}); return }},
		"upstream":    {Repeat: true, Parse: func(corefile.Directive) error { return nil }},
	})
}

// zonesOf returns the arguments of d as names; def if there are none.
func zonesOf(d corefile.Directive, def []string) ([]zone.Name, error) {
	texts, err := d.Zones()
	if err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		texts = def
	}
	names, err := zone.ParseNames(texts)
	if err != nil {
		return nil, d.Errorf("%w", err)
	}
	return names, nil
}

func (c *Config) parseMatch(o corefile.Directive) error {
	if err := o.ArgCount(1, -1, "one or more regular expressions"); err != nil {
		return err
	}
	for _, text := range o.Args {
		if len(text) > maxPattern {
			return o.Errorf("a regular expression has at most %d octets, this %d", maxPattern, len(text))
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return o.Errorf("%w", err)
		}
		c.Match = append(c.Match, re)
	}
	return nil
}

// section returns what parses the templates of a section's records.
func (c *Config) section(s wire.Section) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		if err := o.ArgCount(1, -1, "one or more records in quotes"); err != nil {
			return err
		}
		for _, text := range o.Args {
			t, err := template.New(o.Name).Funcs(template.FuncMap{"parseInt": strconv.ParseUint}).Parse(text)
			if err != nil {
				return o.Errorf("%w", err)
			}
			c.records[s] = append(c.records[s], t)
		}
		return nil
	}
}

func (c *Config) parseRcode(o corefile.Directive) error {
	text, err := o.Arg("an rcode such as NXDOMAIN")
	if err != nil {
		return err
	}
	code, ok := dns.StringToRcode[strings.ToUpper(text)]
	if !ok {
		return o.Errorf("there is no rcode %q", text)
	}
	c.Rcode = wire.Rcode(code)
	return nil
}

func (c *Config) parseEDE(o corefile.Directive) error {
	const usage = "the number of an Extended DNS Error, and a text if need be"
	if err := o.ArgCount(1, 2, usage); err != nil {
		return err
	}
	code, err := strconv.ParseUint(o.Args[0], 10, 16)
	if err != nil {
		return o.Errorf("wants %s, got %q", usage, o.Args[0])
	}
	c.EDE = &EDE{Code: wire.EDE(code), Text: strings.Join(o.Args[1:], "")}
	return nil
}

// record has a template written and its text read. It is nil for no text.
func record(t *template.Template, data *Data) (rr dns.RR, written bool, err error) {
	var text strings.Builder
	if err := t.Execute(&text, data); err != nil {
		return nil, false, err
	}
	parser := dns.NewZoneParser(strings.NewReader(text.String()+"\n"), ".", "")
	parser.SetDefaultTTL(defaultTTL)
	rr, _ = parser.Next()
	if err := parser.Err(); err != nil {
		return nil, true, fmt.Errorf("%q: %w", text.String(), err)
	}
	return rr, true, nil
}

// defaultTTL is the TTL, in seconds, of a record whose text has none.
const defaultTTL = 3600
