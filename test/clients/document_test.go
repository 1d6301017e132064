package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The document that holds the tables, each between two lines of its own.
const (
	document = "../../docs/clients.md"
	begin    = "<!-- begin %s: written by go test ./clients -args -update -->\n"
	end      = "<!-- end -->\n"
)

// TestDocument checks that the document lists the clients and the rows as they
// are; versions may be others.
func TestDocument(t *testing.T) {
	var table strings.Builder
	table.WriteString("| client | what asks | version | search path | options |\n|---|---|---|---|---|\n")
	for _, c := range all(t) {
		version, err := c.number(t.Context())
		if err != nil {
			t.Error(err)
		}
		search, options := "no", ""
		if c.search {
			search = "yes"
		}
		if c.options != "" {
			options = "`" + c.options + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", c.name, c.how, version, search, options)
	}
	checkSection(t, "clients", table.String(), func(a, b string) bool {
		return number.ReplaceAllString(a, "N") == number.ReplaceAllString(b, "N")
	})

	table.Reset()
	table.WriteString("| name | found | why |\n|---|---|---|\n")
	for _, r := range rows() {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", r.title(), r.finding(), r.reason)
	}
	checkSection(t, "rows", table.String(), func(a, b string) bool { return a == b })
}

// title is what is asked for, in the document.
func (r row) title() string {
	if r.kind == "srv" {
		return "`" + r.name + "` SRV"
	}
	return "`" + r.name + "`"
}

// finding is what is found, in the document.
func (r row) finding() string {
	var text string
	switch {
	case len(r.want) == 0:
		text = "nothing"
	case len(r.want) > 5:
		text = fmt.Sprintf("all %d", len(r.want))
	default:
		text = "`" + strings.Join(r.want, "`, `") + "`"
	}
	for _, c := range r.exceptions() {
		what := "nothing"
		if r.but[c].partly {
			what = "some"
		}
		text += fmt.Sprintf("<br>%s: %s; %s", c, what, r.but[c].reason)
	}
	return text
}

// checkSection checks that a section of the document is the same as it should be.
// With -update it writes the section.
func checkSection(t *testing.T, name, want string, same func(a, b string) bool) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprintf(begin, name)
	before, rest, opened := strings.Cut(string(text), first)
	written, after, closed := strings.Cut(rest, end)
	switch {
	case !opened || !closed:
		t.Fatalf("%s lacks the lines\n%s%s", document, first, end)
	case *update:
		if err := os.WriteFile(document, []byte(before+first+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case !same(written, want):
		t.Errorf("%s says\n%s\nwhere it should say\n%s\ngo test ./clients -args -update", document, written, want)
	}
}
