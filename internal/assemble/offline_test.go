package assemble_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

func TestZones(t *testing.T) {
	dnstest.NoLeaks(t)
	block := "%s {\nbind 127.0.0.1\nkubernetes {\nmanifests "
	plan, err := load(t, strings.ReplaceAll(block, "%s", "a.example")+manifest(t, "web=10.0.0.1")+"\n}\n}\n. {\nbind 127.0.0.1\n}\n"+
		strings.ReplaceAll(block, "%s", "b.example")+"-\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	zones, err := plan.Zones(t.Context(), assemble.Process{
		Stdin: strings.NewReader("apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {clusterIP: 10.0.0.2, ports: [{port: 80}]}\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(zones) != 2 {
		t.Fatalf("%d zones, want one for each kubernetes directive", len(zones))
	}
	for i, want := range []string{"web.default.svc.a.example.\t5\tIN\tA\t10.0.0.1\n", "api.default.svc.b.example.\t5\tIN\tA\t10.0.0.2\n"} {
		s := zones[i].Snapshot()
		var dump strings.Builder
		if err := s.Dump(&dump, s.Zones()[0]); err != nil {
			t.Fatal(err)
		}
		if !s.Synced || !strings.Contains(dump.String(), want) {
			t.Errorf("synced %t, no %q in\n%s", s.Synced, want, dump.String())
		}
	}
}

func TestZonesErrors(t *testing.T) {
	broken := manifest(t, "web=nonsense")
	errTime := errors.New("time is up")
	tests := []struct {
		name, text string
		timeout    time.Duration
		want       string
		is         error
	}{
		{"no zone", ". {\n}", time.Minute, "no kubernetes directive", assemble.ErrNoZones},
		{"bad manifest", ". {\nkubernetes a.example {\nmanifests " + broken + "\n}\n}", time.Minute, filepath.Join(broken, "services.yaml") + ":5: ", nil},
		{"no such interface", ". {\nbind nosuch0\nkubernetes a.example\n}", time.Minute, "nosuch0", nil},
		{"silent cluster", ". {\nkubernetes a.example {\nendpoint " + silent(t) + "\n}\n}", 100 * time.Millisecond, "time is up", errTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(context.Background(), tt.timeout, errTime)
			defer cancel()
			_, err = plan.Zones(ctx, assemble.Process{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

func TestCheckManifests(t *testing.T) {
	good, bad, worse := manifest(t, "web=10.0.0.1"), manifest(t, "web=nonsense"), manifest(t, "web=10.0.0.1.2")
	text := func(dirs ...string) string {
		var b strings.Builder
		for i, dir := range dirs {
			b.WriteString(string(rune('a'+i)) + ".example {\nkubernetes {\nmanifests " + dir + "\n}\n}\n")
		}
		return b.String()
	}
	tests := []struct {
		name, text string
		want       []string
	}{
		{"good", text(good), nil},
		{"standard input", text("-"), nil},
		{"no manifests", ". {\nkubernetes a.example\n}", nil},
		{"all that is wrong", text(bad, good, worse), []string{filepath.Join(bad, "services.yaml") + ":5: ", filepath.Join(worse, "services.yaml") + ":5: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			err = plan.CheckManifests(t.Context(), assemble.Process{Stdin: strings.NewReader("")})
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("error %v, want those of %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %s", err, want)
				}
			}
		})
	}
}
