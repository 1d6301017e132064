package rewrite

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// replyRule revises the replies to questions of some names.
type replyRule struct {
	matcher
	reviser
}

func (r *replyRule) apply(x *question) bool {
	if !r.match(x.name) {
		return false
	}
	x.revisers = append(x.revisers, r.reviser)
	return true
}

// parseNames parses the [exact|...] NAME that a rule for replies begins with, and
// that rest words follow.
func parseNames(d corefile.Directive, field string, args []string, rest int) (matcher, []string, error) {
	kind := exact
	switch len(args) {
	case 1 + rest:
	case 2 + rest:
		kind, args = strings.ToLower(args[0]), args[1:]
		if !isKind(kind) {
			return matcher{}, nil, d.Errorf("%s wants %s before the name, got %q", field, kinds, kind)
		}
	default:
		return matcher{}, nil, d.Errorf("%s wants [exact|prefix|suffix|substring|regex] NAME and %d more, got %d words", field, rest, len(args))
	}
	m, err := newMatcher(kind, args[0])
	if err != nil {
		return m, nil, d.Errorf("%s: %w", field, err)
	}
	return m, args[1:], nil
}

// ttls keeps the TTLs of all records within bounds, in seconds.
type ttls struct{ least, most uint32 }

func parseTTL(d corefile.Directive, args []string) (rule, error) {
	m, args, err := parseNames(d, "ttl", args, 1)
	if err != nil {
		return nil, err
	}
	bounds, ok := parseBounds(args[0])
	if !ok {
		return nil, d.Errorf("ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got %q", args[0])
	}
	return &replyRule{m, bounds}, nil
}

// parseBounds parses "30", "30-300", "30-" or "-300". No TTL is above 2³¹-1 (RFC
// 2181 section 8).
func parseBounds(text string) (ttls, bool) {
	least, most, isRange := strings.Cut(text, "-")
	if !isRange {
		most = least
	}
	if least == "" && most == "" {
		return ttls{}, false
	}
	t := ttls{0, math.MaxInt32}
	for _, bound := range []struct {
		text string
		to   *uint32
	}{{least, &t.least}, {most, &t.most}} {
		if bound.text == "" {
			continue
		}
		v, err := strconv.ParseUint(bound.text, 10, 32)
		if err != nil {
			return ttls{}, false
		}
		*bound.to = uint32(min(v, math.MaxInt32))
	}
	return t, t.least <= t.most
}

func (t ttls) revise(_ *question, m *dns.Msg) error {
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			h := rr.Header()
			h.Ttl = min(max(h.Ttl, t.least), t.most)
		}
	}
	return nil
}

// rcodes puts one rcode in the place of another. Records stay.
type rcodes struct{ from, to int }

func parseRcode(d corefile.Directive, args []string) (rule, error) {
	m, args, err := parseNames(d, "rcode", args, 2)
	if err != nil {
		return nil, err
	}
	var both [2]int
	for i, a := range args {
		code, ok := parseCode(a)
		if !ok {
			return nil, d.Errorf("rcode wants FROM and TO as NXDOMAIN or 3, got %q", a)
		}
		both[i] = code
	}
	return &replyRule{m, rcodes{both[0], both[1]}}, nil
}

// lastRcode is the highest rcode that may be given as a number.
const lastRcode = dns.RcodeBadCookie

func parseCode(text string) (int, bool) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n <= lastRcode {
		return int(n), true
	}
	code, ok := dns.StringToRcode[strings.ToUpper(text)]
	return code, ok
}

func (c rcodes) revise(x *question, m *dns.Msg) error {
	if m.Rcode == c.from {
		m.Rcode = c.to
		x.outcome = outcomeOf(m)
	}
	return nil
}

// cnameRule leads the first CNAME record whose target matches somewhere else.
type cnameRule struct{ renamer }

// parseCNAME parses what follows "cname":
//
//	[exact|prefix|suffix|substring|regex] FROM TO
func parseCNAME(d corefile.Directive, args []string) (rule, error) {
	kind := exact
	if len(args) == 3 {
		kind, args = strings.ToLower(args[0]), args[1:]
	}
	if len(args) != 2 || !isKind(kind) {
		return nil, d.Errorf("cname wants [exact|prefix|suffix|substring|regex] FROM TO")
	}
	r, err := newRenamer(kind, args[0], args[1])
	if err != nil {
		return nil, d.Errorf("cname: %w", err)
	}
	if kind == prefix || kind == substring { // parts as they are: they need not end where a label does
		r.text, r.to = []byte(strings.ToLower(args[0])), strings.ToLower(args[1])
	}
	return &cnameRule{r}, nil
}

// apply is for every question, as the reply tells whether it has a CNAME record.
func (r *cnameRule) apply(x *question) bool {
	x.revisers = append(x.revisers, r)
	return true
}

// revise keeps the records up to the CNAME, and has what its new target leads to
// follow. The question about that goes through the whole server, so that it gets
// what a client that asked it would.
func (r *cnameRule) revise(x *question, m *dns.Msg) error {
	for i, rr := range m.Answer {
		cname, ok := rr.(*dns.CNAME)
		if !ok {
			continue
		}
		target := strings.ToLower(cname.Target)
		if !r.match([]byte(target)) {
			continue
		}
		to, err := canonical(r.rename(target))
		if err != nil {
			return fmt.Errorf("rewrite: the CNAME to %s becomes no name: %w", target, err)
		}
		up, o, err := resolver.Ask(x.query.Head, x.query, resolver.Question{Name: to, Type: x.typ, Class: x.class})
		if x.outcome = o; up == nil {
			if err != nil {
				return fmt.Errorf("rewrite: looking for %s: %w", to, err)
			}
			return nil
		}
		cname.Target = to
		m.Answer = append(m.Answer[:i+1:i+1], up.Answer...)
		m.Ns, m.Extra = up.Ns, up.Extra
		m.Rcode, m.Truncated, m.AuthenticatedData = up.Rcode, up.Truncated, false
		return nil
	}
	return nil
}
