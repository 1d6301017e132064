package binaries

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutputName(t *testing.T) {
	tests := []struct{ pkg, want, reason string }{
		{"k8s.io/kubernetes/cmd/kubectl", "kubectl", "the last element"},
		{"go.etcd.io/etcd/server/v3", "server", "not a major version"},
		{"example.com/cmd/vet", "vet", "no version, though it begins like one"},
		{"example.com/cmd/v", "v", "no version without a number"},
	}
	for _, test := range tests {
		if got := outputName(test.pkg); got != test.want {
			t.Errorf("outputName(%q) = %q, want %q: %s", test.pkg, got, test.want, test.reason)
		}
	}
}

// TestProgramsArePinned checks that each program is a tool of its module, so that
// go mod tidy keeps what it needs.
func TestProgramsArePinned(t *testing.T) {
	root, err := ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range All() {
		text, err := os.ReadFile(filepath.Join(root, p.Module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		pinned := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "tool ")
			pinned = pinned || line == p.Package
		}
		if !pinned {
			t.Errorf("%s: no tool %s in %s/go.mod", p.Name, p.Package, p.Module)
		}
	}
}

func TestStampFlags(t *testing.T) {
	const want = "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37 "
	if got := stampFlags("v1.37.2"); !strings.Contains(got, want) {
		t.Errorf("stampFlags(v1.37.2) = %q, want %q in it", got, want)
	}
}
