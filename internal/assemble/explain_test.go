package assemble_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

func TestExplain(t *testing.T) {
	plan, err := load(t, ".:53 example.org {\nerrors\ncache 30\n}\n10.0.0.0/8 {\nview inside {\nexpr do()\n}\nwhoami\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Corefile:1: queries for names in .:53, example.org:53 are served with:",
		"Corefile:2:   errors: logs why queries are SERVFAIL",
		"Corefile:3:   cache 30: keeps what the servers of forward reply; CoreDNS keeps answers of the cluster's zones and of all other handlers too",
		"Corefile:5: queries of view inside for names in 10.0.0.0/8:53 are served with:",
		"Corefile:6:   view inside: lets in the queries that every expr is true of; others go to the next block of the zone, and then to one of a shorter zone",
		"Corefile:9:   whoami: answers with the client's own address",
	}
	if diff := cmp.Diff(want, plan.Explain()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExplainAll has no directive without a word.
func TestExplainAll(t *testing.T) {
	for _, name := range assemble.Plugins() {
		if assemble.Effect(name) == "" {
			t.Errorf("nothing is said of %s", name)
		}
	}
	for _, text := range []string{assemble.Effect("kubernetes"), assemble.Effect("errors")} {
		if strings.HasSuffix(text, ".") {
			t.Errorf("%q is no part of a line", text)
		}
	}
}
