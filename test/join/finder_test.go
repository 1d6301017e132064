package join

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/test/process"
)

// TestPeerFinder has peer-finder, as Kubernetes has it, and rollcall peers run scripts
// beside each other in one pod, with the same flags: each must be run for the same sets,
// in the same order, and not before the pod itself is listed.
func TestPeerFinder(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, strings.ReplaceAll(database, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false"))
	domain := "db." + ns + ".svc.cluster.local"
	finders := []struct {
		name string
		args []string
	}{
		{"peer-finder", programs["peer-finder"]},
		{"rollcall", append(slices.Clone(programs["rollcall"]), "peers", "-interval", "1s")},
	}
	dir := t.TempDir()
	said := func(name string) string { return filepath.Join(dir, name) }
	for _, f := range finders {
		for _, when := range []string{"start", "change"} {
			script := fmt.Sprintf("#!/bin/sh\n{ echo %s; cat; echo; echo; } >> %s\n", when, said(f.name))
			if err := os.WriteFile(said(f.name+"."+when), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		args := append(slices.Clone(f.args), "-service", "db", "-ns", ns, "-on-start", said(f.name+".start"), "-on-change", said(f.name+".change"))
		if _, err := pods[0].start(t, f.name, args...); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		ready  int
		runs   string // of the scripts, so far
		reason string
	}{
		{1, "", "another is listed, and the pod itself is not"},
		{0, "start\ndb-0 db-1\n", "it is, too"},
		{2, "start\ndb-0 db-1\nchange\ndb-0 db-1 db-2\n", "all are"},
	}
	for _, step := range steps {
		if err := shared.SetReady(t.Context(), ns, pods[step.ready].object.Name, true); err != nil {
			t.Fatal(err)
		}
		name := pods[step.ready].object.Name + "." + domain
		err := process.Within(t.Context(), within, func(ctx context.Context) error {
			_, err := pods[0].output(ctx, "", "getent", "hosts", name)
			return err
		})
		if err != nil {
			t.Fatalf("%s is not listed: %v", name, err)
		}
		for _, f := range finders {
			var got string
			err := process.Within(t.Context(), within, func(context.Context) error {
				text, err := os.ReadFile(said(f.name))
				if err != nil && step.runs != "" {
					return err
				}
				if got = runs(string(text), domain); got != step.runs {
					return fmt.Errorf("(-want +got):\n%s", cmp.Diff(step.runs, got))
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: %s: %v", f.name, step.reason, err)
			}
		}
	}
}

// runs writes down what the scripts said: when they ran, and with which pods on their
// standard input.
func runs(text, domain string) string {
	var b strings.Builder
	for run := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		when, peers, ok := strings.Cut(strings.TrimSpace(run), "\n")
		if ok {
			fmt.Fprintf(&b, "%s\n%s\n", when, strings.ReplaceAll(strings.ReplaceAll(peers, "."+domain, ""), "\n", " "))
		}
	}
	return b.String()
}
