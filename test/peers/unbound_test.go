package peers_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/peers"
)

// TestUnbound starts Unbound before Knot DNS, and asks it for a record of Knot's,
// which it still has when Knot has ended.
func TestUnbound(t *testing.T) {
	ctx := t.Context()
	zone := filepath.Join(t.TempDir(), "zone")
	const text = "@ 60 IN SOA ns hostmaster 1 60 60 60 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\nwww 60 IN A 192.0.2.2\n"
	if err := os.WriteFile(zone, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	knot, err := peers.Knot(ctx, t.TempDir(), map[string]string{"upstream.example.": zone}, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(knot.Process.Kill)
	unbound, err := peers.Unbound(ctx, t.TempDir(), knot.Addr, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"asked first", "cached"} {
		answer, err := unbound.Dig(ctx, dnsquery.Question{Name: "www.upstream.example", Type: "A"})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if answer.Rcode != "NOERROR" || !answer.Has("ra") || len(answer.Answer) != 1 {
			t.Errorf("%s: got %+v, want the address, and recursion available", when, answer)
		}
		knot.Process.Kill()
	}
	if err := unbound.Process.Stop(10 * time.Second); err != nil {
		t.Errorf("stopping: %v\n%s", err, unbound.Process.Tail(20))
	}
}
