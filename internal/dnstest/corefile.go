package dnstest

import (
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Directive returns the one directive in text, as it would stand in a server block
// of the root: it begins at line 2 of a file named Corefile.
func Directive(t testing.TB, text string) corefile.Directive {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Blocks[0].Directives[0]
}

// Bare sees that a directive takes neither arguments nor options. Parse is the parser
// of its package.
func Bare[C any](t *testing.T, name string, parse func(corefile.Directive) (C, error)) {
	t.Helper()
	tests := []struct{ text, want, reason string }{
		{name, "", "nothing to choose"},
		{name + " x", "Corefile:2: " + name + `: takes no arguments, got "x"`, "no arguments"},
		{name + " {\nx\n}", "Corefile:3: " + name + ` takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if _, err := parse(Directive(t, tt.text)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("error %q, want %q: %s", got, tt.want, tt.reason)
			}
		})
	}
}
