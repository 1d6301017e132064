package corefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// importWord finds texts that may read files, or take long by design.
var importWord = regexp.MustCompile(`import|\{[$%]`)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.corefile")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"", "{", "}", "a", "a,b {", ". {\n}\n", "a\nb\nc {", "(s) {\nerrors\n}\na {\nimport s\n}",
		"\ufeff. {\n}", "10.0.0.0/17 fd00::/7:54 {\n}", "a { log \"\\\"\n\\\\\" {\nb\n}}", "a.\\ {\n}",
		"tls://a {\n}", "a:99999 {\n}", "{$HOME}{$} {\n}", "a {\nb {\nc {\n}}}\nd {\n}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "import") && strings.ContainsAny(text, "*?/.") {
			text = strings.NewReplacer("*", "", "?", "", "/", "", ".", "").Replace(text) // read no files
		}
		parsed, err := corefile.Parse("Corefile", strings.NewReader(text))
		if err != nil {
			var e *corefile.Error
			if !errors.As(err, &e) || e.Pos.File == "" || e.Pos.Line < 1 {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		checkRoundTrip(t, parsed)
		if !importWord.MatchString(text) {
			checkAgainstReference(t, text)
		}
	})
}

// checkRoundTrip checks that printing loses nothing, and is settled after once.
func checkRoundTrip(t *testing.T, f *corefile.File) {
	t.Helper()
	text := f.String()
	again, err := corefile.Parse(f.Name, strings.NewReader(text))
	if err != nil {
		t.Fatalf("what was printed does not parse: %v\n%s", err, text)
	}
	if diff := cmp.Diff(f, again, cmpopts.IgnoreTypes(corefile.Pos{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("printing changed the file (-want +got):\n%s\n%s", diff, text)
	}
	if text2 := again.String(); text2 != text {
		t.Fatalf("printing twice differs (-once +twice):\n%s", cmp.Diff(text, text2))
	}
}

// checkAgainstReference compares our reading of text with that of the
// format's own parser, where that one accepts it: the same keys, and for each
// directive's name the same words in the same order.
func checkAgainstReference(t *testing.T, text string) {
	t.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(text), nil)
	if err != nil {
		return
	}
	f := parse(t, text)
	if len(f.Blocks) != len(blocks) {
		t.Fatalf("%d blocks, the reference has %d", len(f.Blocks), len(blocks))
	}
	for i, b := range blocks {
		if got, want := len(f.Blocks[i].Keys), len(b.Keys); got != want {
			t.Fatalf("block %d has %d keys, in the reference %d", i, got, want)
		}
		want := map[string][]string{}
		for name, tokens := range b.Tokens {
			for _, tok := range tokens {
				if tok.Text != "{" && tok.Text != "}" {
					want[name] = append(want[name], tok.Text)
				}
			}
		}
		got := map[string][]string{}
		for _, d := range f.Blocks[i].Directives {
			got[d.Name] = append(got[d.Name], words(d)...)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("block %d (-reference +ours):\n%s", i, diff)
		}
	}
}

// words returns a directive's words without its braces, in the order written.
func words(d corefile.Directive) []string {
	w := append([]string{d.Name}, d.Args...)
	for _, o := range d.Body {
		w = append(w, words(o)...)
	}
	return w
}
