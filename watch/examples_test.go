package watch_test

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// TestExamples compares the zone of each manifest in testdata/examples with
// zone.golden beside it. What real controllers make of the same manifests is
// compared in the module test, package simulate.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/examples/*/in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, in := range files {
		t.Run(filepath.Base(filepath.Dir(in)), func(t *testing.T) {
			got := zoneOf(t, watch.ManifestsConfig{Paths: []string{in}})
			golden := filepath.Join(filepath.Dir(in), "zone.golden")
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("zone (-want +got):\n%s\nreason: the comment at the head of %s", diff, in)
			}
		})
	}
}

// zoneOf returns the zones that manifests mean, as master files.
func zoneOf(t *testing.T, c watch.ManifestsConfig) string {
	t.Helper()
	c.Logger = slog.New(slog.DiscardHandler)
	source, err := watch.NewManifests(c)
	if err != nil {
		t.Fatal(err)
	}
	events, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config := zone.Config{TTL: zone.DefaultTTL, HeadlessTTL: zone.DefaultTTL, NegativeTTL: zone.DefaultNegativeTTL}
	for _, apex := range []string{"cluster.local", "10.in-addr.arpa", "ip6.arpa"} {
		name, err := zone.ParseName(apex)
		if err != nil {
			t.Fatal(err)
		}
		config.Zones = append(config.Zones, name)
	}
	z, err := zone.New(config)
	if err != nil {
		t.Fatal(err)
	}
	z.Apply(events...)
	var b strings.Builder
	for _, apex := range z.Snapshot().Zones() {
		if err := z.Snapshot().Dump(&b, apex); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
