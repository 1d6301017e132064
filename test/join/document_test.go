package join

import (
	"os"
	"strings"
	"testing"
)

// manifest returns the manifests that docs/discovery.md has under a heading.
func manifest(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/discovery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, section, foundBlock := strings.Cut(section, "```yaml\n")
	section, _, foundEnd := strings.Cut(section, "```")
	if !found || !foundBlock || !foundEnd {
		t.Fatalf("docs/discovery.md has no manifest under %q", heading)
	}
	return section
}
