package assemble_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// TestOneZoneOnTwoPorts has one block, and so one zone and one source, for both.
func TestOneZoneOnTwoPorts(t *testing.T) {
	file, err := corefile.Parse("Corefile", strings.NewReader(
		"cluster.local:5353 cluster.local:5354 {\nbind 127.0.0.1\nkubernetes {\nmanifests ../../deploy/examples\n}\n}"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := assemble.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	zones, err := plan.Zones(t.Context(), assemble.Process{})
	if err != nil {
		t.Fatal(err)
	}
	if len(zones) != 1 || len(zones[0].Snapshot().Zones()) != 1 {
		t.Errorf("%d zones", len(zones))
	}
}
