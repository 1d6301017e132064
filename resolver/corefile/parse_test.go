package corefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// parse parses text that must be right.
func parse(t *testing.T, text string) *corefile.File {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return f
}

// outline returns a line for each key and directive: position, depth and words.
func outline(f *corefile.File) string {
	var b strings.Builder
	for _, block := range f.Blocks {
		for _, k := range block.Keys {
			fmt.Fprintf(&b, "%s %s\n", k.Pos, k)
		}
		outlineBody(&b, block.Directives, "  ")
	}
	return b.String()
}

func outlineBody(b *strings.Builder, directives []corefile.Directive, indent string) {
	for _, d := range directives {
		fmt.Fprintf(b, "%s %s%s", d.Pos, indent, d.Name)
		for _, a := range d.Args {
			fmt.Fprintf(b, " [%s]", a)
		}
		b.WriteByte('\n')
		outlineBody(b, d.Body, indent+"  ")
	}
}

func TestParse(t *testing.T) {
	t.Setenv("ZONE", "cluster.local")
	t.Setenv("INNER", "{$ZONE}")
	tests := []struct {
		name, text, want, reason string
	}{{
		name: "order", reason: "directives keep the order written, instances of one apart",
		text: ". {\n  log a\n  errors\n  log b c\n}\n",
		want: "Corefile:1 .:53\nCorefile:2   log [a]\nCorefile:3   errors\nCorefile:4   log [b] [c]\n",
	}, {
		name: "bodies", reason: "a body belongs to the directive before its brace",
		text: ".:5300 {\n  health :1 {\n    lameduck 5s\n  }\n  ready { }\n}",
		want: "Corefile:1 .:5300\nCorefile:2   health [:1]\nCorefile:3     lameduck [5s]\nCorefile:5   ready\n",
	}, {
		name: "one line", reason: "a closing brace ends a body anywhere on a line",
		text: ". { errors { stacktrace } }",
		want: "Corefile:1 .:53\nCorefile:1   errors\nCorefile:1     stacktrace\n",
	}, {
		name: "words", reason: "quotes group, # starts a comment, a quote can be escaped",
		text: ". { # zones\n  log . \"a # \\\"b\\\" \\c\" \"\" # end\n}",
		want: "Corefile:1 .:53\nCorefile:2   log [.] [a # \"b\" \\c] []\n",
	}, {
		name: "long word", reason: "a quoted line break does not end the directive's line",
		text: ". {\n  log \"a\nb\" c\n  errors\n}",
		want: "Corefile:1 .:53\nCorefile:2   log [a\nb] [c]\nCorefile:4   errors\n",
	}, {
		name: "keys", reason: "a comma lets keys go on, and the brace may stand on the next line",
		text: "a, b,\nc\n{\n}\nd.e:54 {\n}",
		want: "Corefile:1 a:53\nCorefile:1 b:53\nCorefile:2 c:53\nCorefile:5 d.e:54\n",
	}, {
		name: "no braces", reason: "a Corefile of one block needs none",
		text: ".:54\nerrors\nhealth {\n lameduck 1s\n}\n",
		want: "Corefile:1 .:54\nCorefile:2   errors\nCorefile:3   health\nCorefile:4     lameduck [1s]\n",
	}, {
		name: "snippet twice", reason: "a snippet's lines stay lines of their own, at their own position",
		text: "(s) {\n  errors\n}\na {\n  import s\n  import s\n  log\n}",
		want: "Corefile:4 a:53\nCorefile:2   errors\nCorefile:2   errors\nCorefile:7   log\n",
	}, {
		name: "snippet in a body", reason: "import works at every depth, and in a snippet",
		text: "(t) { ttl 5 }\n(s) {\n  import t\n}\na {\n  kubernetes {\n    import s\n    zonal\n  }\n}",
		want: "Corefile:5 a:53\nCorefile:6   kubernetes\nCorefile:1     ttl [5]\nCorefile:8     zonal\n",
	}, {
		name: "environment", reason: "references are replaced within words, and once more in what they stand for",
		text: "{$ZONE}:53 {\n  kubernetes a.{%ZONE%} {$INNER} {$UNSET_BY_ALL} {$}\n}",
		want: "Corefile:1 cluster.local:53\nCorefile:2   kubernetes [a.cluster.local] [cluster.local] [] [{$}]\n",
	}, {
		name: "import is a word", reason: "import is special at the start of a line only",
		text: "a import {\n  log import\n}",
		want: "Corefile:1 a:53\nCorefile:1 import:53\nCorefile:2   log [import]\n",
	}, {
		name: "nothing", reason: "a file of comments has no blocks", text: "# nothing\n", want: "",
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outline(parse(t, tt.text))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseImports(t *testing.T) {
	t.Chdir("testdata/imports")
	text, err := os.ReadFile("Corefile")
	if err != nil {
		t.Fatal(err)
	}
	// Each file's own lines, relative to where the import was relative to.
	want := strings.TrimPrefix(`
conf.d/a.server:3 a.example:53
Corefile:2   errors
Corefile:3   log [.] [{remote} {name}]
Corefile:4     class [denial]
conf.d/b.server:1 b.example:53
conf.d/b.server:2 c.example:53
conf.d/extra.override:2   health
conf.d/extra.override:3     lameduck [5s]
Corefile:10 example.org:53
Corefile:2   errors
Corefile:3   log [.] [{remote} {name}]
Corefile:4     class [denial]
conf.d/extra.override:2   health
conf.d/extra.override:3     lameduck [5s]
Corefile:13   ready
conf.d/zones:1 d.example:5300
conf.d/zones:1 e.example:53
conf.d/zones:3   errors
`, "\n")
	if diff := cmp.Diff(want, outline(parse(t, string(text)))); diff != "" {
		t.Errorf("outline (-want +got):\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	t.Setenv("BRACE", "{")
	t.Setenv("LOOP", "{$LOOP}")
	t.Setenv("GROW", "{$GROW}{$GROW} ")
	t.Setenv("SLASH", `a b\`)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"self":       "import self\n",
		"bad.server": "\nx.example {\n  errors {\n",
		"dup.server": "\n\na.example {\n}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, text, want string }{
		{"no zone", "{\n}", `Corefile:1: a server block starts with its zones, such as ".:53 {"`},
		{"stray brace", "a {\n}\n}", `Corefile:3: unexpected "}": no brace is open`},
		{"stray brace without block", "a\nerrors\n}", `Corefile:3: unexpected "}": no brace is open`},
		{"open block", "a {\n  errors\n", `Corefile:1: the "{" opened here is never closed`},
		{"open body", "a {\n  errors {\n  }\n  health {\n", `Corefile:4: the "{" opened here is never closed`},
		{"brace on next line", "a {\n  errors\n  {\n  }\n}", `Corefile:3: unexpected "{": it belongs at the end of the line of a zone or directive`},
		{"word after brace", "a {\n  errors {\n  } log\n}", `Corefile:3: unexpected "log" after "}": a directive starts on a line of its own`},
		{"comma at end", "a,", `Corefile:1: another zone is missing after the comma`},
		{"comma before brace", "a, {\n}", `Corefile:1: another zone is missing after the comma`},
		{"deep", "a {\n" + strings.Repeat("x {\n", 40), `Corefile:33: more than 32 braces open`},
		{"lone brace", "a {\n log {$BRACE}\n}", `Corefile:2: {$BRACE} stands for a lone brace, which cannot be an argument`},
		{"endless reference", "a {\n log {$LOOP}\n}", `Corefile:2: environment references in "{$LOOP}" lead to ever more of them`},
		{"growing reference", "a {\n log {$GROW}\n}", `Corefile:2: environment references in "{$GROW}" lead to ever more of them`},
		{"unwritable", "a {\n log {$SLASH}\n}", `Corefile:2: "a b\\" cannot be written in a Corefile: in quotes, backslashes must come in pairs before a quote`},
		{"nameless", "a {\n {$UNSET_BY_ALL}\n}", `Corefile:2: "{$UNSET_BY_ALL}" stands for "", which is not the name of a directive`},
		{"zone of a variable", "a\tb,\n{$UNSET_BY_ALL}:53 {\n}", `Corefile:2: the environment variable UNSET_BY_ALL has no value, and without one ":53" is no zone`},
		{"part of a zone of a variable", "x.{%UNSET_BY_ALL%}.example {\n}", `Corefile:1: the environment variable UNSET_BY_ALL has no value, and without one "x..example" is no zone`},
		{"no zone with a variable", "{$SLASH}: {\n}", `Corefile:1: "a b\\:" is not a zone: ' ' is not allowed in a name`},
		{"snippet twice", "(s) {\n}\n(s) {\n}", `Corefile:3: snippet "s" is defined at Corefile:1 already`},
		{"snippet without body", "(s)\nerrors", `Corefile:1: snippet "s" has no body in braces`},
		{"open snippet", "(s) {\n errors {\n }\n", `Corefile:1: the "{" opened here is never closed`},
		{"snippet of itself", "(s) {\n import s\n}\na {\n import s\n}", `Corefile:2: more than 10000 imports: something imports itself`},
		{"file of itself", "import self", `self:1: more than 10000 imports: something imports itself`},
		{"import nothing", "a {\n import\n}", `Corefile:2: import takes one argument: a snippet's name, a file or a pattern such as conf.d/*.server`},
		{"import two", "a {\n import b c\n}", `Corefile:2: import takes one argument, and "c" is a second`},
		{"import empty", "a {\n import \"\"\n}", `Corefile:2: import : the argument is empty; a snippet's name, a file or a pattern is wanted`},
		{"import missing", "a {\n import b\n}", `Corefile:2: import b: no such snippet or file`},
		{"import a folder", "a {\n import .\n}", `Corefile:2: import .: not a regular file`},
		{"import wildcards", "a {\n import */*\n}", `Corefile:2: import */*: at most one * and one ? are allowed in a pattern, and no [`},
		{"in an imported file", "import bad.server", `bad.server:3: the "{" opened here is never closed`},
		{"same zone", "a.example {\n}\nb {\n}\nA.EXAMPLE.:53 {\n}", `Corefile:5: zone a.example. port 53 is already served by the block at Corefile:1`},
		{"lone comma", "a, ,\nb {\n}", `Corefile:1: "" is not a zone: it is empty; the root zone is written as a dot`},
		{"same zone twice", "a a {\n}", `Corefile:1: zone a. port 53 is already served by the block at Corefile:1`},
		{"same zone in another file", "import dup.server\na.example {\n}", `Corefile:2: zone a.example. port 53 is already served by the block at dup.server:3`},
		{"same network", "10.0.0.0/23 {\n}\n1.0.10.in-addr.arpa {\n}", `Corefile:3: zone 1.0.10.in-addr.arpa. port 53 is already served by the block at Corefile:1`},
		{"same address", "a {\n bind ::1 lo\n}\na {\n bind 0:0::1\n}", `Corefile:4: zone a. port 53 on ::1 is already served by the block at Corefile:1`},
		{"bound and unbound", "a {\n}\na {\n bind ::1\n}", `Corefile:3: zone a. port 53 on ::1 is already served by the block at Corefile:1`},
		{"unbound and bound", "a {\n bind ::1\n}\na {\n}", `Corefile:4: zone a. port 53 is already served by the block at Corefile:1`},
		{"two beside a view", "a {\n view x {\n }\n}\na {\n}\na {\n}", `Corefile:7: zone a. port 53 is already served by the block at Corefile:5`},
		{"unbound and a bound view", "a {\n}\na {\n bind ::1\n view x {\n }\n}", `Corefile:3: zone a. port 53 on ::1 is already served by the block at Corefile:1`},
		{"bound and an unbound view", "a {\n bind ::1\n}\na {\n view x {\n }\n}", `Corefile:4: zone a. port 53 is already served by the block at Corefile:1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := corefile.Parse("Corefile", strings.NewReader(tt.text))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNoOverlap(t *testing.T) {
	tests := []struct{ name, text, reason string }{
		{"ports", "a {\n}\na:54 {\n}", "the port is part of what a block serves"},
		{"addresses", "a {\n bind ::1\n}\na {\n bind ::2\n bind 127.0.0.1\n}", "different addresses, different sockets"},
		{"except", "a {\n bind eth0 lo {\n except lo\n }\n}\na {\n bind lo\n}", "what is excepted is not bound"},
		{"views", "a {\n view x {\n }\n}\na {\n view y {\n }\n}\na {\n}", "views choose, and the last block has what they leave"},
		{"a view behind all", "a {\n}\na {\n view x {\n }\n}", "as in CoreDNS, though no query comes to it"},
		{"a view on another address", "a {\n bind ::1\n}\na {\n bind ::2\n view x {\n }\n}", "different addresses, different sockets"},
		{"a view in several zones", "a b {\n view x {\n }\n}\nb {\n}\na {\n}", "each zone has its own last block"},
		{"parent", "a.b {\n}\nb {\n}", "the longest zone that matches serves"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := corefile.Parse("Corefile", strings.NewReader(tt.text)); err != nil {
				t.Errorf("%s: %v", tt.reason, err)
			}
		})
	}
}

// failingReader fails as a disk does.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestParseReadError(t *testing.T) {
	_, err := corefile.Parse("Corefile", failingReader{})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want an error that wraps the reader's", err)
	}
}

// TestParseInTheWild holds that the Corefiles that installers write, and users
// then keep, are read whole. Which of their directives exist is not asked here.
func TestParseInTheWild(t *testing.T) {
	files, err := filepath.Glob("testdata/*.corefile")
	if err != nil || len(files) < 5 {
		t.Fatalf("testdata: %d files, %v", len(files), err)
	}
	files = append(files, "../../deploy/kustomize/corefile/Corefile") // our own
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f := parse(t, string(text))
			k := f.Blocks[0].Find("kubernetes")
			if file == "testdata/nodelocal.corefile" {
				k = f.Blocks[0].Find("forward") // a cache in front of the cluster's DNS
			}
			if len(k) != 1 || len(k[0].Args) < 2 || len(k[0].Body) == 0 {
				t.Errorf("the main directive came out as %+v", k)
			}
			checkAgainstReference(t, string(text))
			checkRoundTrip(t, f)
		})
	}
}
