package corefile

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"unicode"

	"github.com/coredns/caddy/caddyfile"
)

// token is one word of the text, quotes removed.
type token struct {
	text string
	pos  Pos
	// first is whether the token is the first of its line. It is set when
	// the token's own file is read, and so stays right wherever an import
	// puts the token.
	first bool
	// unset is the first environment variable in the text that has no value, where
	// the text is expanded; empty for none.
	unset string
}

// is says whether the token is a bare word of the grammar. The lexer drops
// quotes, so that a quoted brace is a brace too.
func (t token) is(word string) bool { return t.text == word }

// lex splits text into tokens.
func lex(name string, text []byte) []token {
	// A Dispenser panics on a failing reader; a bytes.Reader never fails.
	d := caddyfile.NewDispenser(name, bytes.NewReader(text))
	var tokens []token
	end := 0 // the line on which the token before ended
	for d.Next() {
		t := token{text: d.Val(), pos: Pos{File: name, Line: d.Line()}}
		t.first = t.pos.Line > end
		end = t.pos.Line + strings.Count(t.text, "\n")
		tokens = append(tokens, t)
	}
	return tokens
}

// envRef matches {$NAME} and {%NAME%}. Empty names are not references.
var envRef = regexp.MustCompile(`\{\$([^}]+)\}|\{%(.+?)%\}`)

// The bounds of expansion, so that a variable that refers to itself ends in an error.
const (
	maxEnvRounds = 50
	maxEnvText   = 1 << 16
)

// expand replaces the references to environment variables in the token's
// text, and in what they stand for. A variable that is not set is empty.
func (t token) expand() (string, error) {
	s := t.text
	for range maxEnvRounds {
		if !envRef.MatchString(s) {
			return s, nil
		}
		s = envRef.ReplaceAllStringFunc(s, func(ref string) string { return os.Getenv(variable(ref)) })
		if len(s) > maxEnvText {
			break
		}
	}
	return "", t.pos.Errorf("environment references in %q lead to ever more of them", t.text)
}

// variable returns the name of the environment variable that a reference is to.
func variable(ref string) string { return strings.TrimSuffix(ref[2:len(ref)-1], "%") }

// unsetVariable returns the first environment variable in the token's text that has no
// value; empty for none.
func (t token) unsetVariable() string {
	for _, ref := range envRef.FindAllString(t.text, -1) {
		if name := variable(ref); os.Getenv(name) == "" {
			return name
		}
	}
	return ""
}

// word returns the token's expanded text as a name or argument.
func (t token) word() (string, error) {
	s, err := t.expand()
	switch {
	case err != nil:
		return "", err
	case s == "{" || s == "}":
		return "", t.pos.Errorf("%s stands for a lone brace, which cannot be an argument", t.text)
	case !writable(s):
		return "", t.pos.Errorf("%q cannot be written in a Corefile: in quotes, backslashes must come in pairs before a quote", s)
	}
	return s, nil
}

// mustQuote is whether an argument needs quotes to be read back as one word.
func mustQuote(s string) bool {
	return s == "" || s[0] == '"' || strings.ContainsRune(s, '#') ||
		strings.ContainsFunc(s, unicode.IsSpace)
}

// writable is whether an argument can be read back at all. Within quotes only
// a quote can be escaped, not a backslash, so that an odd run of backslashes
// before a quote swallows it. Text of a file is always writable, that of an
// environment variable may not be.
func writable(s string) bool {
	if !mustQuote(s) {
		return true
	}
	odd := false
	for _, r := range s + `"` {
		switch {
		case r == '\\':
			odd = !odd
		case r == '"' && odd:
			return false
		default:
			odd = false
		}
	}
	return true
}
