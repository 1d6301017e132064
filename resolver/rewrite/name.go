package rewrite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// nameRule changes a question's name.
type nameRule struct {
	renamer
	// auto turns the new name back into the old one in the reply: for suffix by
	// the suffixes, so that other names of that end are turned back too.
	auto    bool
	answers []reviser // written, and for a suffix what auto means
}

// parseName parses what follows "name":
//
//	[exact|prefix|suffix|substring|regex] FROM TO [answer ...]
func parseName(d corefile.Directive, args []string) (rule, error) {
	kind := exact
	if len(args) > 2 {
		kind, args = strings.ToLower(args[0]), args[1:]
		if !isKind(kind) {
			return nil, d.Errorf("name wants %s before FROM and TO, got %q", kinds, kind)
		}
	}
	if len(args) < 2 {
		return nil, d.Errorf("name wants FROM and TO")
	}
	r := new(nameRule)
	var err error
	if r.renamer, err = newRenamer(kind, args[0], args[1]); err != nil {
		return nil, d.Errorf("name: %w", err)
	}
	if kind == exact {
		from, err := canonical(args[0])
		if err != nil {
			return nil, d.Errorf("name: %w", err)
		}
		if r.to, err = canonical(args[1]); err != nil {
			return nil, d.Errorf("name: %w", err)
		}
		r.text = []byte(from)
	}
	var auto bool
	auto, r.answers, err = parseAnswers(args[2:])
	switch {
	case err != nil:
		return nil, d.Errorf("name: %w", err)
	case kind == suffix && auto:
		turned := suffixes{string(r.text), r.to}
		r.answers = append([]reviser{owners{turned}, values{turned}}, r.answers...)
	default:
		r.auto = auto || kind == exact
	}
	return r, nil
}

// apply changes x's name if it matches.
func (r *nameRule) apply(x *question) bool {
	if !r.match(x.name) {
		return false
	}
	old := string(x.name)
	name, err := canonical(r.rename(old))
	if err != nil {
		x.err = fmt.Errorf("rewrite: %s becomes no name: %w", old, err)
		return true
	}
	x.name = append(x.name[:0], name...)
	x.renamed = x.renamed || name != old
	if r.auto {
		turned := names{old: old, new: name}
		x.revisers = append(x.revisers, owners{turned}, values{turned})
	}
	x.revisers = append(x.revisers, r.answers...)
	return true
}

// Words of answer rules.
const (
	answer = "answer"
	auto   = "auto"
)

const answerUsage = "answer auto, answer name FROM TO or answer value FROM TO"

// parseAnswers parses what follows a name rule's TO:
//
//	answer (auto | name FROM TO | value FROM TO) [[answer] ...]
func parseAnswers(args []string) (isAuto bool, revisers []reviser, err error) {
	if len(args) > 0 && args[0] != answer {
		return false, nil, fmt.Errorf("wants %s after FROM and TO, got %q", answerUsage, args[0])
	}
	named := false
	for len(args) > 0 {
		if args[0] == answer {
			args = args[1:]
		}
		if len(args) == 0 {
			return false, nil, errors.New("wants " + answerUsage)
		}
		word := args[0]
		args = args[1:]
		if word == auto || word == "name" && saysAuto(args) {
			if word != auto {
				args = args[1:]
			}
			isAuto = true
			continue
		}
		if word != "name" && word != "value" || len(args) < 2 {
			return false, nil, fmt.Errorf("wants %s, got %q", answerUsage, strings.Join(append([]string{word}, args...), " "))
		}
		s, err := parseSubstitution(args[0], args[1])
		if err != nil {
			return false, nil, fmt.Errorf("answer %s: %w", word, err)
		}
		args = args[2:]
		if word == "name" {
			named = true
			revisers = append(revisers, owners{s})
		} else {
			revisers = append(revisers, values{s})
		}
	}
	if isAuto && named {
		return false, nil, errors.New("answer auto and answer name exclude one another")
	}
	return isAuto, revisers, nil
}

// saysAuto reports whether what follows "name" is auto alone, and not FROM and TO.
func saysAuto(args []string) bool {
	return len(args) == 1 && args[0] == auto || len(args) > 1 && args[0] == auto && args[1] == answer
}

func parseSubstitution(from, to string) (*substitution, error) {
	pattern, err := compile(from)
	if err != nil {
		return nil, err
	}
	s, err := newSubstitution(pattern, absolute(to))
	return &s, err
}

// turner makes the name that the client is told of one in a reply, given in lower
// case. One that it is not for stays.
type turner interface{ apply(name string) string }

// names turns a name, and those below it, into an old one.
type names struct{ old, new string }

func (t names) apply(name string) string {
	if rest, ok := strings.CutSuffix(name, t.new); ok && (rest == "" || strings.HasSuffix(rest, ".")) {
		return rest + t.old
	}
	return name
}

// suffixes turns names of an end into those of an old one.
type suffixes struct{ old, new string }

func (t suffixes) apply(name string) string {
	if rest, ok := strings.CutSuffix(name, t.new); ok {
		return rest + t.old
	}
	return name
}

// turn returns what a name of a reply becomes. Names compare without case: one
// that is not turned keeps its letters.
func turn(t turner, name string) string {
	lower := strings.ToLower(name)
	if turned := t.apply(lower); turned != lower {
		return turned
	}
	return name
}

// owners turns the records' own names.
type owners struct{ turner }

func (o owners) revise(_ *question, m *dns.Msg) error {
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			rr.Header().Name = turn(o, rr.Header().Name)
		}
	}
	return nil
}

// values turns the names that records lead to.
type values struct{ turner }

func (v values) revise(_ *question, m *dns.Msg) error {
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			if target := targetOf(rr); target != nil {
				*target = turn(v, *target)
			}
		}
	}
	return nil
}

// targetOf returns the name in a record that value rules are for; nil for none.
func targetOf(rr dns.RR) *string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return &rr.Target
	case *dns.DNAME:
		return &rr.Target
	case *dns.SRV:
		return &rr.Target
	case *dns.MX:
		return &rr.Mx
	case *dns.NS:
		return &rr.Ns
	case *dns.PTR:
		return &rr.Ptr
	case *dns.NAPTR:
		return &rr.Replacement
	case *dns.SOA:
		return &rr.Ns
	}
	return nil
}
