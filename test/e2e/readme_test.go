package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/process"
)

// root is the repository's root, as seen from this package.
const root = "../.."

// A block is a fenced block of commands in the manual. Its words after "sh" say
// how it is run: "server" goes on running while the blocks after it do, and
// "cluster" has KUBECONFIG set.
type block struct {
	text            string
	server, cluster bool
	line            int
}

var fence = regexp.MustCompile("(?ms)^```sh( [a-z ]+)?\n(.*?)^```$")

func blocks(text string) []block {
	var found []block
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		words := ""
		if m[2] >= 0 {
			words = text[m[2]:m[3]]
		}
		found = append(found, block{
			text:    text[m[4]:m[5]],
			server:  strings.Contains(words, "server"),
			cluster: strings.Contains(words, "cluster"),
			line:    1 + strings.Count(text[:m[0]], "\n"),
		})
	}
	return found
}

// TestREADME runs every command of the README.
func TestREADME(t *testing.T) { runManual(t, "README.md", 5) }

// TestControlManual runs every command of the manual of the control API.
func TestControlManual(t *testing.T) { runManual(t, "docs/control.md", 2) }

// runManual runs every command of a document, from the top, as a newcomer would.
// Each line must succeed and print something. There are least blocks of commands.
func runManual(t *testing.T, path string, least int) {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	all := blocks(string(text))
	if len(all) < least {
		t.Fatalf("found %d blocks of commands, want at least %d", len(all), least)
	}
	for _, b := range all {
		t.Run(fmt.Sprintf("line %d", b.line), func(sub *testing.T) {
			if b.server {
				p := b.serve(sub)
				t.Cleanup(p.Kill) // when the whole document was run
				return
			}
			for line := range strings.Lines(b.text) {
				b.run(sub, strings.TrimSpace(line))
			}
		})
	}
}

// env is the environment of a block: without a cluster unless it asks for one.
func (b block) env() []string {
	kubeconfig := filepath.Join(root, "there-is-none")
	if b.cluster {
		kubeconfig = shared.AdminKubeconfig()
	}
	return []string{"KUBECONFIG=" + kubeconfig, "PATH=" + filepath.Dir(shared.Kubectl()) + ":" + os.Getenv("PATH")}
}

func (b block) run(t *testing.T, line string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), b.env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	} else if len(strings.TrimSpace(string(out))) == 0 {
		t.Errorf("%s: printed nothing", line)
	}
}

// serve starts a block that goes on running, and waits until it listens.
func (b block) serve(t *testing.T) *process.Process {
	dir, err := os.MkdirTemp(shared.Dir(), "readme")
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(process.Spec{
		Name: fmt.Sprintf("README line %d", b.line), Path: "bash",
		Args: []string{"-euo", "pipefail", "-c", "cd " + root + "\n" + b.text},
		Env:  b.env(), Log: filepath.Join(dir, "log"), Stdout: filepath.Join(dir, "out"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errors.New("it did not say that it listens"))
	defer cancel()
	err = p.Ready(ctx, func(context.Context) error {
		out, err := p.Stdout()
		if err == nil && !strings.Contains(out, "listening on ") {
			err = fmt.Errorf("no word of listening in %q", out)
		}
		return err
	})
	if err != nil {
		defer p.Kill()
		t.Fatalf("%s: %v\n%s", b.text, err, p.Tail(20))
	}
	return p
}
