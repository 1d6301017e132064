package watch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/zone"
)

// TestRandomVerbs: whatever sequence of verbs, the sink has what a load from
// scratch gives.
func TestRandomVerbs(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		m, sink := runs(t, ManifestsConfig{Kinds: allKinds})
		var done []string
		worked := 0
		for range 40 {
			what, err := randomVerb(r, m)
			if err == nil {
				worked++
			}
			done = append(done, fmt.Sprintf("%s: %v", what, err))
			events, err := m.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fresh := newMemSink()
			fresh.Apply(events...)
			if diff := cmp.Diff(fresh.text(), sink.text()); diff != "" {
				t.Fatalf("seed %d: -rebuilt +sink\n%s\nafter\n%s", seed, diff, strings.Join(done, "\n"))
			}
		}
		if worked < 10 {
			t.Errorf("seed %d: %d verbs worked; the test looks at nothing:\n%s", seed, worked, strings.Join(done, "\n"))
		}
	}
}

// text writes all objects, one a line.
func (s *memSink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	set := manifestSet{objects: s.objects}
	for _, k := range zone.Kinds {
		for _, key := range set.keys(k) {
			fmt.Fprintf(&b, "%s %+v\n", k, s.objects[k][key])
		}
	}
	return b.String()
}

// randomVerb does one thing to a small world, which may not be possible.
func randomVerb(r *rand.Rand, m *Manifests) (what string, err error) {
	name := []string{"a", "b", "c"}[r.IntN(3)]
	n := r.IntN(4)
	switch r.IntN(7) {
	case 0:
		return "apply " + name, m.ApplyText("in", []byte(strings.Replace(headless(name), "None", "None, selector: {app: "+name+"}", 1)))
	case 1:
		return "apply set " + name, m.ApplyText("in", []byte(setOf(name, n)))
	case 2:
		return "apply slice " + name, m.ApplyText("in", []byte(sliceOf(name)))
	case 3:
		return "scale " + name, m.Scale("", name, n)
	case 4:
		return "roll " + name, m.Roll("", name)
	case 5:
		pod := fmt.Sprint(name, "-", n)
		return "ready " + pod, m.SetReady("", pod, r.IntN(2) == 0)
	}
	kind := []string{"Service", "StatefulSet", "EndpointSlice"}[r.IntN(3)]
	if kind == "EndpointSlice" {
		name += "-1"
	}
	return "delete " + kind + " " + name, m.Delete(kind, "", name)
}
