package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestWorld(t *testing.T) {
	world := newWorld(full.services)
	spaces, vips, addresses := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, s := range world {
		spaces[s.namespace] = true
		if !s.headless {
			vips[s.object.Spec.ClusterIP] = true
		}
		for _, e := range s.slice.Endpoints {
			addresses[e.Addresses[0]] = true
		}
	}
	got := []int{len(world), len(spaces), len(vips), len(addresses)}
	if diff := cmp.Diff([]int{10_000, 50, 9_000, 100_000}, got); diff != "" {
		t.Errorf("Services, namespaces, and different ClusterIPs and endpoints (-want +got):\n%s", diff)
	}
}

func TestQuestions(t *testing.T) {
	questions := newQuestions(newWorld(full.services))
	got := make(map[string]int)
	for _, q := range questions {
		switch {
		case !exists(q):
			got["miss"]++
		case strings.HasPrefix(q.name, "pod-"):
			got["pod"]++
		default:
			got[dns.TypeToString[q.typ]]++
		}
	}
	want := map[string]int{"A": 10_000, "AAAA": 2_000, "pod": 1_000, "SRV": 1_000, "miss": 2_000}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("questions by kind (-want +got):\n%s", diff)
	}
	again := newQuestions(newWorld(full.services))
	if diff := cmp.Diff(questions, again, cmp.AllowUnexported(question{})); diff != "" {
		t.Errorf("the second list differs from the first (-first +second):\n%s", diff)
	}
}

func TestManifests(t *testing.T) {
	dir := t.TempDir()
	if err := writeManifests(dir, newWorld(100)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) != namespaces {
		t.Fatalf("got %d files, error %v, want one for each of %d namespaces", len(files), err, namespaces)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ns-0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// Services 0 and 50, and their slices; both headless, being tenths.
	for part, want := range map[string]int{
		"---\n": 4, `"kind":"Service"`: 2, `"kind":"EndpointSlice"`: 2, `"clusterIP":"None"`: 2, `"hostname":"pod-`: 20,
	} {
		if got := strings.Count(string(text), part); got != want {
			t.Errorf("%q is in ns-0.yaml %d times, want %d", part, got, want)
		}
	}
}
