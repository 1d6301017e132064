package peers_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImports holds what an application compiles that uses the package: itself,
// miekg/dns with what that needs of golang.org/x, and the standard library.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 2 {
		t.Fatalf("go list names only %q", packages)
	}
	for _, path := range packages {
		switch {
		case path == "github.com/rollcall-dns/rollcall/resolver/peers", path == "github.com/miekg/dns":
		case strings.HasPrefix(path, "golang.org/x/net/"), strings.HasPrefix(path, "golang.org/x/sys/"):
		default:
			t.Errorf("it needs %s", path)
		}
	}
}
