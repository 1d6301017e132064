package stub

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/peers"
)

// fence is a block of code. One with a file's name after its language is that file; a
// block of sh is commands.
var fence = regexp.MustCompile("(?ms)^```([a-z]+)(?: (\\S+))?\n(.*?)^```$")

// TestPages runs the pages' code as it stands there: files in a folder of their own,
// then commands, each of which must have run tests.
func TestPages(t *testing.T) {
	tests := []struct {
		page     string
		tools    func(*testing.T) []string // the environment that finds what it needs
		passed   *regexp.Regexp            // how its test runner says how many passed
		commands int
	}{
		{"testing-python.md", python, regexp.MustCompile(`(?m)^(\d+) passed in`), 2},
		{"testing-node.md", nothing, regexp.MustCompile(`(?m)^\S+ pass (\d+)$`), 2},
		{"testing-java.md", junit, regexp.MustCompile(`(?m)^\[ +(\d+) tests successful`), 2},
	}
	for _, tt := range tests {
		t.Run(tt.page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, "docs", tt.page))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var scripts []string
			for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
				switch language, file, code := m[1], m[2], m[3]; {
				case file != "":
					write(t, filepath.Join(dir, file), code)
				case language == "sh":
					scripts = append(scripts, code)
				}
			}
			ran := 0
			env := tt.tools(t)
			for _, script := range scripts {
				out := sh(t, dir, env, script)
				n := 0
				if m := tt.passed.FindStringSubmatch(out); m != nil {
					n, _ = strconv.Atoi(m[1])
				}
				if n == 0 {
					t.Errorf("%sran no test that passed:\n%s", script, out)
				}
				ran++
			}
			if ran != tt.commands {
				t.Errorf("%d blocks of commands, want %d", ran, tt.commands)
			}
		})
	}
}

// TestRunPage runs the commands of docs/run.md, in the repository's root.
func TestRunPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/run.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatal("no commands")
	}
	for _, m := range blocks {
		if out := sh(t, root, nil, m[3]); strings.TrimSpace(out) != "10.244.1.10" {
			t.Errorf("%s%s", m[3], out)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sh runs commands, with rollcall on the path, and returns what they print.
func sh(t *testing.T, dir string, env []string, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	// The system's own programs come first: Debian's packages are for its Python.
	cmd.Env = append(os.Environ(), append(env, "PATH="+shared+":/usr/bin:"+os.Getenv("PATH"))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s%v\n%s", script, err, out)
	}
	return string(out)
}

func nothing(*testing.T) []string { return nil }

// debian returns the root of an unpacked package.
func debian(t *testing.T, name string) string {
	t.Helper()
	dir, err := peers.Debian(t.Context(), t.Logf, name)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// python finds pytest and dnspython.
func python(t *testing.T) []string {
	var path []string
	for _, name := range []string{"python3-pytest", "python3-dnspython"} {
		path = append(path, filepath.Join(debian(t, name), "usr/lib/python3/dist-packages"))
	}
	return []string{"PYTHONPATH=" + strings.Join(path, ":"), "PYTHONDONTWRITEBYTECODE=1"}
}

// junit finds JUnit and what it needs.
func junit(t *testing.T) []string {
	jars, err := filepath.Glob(filepath.Join(debian(t, "junit5"), "usr/share/java/*.jar"))
	if err != nil || len(jars) == 0 {
		t.Fatal(fmt.Errorf("no jars of JUnit: %w", err))
	}
	return []string{"JUNIT=" + strings.Join(jars, ":")}
}
