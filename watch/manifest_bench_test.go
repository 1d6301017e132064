package watch

import (
	"fmt"
	"testing"

	"github.com/rollcall-dns/rollcall/zone"
)

// BenchmarkVerb changes one of ten objects, and of a thousand.
func BenchmarkVerb(b *testing.B) {
	for _, sets := range []int{5, 500} {
		b.Run(fmt.Sprint(2*sets, "objects"), func(b *testing.B) {
			m := newTestManifests(b, ManifestsConfig{})
			for i := range sets {
				name := fmt.Sprint("web", i)
				text := headless(name) + "---\n" + setOf(name, 3)
				if i == 0 {
					text = nginx
				}
				if err := m.ApplyText("in", []byte(text)); err != nil {
					b.Fatal(err)
				}
			}
			sink := newMemSink()
			if _, err := m.start(b.Context(), sink); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if err := m.SetReady("", "web-1", i%2 == 0); err != nil {
					b.Fatal(err)
				}
				sink.events = sink.events[:0]
			}
			if sink.names(zone.Services) == "" {
				b.Fatal("nothing is there")
			}
		})
	}
}
