package zone_test

import (
	"flag"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

var update = flag.Bool("update", false, "write what the tests get to their golden files")

// goldenConfigs are the options of the cases that need some. The others have
// the zones cluster.local and 10.in-addr.arpa.
var goldenConfigs = map[string]func(*zone.Config){
	"dual-stack":     func(c *zone.Config) { c.Zones = apexes("cluster.local 10.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa") },
	"reverse-narrow": func(c *zone.Config) { c.Zones = apexes("cluster.local 16.2.1.10.in-addr.arpa 17.2.1.10.in-addr.arpa") },
	"zonal":          func(c *zone.Config) { c.Zonal = true },
	"multicluster": func(c *zone.Config) {
		c.Zones, c.Multicluster = append(c.Zones, apexes("clusterset.local")...), apexes("clusterset.local")
	},
	"endpoint-pod-names": func(c *zone.Config) { c.EndpointPodNames = true },
	"ignore-empty":       func(c *zone.Config) { c.IgnoreEmpty = true },
	"namespaces":         func(c *zone.Config) { c.Namespaces = []string{"shown"} },
	"pods-verified":      func(c *zone.Config) { c.Pods = zone.PodsVerified },
	"ptr-hostname":       func(c *zone.Config) { c.HostnamePTR = true },
	"ns-self-address":    func(c *zone.Config) { c.Self = []netip.Addr{netip.MustParseAddr("10.1.2.3")} },
	"ns-own-service":     func(c *zone.Config) { c.Self = []netip.Addr{netip.MustParseAddr("10.1.2.3")} },
	"ns-kube-dns":        func(c *zone.Config) { c.Self = []netip.Addr{netip.MustParseAddr("10.1.2.3")} },
}

// apexes reads zones between spaces.
func apexes(text string) (list []zone.Name) {
	for _, s := range strings.Fields(text) {
		n, err := zone.ParseName(s)
		if err != nil {
			panic(err)
		}
		list = append(list, n)
	}
	return list
}

// TestGolden turns each testdata/<case>/in.yaml into zones, and compares their
// dump with zone.golden there. With -update it writes that file instead.
func TestGolden(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/in.yaml")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	known := map[string]bool{}
	for _, in := range dirs {
		dir := filepath.Dir(in)
		name := filepath.Base(dir)
		known[name] = true
		t.Run(name, func(t *testing.T) {
			config := zone.Config{Zones: apexes("cluster.local 10.in-addr.arpa"), TTL: zone.DefaultTTL, HeadlessTTL: zone.DefaultTTL, NegativeTTL: zone.DefaultNegativeTTL}
			if set, ok := goldenConfigs[name]; ok {
				set(&config)
			}
			got := dumpManifest(t, in, config)
			golden := filepath.Join(dir, "zone.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("zones (-want +got):\n%s\nreason: the comment at the head of %s", diff, in)
			}
		})
	}
	for name := range goldenConfigs {
		if !known[name] {
			t.Errorf("there is a configuration for case %s, and no such case", name)
		}
	}
}

// dumpManifest returns the zones that a manifest means.
func dumpManifest(t *testing.T, path string, config zone.Config) string {
	t.Helper()
	source, err := watch.NewManifests(watch.ManifestsConfig{
		Paths:  []string{path},
		Kinds:  zone.Kinds[:],
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	events, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	z, err := zone.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		z.Apply(e)
	}
	var b strings.Builder
	for _, apex := range z.Snapshot().Zones() {
		if err := z.Snapshot().Dump(&b, apex); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
