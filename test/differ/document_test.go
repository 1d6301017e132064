package differ

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the classes into docs/differences.md")

// The document that lists the classes, between two lines of its own.
const (
	document = "../../docs/differences.md"
	begin    = "<!-- begin: written by go test ./differ -args -update -->\n"
	end      = "<!-- end -->\n"
)

// TestDocument checks that the document lists the classes as they are.
func TestDocument(t *testing.T) {
	var table strings.Builder
	table.WriteString("| difference | what differs | by what |\n|---|---|---|\n")
	for _, c := range classes {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.id, c.text, c.clause)
	}
	text, err := os.ReadFile(document)
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	if len(text) == 0 {
		text = []byte("# Where Rollcall and CoreDNS differ\n\n" + begin + end)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s lacks the lines\n%s%s", document, begin, end)
	}
	want := before + begin + table.String() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not list the classes as they are: go test ./differ -args -update", document)
	}
	if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
