package explain_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

// setups are the broken set-ups, each a manifest that begins with what is asked, and
// what the first cause must be:
//
//	# ask: NAME [TYPE]
//	# from: NAMESPACE/POD
//	# cause: CODE
//	# says: part of the text
//	# hint: one of the hints, if it matters; "none" where there must be none
//	# reason: why that is so
const setups = "../testdata/explain"

// leastSetups is how many there are at least.
const leastSetups = 75

// TestSetups sees that the true cause of each is told first.
func TestSetups(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(setups, "*.yaml"))
	if err != nil || len(files) < leastSetups {
		t.Fatalf("%d set-ups, want %d at least: %v", len(files), leastSetups, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			head := header(t, file)
			r := explainFile(t, file, head["ask"], head["from"])
			if r.Resolves {
				t.Fatalf("it resolves: %v", r.Records)
			}
			var text strings.Builder
			if err := r.Print(&text); err != nil {
				t.Fatal(err)
			}
			if r.Cause.Code != head["cause"] || head["says"] == "" || !strings.Contains(r.Cause.Text, head["says"]) {
				t.Errorf("cause %s, want %s: %q, as %s\n%s", r.Cause.Code, head["cause"], head["says"], head["reason"], &text)
			}
			if head["hint"] == "none" {
				if len(r.Cause.Hints) > 0 {
					t.Errorf("hints %q, want none\n%s", r.Cause.Hints, &text)
				}
			} else if hint := head["hint"]; hint != "" && !slices.Contains(r.Cause.Hints, hint) {
				t.Errorf("hints %q, want %q among them\n%s", r.Cause.Hints, hint, &text)
			}
		})
	}
}

// header reads the lines of a manifest that say what is expected.
func header(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head := map[string]string{}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), ": ")
		head[key] = value
	}
	return head
}

// clusterOf returns a Cluster of manifests.
func clusterOf(t *testing.T, paths ...string) *explain.Cluster {
	t.Helper()
	m, err := watch.NewManifests(watch.ManifestsConfig{Paths: paths, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newCluster(t, objects)
}

// newCluster returns a Cluster as one is served without further configuration, but for
// the changes.
func newCluster(t testing.TB, reader explain.Reader, change ...func(*zone.Config)) *explain.Cluster {
	t.Helper()
	config := zone.Config{TTL: zone.DefaultTTL, NegativeTTL: zone.DefaultNegativeTTL, Pods: zone.PodsInsecure}
	for _, text := range []string{"cluster.local", "in-addr.arpa", "ip6.arpa"} {
		config.Zones = append(config.Zones, name(t, text))
	}
	for _, c := range change {
		c(&config)
	}
	z, err := zone.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return explain.NewCluster(explain.Config{
		Zone: z, Kinds: []zone.Kind{zone.Namespaces, zone.Services, zone.EndpointSlices}, Reader: reader,
		Now: func() time.Time { return time.Date(2026, 3, 3, 15, 0, 0, 0, time.UTC) },
	})
}

func name(t testing.TB, text string) zone.Name {
	t.Helper()
	n, err := zone.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// explainFile explains "NAME [TYPE]", asked by "NAMESPACE[/POD]".
func explainFile(t *testing.T, file, ask, from string) *explain.Report {
	t.Helper()
	return explainFrom(t, clusterOf(t, file), ask, from)
}

func explainFrom(t *testing.T, c *explain.Cluster, ask, from string) *explain.Report {
	t.Helper()
	f := strings.Fields(ask)
	q := explain.Question{Name: f[0], From: from}
	if len(f) > 1 {
		q.Types = []string{f[1]}
	}
	namespace, podName, _ := strings.Cut(from, "/")
	q.Path = explain.ClusterFirst(namespace, name(t, "cluster.local"))
	if podName != "" {
		pod, err := c.Pod(t.Context(), zone.Key{Namespace: namespace, Name: podName})
		if err != nil || pod == nil {
			t.Fatalf("%s is no Pod: %v", from, err)
		}
		q.Path = explain.PathOf(pod, name(t, "cluster.local"))
	}
	r, err := explain.Explain(context.Background(), c, q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
