package simulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/test/process"
)

const examples = "../../watch/testdata/examples"

// within is how long an example may take to come to rest: through controllers,
// scheduler and kubelet, on a machine that is busy with other tests.
const within = 2 * time.Minute

// TestExamples applies each example, waits until the controllers are at rest,
// and compares the zones.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*", "in.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, shared.Namespace(t), file, string(text))
		})
	}
}

// compare applies a manifest's text to a namespace, and compares what becomes
// of it with what rollcall makes of the file.
func compare(t *testing.T, namespace, file, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, fmt.Errorf("not within %v", within))
	defer cancel()
	read, err := os.ReadFile(nodes)
	if err != nil {
		t.Fatal(err)
	}
	written := text + string(read)
	sim, err := zone(ctx, t, "manifests "+absolute(t, file)+"\nmanifests "+nodes+"\ndefault_namespace "+namespace)
	if err != nil {
		t.Fatal(err)
	}
	want := canonical(t, sim, namespace, written)

	provide(ctx, t, namespace, text)
	if err := shared.Apply(ctx, namespace, text); err != nil {
		t.Fatal(err)
	}
	err = process.Until(ctx, func(ctx context.Context) error {
		if err := atRest(ctx, namespace); err != nil {
			return err
		}
		live, err := zone(ctx, t, "kubeconfig "+shared.AdminKubeconfig())
		if err != nil {
			return err
		}
		if diff := cmp.Diff(canonical(t, live, namespace, written), want); diff != "" {
			return errors.New("zones (-cluster +manifests):\n" + diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Error("the zone has no record of the example, so nothing was compared")
	}
	t.Logf("%d records and addresses are the same", len(want))
	dumped(ctx, t, namespace, text)
}

// dumped serves what kubectl prints of a namespace at rest, with and without the
// EndpointSlices that the controller wrote. The zone is the cluster's, every
// address included.
func dumped(ctx context.Context, t *testing.T, namespace, text string) {
	t.Helper()
	live, err := zone(ctx, t, "kubeconfig "+shared.AdminKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	const kinds = "services,pods,deployments,replicasets,replicationcontrollers,statefulsets,daemonsets,jobs"
	for _, kinds := range []string{kinds, kinds + ",endpointslices"} {
		written := !strings.HasSuffix(kinds, "slices") && strings.Contains(text, "kind: EndpointSlice")
		if written {
			continue // nobody could make these
		}
		list, err := shared.RunKubectl(ctx, "", "get", kinds, "-n", namespace, "-o", "yaml")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "dump.yaml")
		if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
		sim, err := zone(ctx, t, "manifests "+file+"\nmanifests "+nodes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(records(t, live, namespace), records(t, sim, namespace)); diff != "" {
			t.Errorf("zones, served from what kubectl prints of %s (-cluster +manifests):\n%s", kinds, diff)
		}
	}
}

// zone returns the zones that rollcall prints, with these lines in the kubernetes
// directive.
func zone(ctx context.Context, t *testing.T, lines string) (string, error) {
	conf := filepath.Join(t.TempDir(), "Corefile")
	text := ". {\nkubernetes cluster.local in-addr.arpa ip6.arpa {\npods verified\n" + lines + "\n}\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, "zone", "-conf", conf)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("rollcall zone: %w\n%s", err, complaint.String())
	}
	return string(out), nil
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
