package assemble_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labels returns the values of a label of a metric, each once and sorted.
func (p *process) labels(metric, label string) []string {
	p.t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	var values []string
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		for _, m := range f.GetMetric() {
			value := ""
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					value = l.GetValue()
				}
			}
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// TestReloadEnabled sees that metrics name the handlers that serve, and no others.
func TestReloadEnabled(t *testing.T) {
	block := func(handlers string) string {
		return ".:0 {\nbind 127.0.0.1\nprometheus 127.0.0.1:0\n" + handlers + "\n}\n"
	}
	var file changing
	file.set(block("any\nwhoami"))
	p := startChanging(t, file.get)
	p.addr()
	tests := []struct {
		name, text, says string
		want             []string
		reason           string
	}{
		{"at first", file.get(), unchanged, []string{"any", "bind", "prometheus", "whoami"}, "what the Corefile has"},
		{"refused", block("minimal\nwhoami") + "b.example:0 {\nbind 127.0.0.1\nforward . /nowhere\n}", kept, []string{"any", "bind", "prometheus", "whoami"}, "it does not serve"},
		{"another", block("minimal\nwhoami"), changed, []string{"bind", "minimal", "prometheus", "whoami"}, "one came and one went"},
		{"none", ".:0 {\nbind 127.0.0.1\nwhoami\n}", changed, nil, "a block without prometheus"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file.set(tt.text)
			p.hangUp(tt.says)
			if diff := cmp.Diff(tt.want, p.labels("coredns_plugin_enabled", "name")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestReloadMoved has blocks stand elsewhere in the Corefile: what did not change
// is not read again, which would fail as the manifests are broken by then, and
// metrics name the place where a block stands now.
func TestReloadMoved(t *testing.T) {
	one, two := manifest(t, "web=10.0.0.1"), manifest(t, "web=10.0.0.2")
	block := func(zone, dir string) string {
		return zone + ":0 {\nbind 127.0.0.1\nkubernetes {\nmanifests " + dir + "\n}\n}\n"
	}
	a, b := block("a.example", one), block("b.example", two)
	var file changing
	file.set(a + b)
	p := startChanging(t, file.get)
	at := p.addr()
	for _, dir := range []string{one, two} {
		if err := os.WriteFile(filepath.Join(dir, "services.yaml"), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, text string
		sources    []string
		zones      []string
		reason     string
	}{
		{"at first", a + b, []string{"Corefile:1", "Corefile:7"}, []string{"a", "b"}, "where the blocks stand"},
		{"further down", "c.example:0 {\nbind 127.0.0.1\n}\n" + a + b, []string{"Corefile:10", "Corefile:4"}, []string{"a", "b"}, "another block comes before"},
		{"the other way round", b + a, []string{"Corefile:1", "Corefile:7"}, []string{"a", "b"}, "each at the other's place"},
		{"one", b, []string{""}, []string{"b"}, "one source needs no label"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.text != file.get() {
				file.set(tt.text)
				p.hangUp(changed)
			}
			if diff := cmp.Diff(tt.sources, p.labels("rollcall_manifests_reloads_total", "source")); diff != "" {
				t.Errorf("%s: sources (-want +got):\n%s", tt.reason, diff)
			}
			for i, z := range []string{"a", "b"} {
				want := "REFUSED"
				if slices.Contains(tt.zones, z) {
					want = []string{"10.0.0.1", "10.0.0.2"}[i]
				}
				if got := lookup(t, at, "web.default.svc."+z+".example."); got != want {
					t.Errorf("%s: %s.example: %s, want %s", tt.reason, z, got, want)
				}
			}
		})
	}
	// A second source comes to the one.
	third := manifest(t, "web=10.0.0.3")
	file.set(b + block("c.example", third))
	p.hangUp(changed)
	if diff := cmp.Diff([]string{"Corefile:1", "Corefile:7"}, p.labels("rollcall_manifests_reloads_total", "source")); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if strings.Contains(p.log(), "missing") {
		t.Error("metrics are missing")
	}
}
