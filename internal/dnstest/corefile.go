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
