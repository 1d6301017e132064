package peers_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// TestAuthorities starts each server with the zones of the examples, and asks it
// for a record of theirs.
func TestAuthorities(t *testing.T) {
	ctx := t.Context()
	program, err := rollcall.Build(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := binaries.ModuleRoot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	zones, err := peers.ZoneFiles(ctx, program, t.TempDir(), "-manifests", filepath.Join(tests, "../deploy/examples"))
	if err != nil {
		t.Fatal(err)
	}
	type start func(context.Context, string, map[string]string, peers.Options) (*peers.Server, error)
	for name, start := range map[string]start{"knot": peers.Knot, "nsd": peers.NSD, "bind": peers.BIND} {
		for _, features := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s, err := start(ctx, t.TempDir(), zones, peers.Options{Logf: t.Logf, Features: features})
				if err != nil {
					t.Fatal(err)
				}
				answer, err := s.Dig(ctx, dnsquery.Question{Name: "web-0.nginx.default.svc.cluster.local", Type: "A"})
				if err != nil {
					t.Error(err)
				}
				if answer.Rcode != "NOERROR" || !answer.Has("aa") || len(answer.Answer) != 1 {
					t.Errorf("got %+v, want one address of a pod, with authority", answer)
				}
				if err := s.Process.Stop(10 * time.Second); err != nil {
					t.Errorf("stopping: %v\n%s", err, s.Process.Tail(20))
				}
			})
		}
	}
}
