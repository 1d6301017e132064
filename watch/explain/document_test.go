package explain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/zone"
)

// TestPrint sees that the manual shows what is printed, but for the day: there the pod
// changed on the same one.
func TestPrint(t *testing.T) {
	manual, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	r := explainFile(t, filepath.Join(setups, "not-ready.yaml"), "nginx", "default/client")
	r.From = "Pod default/client"
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	printed := strings.ReplaceAll(b.String(), "since 2026-03-02 14", "since 14")
	if !strings.Contains(string(manual), printed) {
		t.Errorf("docs/explain.md does not show what is printed:\n%s", printed)
	}
}

// TestDocument sees that the manual has every code: the zone's, and those that the
// set-ups lead to.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{"denied": true, "loop": true, "not-selected": true, "slices-behind": true}
	for c := zone.Code(1); c.String() != zone.Unknown.String(); c++ {
		codes[c.String()] = true
	}
	files, err := filepath.Glob(filepath.Join(setups, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		codes[header(t, file)["cause"]] = true
	}
	for code := range codes {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("docs/explain.md does not have the code %s", code)
		}
	}
}
