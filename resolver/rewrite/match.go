package rewrite

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// How names are matched.
const (
	exact     = "exact"
	prefix    = "prefix"
	suffix    = "suffix"
	substring = "substring"
	regex     = "regex"
)

const kinds = "one of exact, prefix, suffix, substring, regex"

// isKind reports whether a word says how names are matched.
func isKind(word string) bool {
	switch word {
	case exact, prefix, suffix, substring, regex:
		return true
	}
	return false
}

// matcher tells names that a rule is for. Names are lower-case text.
type matcher struct {
	kind    string
	text    []byte         // but for regex
	pattern *regexp.Regexp // for regex
}

// newMatcher returns a matcher of names; from is a whole name, its beginning,
// end or part, to which a final dot is added where there is none. So a prefix
// always ends where a label does.
func newMatcher(kind, from string) (matcher, error) {
	if kind == regex {
		pattern, err := compile(from)
		return matcher{kind: kind, pattern: pattern}, err
	}
	return matcher{kind: kind, text: []byte(absolute(from))}, nil
}

// absolute returns text in lower case and with a final dot.
func absolute(text string) string { return strings.ToLower(dns.Fqdn(text)) }

// match reports whether the rule is for a name. It does not allocate.
func (m *matcher) match(name []byte) bool {
	switch m.kind {
	case exact:
		return bytes.Equal(name, m.text)
	case prefix:
		return bytes.HasPrefix(name, m.text)
	case suffix:
		return bytes.HasSuffix(name, m.text)
	case substring:
		return bytes.Contains(name, m.text)
	}
	return m.pattern.Match(name)
}

// renamer makes another name of those that its matcher matches.
type renamer struct {
	matcher
	to    string
	regex substitution // for regex
}

// newRenamer returns the renamer of a rule's FROM and TO.
func newRenamer(kind, from, to string) (renamer, error) {
	m, err := newMatcher(kind, from)
	r := renamer{matcher: m, to: absolute(to)}
	if err == nil && kind == regex {
		r.regex, err = newSubstitution(m.pattern, r.to)
	}
	return r, err
}

// rename returns the new name of one that matches.
func (r *renamer) rename(name string) string {
	switch r.kind {
	case exact:
		return r.to
	case prefix:
		return r.to + name[len(r.text):]
	case suffix:
		return name[:len(name)-len(r.text)] + r.to
	case substring:
		return strings.ReplaceAll(name, string(r.text), r.to)
	}
	return r.regex.apply(name)
}

// maxPattern bounds regular expressions, and with them the memory that compiling
// one takes.
const maxPattern = 10000

func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a regular expression has at most %d octets, this %d", maxPattern, len(pattern))
	}
	return regexp.Compile(pattern)
}

// substitution makes a text of a match: {0} stands for all that matched, {1} for
// the first group, and so on.
type substitution struct {
	pattern *regexp.Regexp
	parts   []part
}

// part is literal text, or what a group matched.
type part struct {
	text  string
	group int // -1 for text
}

var groupRef = regexp.MustCompile(`\{(0|[1-9][0-9]?|100)\}`)

// newSubstitution returns the substitution of to for what pattern matches. To may
// not name more groups than there are. A reference to a group beyond those is text.
func newSubstitution(pattern *regexp.Regexp, to string) (substitution, error) {
	s := substitution{pattern: pattern}
	groups := map[int]bool{}
	at := 0
	for _, place := range groupRef.FindAllStringIndex(to, -1) {
		group, err := strconv.Atoi(to[place[0]+1 : place[1]-1])
		if err != nil {
			return s, err
		}
		if group > 0 {
			groups[group] = true
		}
		if group <= pattern.NumSubexp() {
			s.parts = append(s.parts, part{to[at:place[0]], -1}, part{group: group})
			at = place[1]
		}
	}
	s.parts = append(s.parts, part{to[at:], -1})
	if have := pattern.NumSubexp(); len(groups) > have {
		return s, fmt.Errorf("%q names %d groups of the regular expression %q, which has %d", to, len(groups), pattern, have)
	}
	return s, nil
}

// apply returns what name becomes; one that does not match stays.
func (s *substitution) apply(name string) string {
	groups := s.pattern.FindStringSubmatch(name)
	if groups == nil {
		return name
	}
	var b strings.Builder
	for _, p := range s.parts {
		if p.group < 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(groups[p.group])
		}
	}
	return b.String()
}
