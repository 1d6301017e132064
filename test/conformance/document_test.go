package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// The document that holds the table, between two lines of its own.
const (
	document = "../../docs/conformance.md"
	begin    = "<!-- begin: written by go test ./conformance -args -update -->\n"
	end      = "<!-- end -->\n"
)

// A column is what one server did with the rows.
type column struct {
	name    string
	results []error
}

// TestDocument checks that the document has the rows as they are, in their order.
// With -update it writes the document from what the servers do.
func TestDocument(t *testing.T) {
	table := rows(server{zone: "cluster.local."})
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	written, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s lacks the lines\n%s%s", document, begin, end)
	}
	if *update {
		written = markdown(table, columns(t))
		if err := os.WriteFile(document, []byte(before+begin+written+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var listed []string
	for line := range strings.Lines(written) {
		if cells := strings.SplitN(line, " | ", 5); len(cells) == 5 && strings.HasPrefix(line, "| ") {
			listed = append(listed, strings.Join(cells[:4], " | ")+" | ")
		}
	}
	if len(listed) != len(table)+1 { // the head
		t.Fatalf("%s has %d rows, want %d: go test ./conformance -args -update", document, len(listed)-1, len(table))
	}
	for i, r := range table {
		if listed[i+1] != head(r) {
			t.Errorf("%s says\n%s\nwhere the row is\n%s\ngo test ./conformance -args -update", document, listed[i+1], head(r))
		}
	}
}

// head is the part of a row that is the same for all servers.
func head(r row) string {
	return fmt.Sprintf("| %d | %s | %s | %s | ", r.number, r.title, r.over, r.reason)
}

// columns runs the rows against Rollcall and its peers, one after another.
func columns(t *testing.T) []column {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	program, err := rollcall.Build(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	zones, err := peers.ZoneFiles(ctx, program, t.TempDir(), "-conf", corefile)
	if err != nil {
		t.Fatal(err)
	}
	s := server{zone: "cluster.local."}
	s.addr = rollcall.Start(t, program, "serve", "-conf", corefile).Addr
	all := []column{{"Rollcall", run(ctx, s, rows(s))}}
	for _, peer := range []struct {
		name  string
		start func(context.Context, string, map[string]string, peers.Options) (*peers.Server, error)
	}{{"Knot DNS", peers.Knot}, {"NSD", peers.NSD}, {"BIND", peers.BIND}} {
		p, err := peer.start(ctx, t.TempDir(), zones, peers.Options{Logf: t.Logf, Features: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Process.Kill)
		s.addr = p.Addr
		began := time.Now()
		all = append(all, column{peer.name + " " + p.Version, run(ctx, s, rows(s))})
		t.Logf("%s took %v", peer.name, time.Since(began).Round(time.Second))
		if err := p.Process.Stop(10 * time.Second); err != nil {
			t.Errorf("after the rows: %v\n%s", err, p.Process.Tail(20))
		}
	}
	return all
}

// markdown is the table, a line of totals, and what came instead as footnotes.
func markdown(table []row, columns []column) string {
	var out, notes strings.Builder
	out.WriteString("| № | behaviour | over | by what |")
	for _, c := range columns {
		out.WriteString(" " + c.name + " |")
	}
	out.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	passed, applied := make([]int, len(columns)), make([]int, len(columns))
	numbers := make(map[string]int) // of notes by their text
	for i, r := range table {
		out.WriteString(strings.TrimSuffix(head(r), " "))
		for k, c := range columns {
			err := c.results[i]
			offered := notOffered("")
			switch {
			case err == nil:
				passed[k], applied[k] = passed[k]+1, applied[k]+1
				out.WriteString(" pass |")
				continue
			case k > 0 && errors.As(err, &offered):
				out.WriteString(" n/a")
			default:
				applied[k]++
				out.WriteString(" fail")
			}
			text := err.Error()
			if k == 0 && r.pending != "" {
				text = "not built yet: " + r.pending
			}
			if numbers[text] == 0 {
				numbers[text] = len(numbers) + 1
				fmt.Fprintf(&notes, "%d. %s\n", numbers[text], text)
			}
			fmt.Fprintf(&out, " [%d](#what-came-instead) |", numbers[text])
		}
		out.WriteString("\n")
	}
	out.WriteString("\n| server | passes | of |\n|---|---|---|\n")
	for k, c := range columns {
		fmt.Fprintf(&out, "| %s | %d | %d |\n", c.name, passed[k], applied[k])
	}
	fmt.Fprintf(&out, "\n## What came instead\n\n%s", notes.String())
	return out.String()
}
