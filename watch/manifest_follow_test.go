package watch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// following is a Manifests source that runs over a folder.
type following struct {
	dir  string
	sink *memSink
	log  *logBuffer
	reg  *prometheus.Registry
	m    *Manifests
}

// follow runs a source over what prepare put into a folder, and waits until it
// has read it. paths are relative to the folder; none is the folder itself.
func follow(t *testing.T, prepare func(dir string), paths ...string) *following {
	t.Helper()
	f := &following{dir: t.TempDir(), sink: newMemSink(), log: new(logBuffer), reg: prometheus.NewRegistry()}
	prepare(f.dir)
	c := ManifestsConfig{Paths: []string{f.dir}, Logger: f.log.logger(), Registerer: f.reg}
	if len(paths) > 0 {
		c.Paths = nil
		for _, p := range paths {
			c.Paths = append(c.Paths, filepath.Join(f.dir, p))
		}
	}
	f.m = newTestManifests(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.m.Run(ctx, f.sink) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v, want nil when its context ends", err)
		}
	})
	waitFor(t, "the manifests are read", f.m.Synced)
	return f
}

func headless(names ...string) string {
	var docs []string
	for _, n := range names {
		docs = append(docs, "apiVersion: v1\nkind: Service\nmetadata: {name: "+n+"}\nspec: {clusterIP: None}\n")
	}
	return strings.Join(docs, "---\n")
}

func TestFollowFolder(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "a.yaml"), headless("a1", "a2"))
		write(t, filepath.Join(dir, "b.yaml"), headless("b"))
	})
	f.sink.waitNames(t, zone.Services, "default/a1 default/a2 default/b")
	before := f.sink.Object(zone.Services, zone.Key{Namespace: "default", Name: "a1"})

	write(t, filepath.Join(f.dir, "a.yaml"), headless("a1", "a3"))
	f.sink.waitNames(t, zone.Services, "default/a1 default/a3 default/b")
	if f.sink.Object(zone.Services, zone.Key{Namespace: "default", Name: "a1"}) != before {
		t.Error("an unchanged object was put again")
	}

	// As editors save: another file takes the place.
	write(t, filepath.Join(f.dir, ".b.yaml.tmp"), headless("b2"))
	if err := os.Rename(filepath.Join(f.dir, ".b.yaml.tmp"), filepath.Join(f.dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	f.sink.waitNames(t, zone.Services, "default/a1 default/a3 default/b2")

	// A folder that comes later, and a file in it later still.
	write(t, filepath.Join(f.dir, "sub", "c.yaml"), headless("c"))
	f.sink.waitNames(t, zone.Services, "default/a1 default/a3 default/b2 default/c")
	write(t, filepath.Join(f.dir, "sub", "d.yaml"), headless("d"))
	f.sink.waitNames(t, zone.Services, "default/a1 default/a3 default/b2 default/c default/d")

	if err := os.RemoveAll(filepath.Join(f.dir, "sub")); err != nil {
		t.Fatal(err)
	}
	f.sink.waitNames(t, zone.Services, "default/a1 default/a3 default/b2")
	if n := f.sink.replaces(zone.Services); n != 1 {
		t.Errorf("%d replaces, want 1: changes come as what changed", n)
	}
	if n := metric(t, f.reg, "rollcall_manifests_reloads_total"); n < 4 {
		t.Errorf("%v reloads counted, want at least 4", n)
	}
}

func TestFollowRefusesWhole(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "a.yaml"), headless("a"))
		write(t, filepath.Join(dir, "b.yaml"), headless("b"))
	})
	events := len(f.sink.seen())

	write(t, filepath.Join(f.dir, "a.yaml"), headless("a", "new")+"---\napiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {clusterIP: x}\n")
	waitFor(t, "the change is refused", func() bool {
		return metric(t, f.reg, "rollcall_manifests_reload_failures_total") == 1
	})
	waitFor(t, "the log says where it is wrong", func() bool { return f.log.has("refused", "a.yaml:14: spec.clusterIP") })
	if n := len(f.sink.seen()); n != events {
		t.Errorf("%d events came of a refused change: %v", n-events, f.sink.seen()[events:])
	}

	write(t, filepath.Join(f.dir, "a.yaml"), headless("a", "new"))
	f.sink.waitNames(t, zone.Services, "default/a default/b default/new")
}

// TestFollowConfigMap swaps the hidden folder that the kubelet's links lead to.
func TestFollowConfigMap(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "..v1", "a.yaml"), headless("one"))
		symlink(t, "..v1", filepath.Join(dir, "..data"))
		symlink(t, filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml"))
	})
	f.sink.waitNames(t, zone.Services, "default/one")
	write(t, filepath.Join(f.dir, "..v2", "a.yaml"), headless("two"))
	symlink(t, "..v2", filepath.Join(f.dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(f.dir, "..data_tmp"), filepath.Join(f.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	f.sink.waitNames(t, zone.Services, "default/two")
}

func TestFollowFile(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "a.yaml"), headless("a"))
		write(t, filepath.Join(dir, "other.yaml"), headless("other"))
	}, "a.yaml")
	f.sink.waitNames(t, zone.Services, "default/a")
	path := filepath.Join(f.dir, "a.yaml")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its absence is refused", func() bool {
		return metric(t, f.reg, "rollcall_manifests_reload_failures_total") >= 1
	})
	if got := f.sink.names(zone.Services); got != "default/a" {
		t.Errorf("services %q, want what there was", got)
	}
	write(t, path, headless("b"))
	f.sink.waitNames(t, zone.Services, "default/b")
}

// TestFollowEmptied: a shell's "command > file" empties the file long before
// the command writes.
func TestFollowEmptied(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "a.yaml"), headless("a1", "a2"))
		write(t, filepath.Join(dir, "b.yaml"), headless("b"))
	})
	a := filepath.Join(f.dir, "a.yaml")
	refused := a + ": it is empty and held 2 objects; they stay until it has content or is deleted"
	for i, text := range []string{"", " \n# soon\n---\n"} {
		write(t, a, text)
		waitFor(t, "the emptied file is refused", func() bool {
			return metric(t, f.reg, "rollcall_manifests_reload_failures_total") > float64(i)
		})
	}
	if got := f.sink.names(zone.Services); got != "default/a1 default/a2 default/b" {
		t.Errorf("services %q, want those that the file held still", got)
	}
	write(t, a, headless("a3"))
	f.sink.waitNames(t, zone.Services, "default/a3 default/b")
	if n := strings.Count(f.log.String(), refused); n != 1 {
		t.Errorf("%q is logged %d times, want once:\n%s", refused, n, f.log)
	}
	waitFor(t, "the change is logged", func() bool { return f.log.has("manifests changed", "put=1", "removed=2") })
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	f.sink.waitNames(t, zone.Services, "default/b")
	if err := os.Remove(filepath.Join(f.dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it is said that nothing is left", func() bool { return f.log.has("level=WARN", "no object is left") })
}

// TestFollowMended: what can be mended without a write is noticed, too.
func TestFollowMended(t *testing.T) {
	const bad = "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {clusterIP: x, ports: [{port: 0}]}\n"
	failures := func(f *following) float64 { return metric(t, f.reg, "rollcall_manifests_reload_failures_total") }
	f := follow(t, func(dir string) { write(t, filepath.Join(dir, "a.yaml"), headless("a")) })
	waitFor(t, "the log says how many of each kind were read", func() bool {
		return f.log.has("manifests read", "namespaces=1 services=1 endpointslices=0")
	})
	path := filepath.Join(f.dir, "b.yaml")
	write(t, path, bad)
	waitFor(t, "it is refused", func() bool { return failures(f) >= 1 })
	for _, want := range []string{"b.yaml:4: spec.clusterIP", "b.yaml:4: spec.ports[0].port"} {
		waitFor(t, "a line of its own says "+want, func() bool { return f.log.has("refused", want) })
	}
	if f.log.has("spec.clusterIP", "spec.ports[0].port") {
		t.Errorf("two errors are in one line:\n%s", f.log)
	}
	before := failures(f)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "other permissions have it read again", func() bool { return failures(f) > before })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it is said that all is well, though nothing changed", func() bool { return f.log.has("manifests are valid again") })
}

func TestRunFirstLoadFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	write(t, path, "foo: bar\n")
	sink := newMemSink()
	err := newTestManifests(t, ManifestsConfig{Paths: []string{path}}).Run(t.Context(), sink)
	if err == nil || !strings.Contains(err.Error(), "a.yaml:1: ") {
		t.Errorf("got error %v, want the manifest's", err)
	}
	if len(sink.seen()) > 0 {
		t.Errorf("events came of it: %v", sink.seen())
	}
}
