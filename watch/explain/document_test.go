package explain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/zone"
)

// TestDocument sees that the manual has every code: the zone's, and those that the
// set-ups lead to.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{"denied": true, "loop": true, "not-selected": true, "slices-behind": true}
	for c := zone.Code(1); c.String() != zone.Unknown.String(); c++ {
		if c != zone.Long { // as name-too-long
			codes[c.String()] = true
		}
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
