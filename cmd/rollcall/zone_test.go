package main

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// parse reads a master file, and returns its records as text.
func parse(t testing.TB, text string) map[string]bool {
	t.Helper()
	records := map[string]bool{}
	p := dns.NewZoneParser(strings.NewReader(text), "", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		records[dnstest.Text([]dns.RR{rr})[0]] = true
	}
	if err := p.Err(); err != nil {
		t.Fatalf("not a master file: %v\n%s", err, text)
	}
	return records
}

func TestZone(t *testing.T) {
	file := write(t, "web.yaml", web)
	conf := write(t, "Corefile", "example.org:53 {\nkubernetes {\nmanifests "+file+"\n}\n}\n")
	tests := []struct {
		name  string
		stdin string
		args  []string
		zone  string // of the Service
	}{
		{"an argument", "", []string{"zone", file}, "cluster.local."},
		{"a flag", "", []string{"zone", "-manifests", file}, "cluster.local."},
		{"both, and flags between", "", []string{"zone", file, "-zone", "example.org", write(t, "b.yaml", strings.ReplaceAll(web, "web", "b"))}, "example.org."},
		{"standard input", web, []string{"zone", "-"}, "cluster.local."},
		{"Corefile", "", []string{"zone", "-conf", conf}, "example.org."},
		{"before the command", "", []string{"-conf", conf, "zone"}, "example.org."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			out, err := rollcall(t, tt.stdin, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			records := parse(t, out)
			if want := "web.default.svc." + tt.zone + " 5 IN A 10.0.0.1"; !records[want] {
				t.Errorf("no %q in\n%s", want, out)
			}
			if !strings.HasPrefix(out, "; zone "+tt.zone+"\n") {
				t.Errorf("the first line does not name the zone:\n%s", out)
			}
		})
	}
	t.Run("reverse zones", func(t *testing.T) {
		out, err := rollcall(t, "", "zone", file)
		if err != nil {
			t.Fatal(err)
		}
		if want := "1.0.0.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local."; !parse(t, out)[want] {
			t.Errorf("no %q in\n%s", want, out)
		}
	})
}

// TestZoneManifests has the manifests of a zone give the zone.
func TestZoneManifests(t *testing.T) {
	const examples = "../../deploy/examples"
	frozen, err := rollcall(t, "", "zone", "-o", "manifests", examples)
	if err != nil {
		t.Fatal(err)
	}
	want, err := rollcall(t, "", "zone", examples)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rollcall(t, frozen, "zone", "-o", "zone", "-")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parse(t, want), parse(t, got)); diff != "" || len(parse(t, got)) < 20 {
		t.Errorf("zones of examples and of their manifests (-want +got):\n%s\n%s", diff, frozen)
	}
}

func TestZoneErrors(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	conf := write(t, "Corefile", ". {\nkubernetes cluster.local {\nendpoint http://"+silent.Addr().String()+"\n}\n}\n")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"silent cluster", []string{"zone", "-conf", conf, "-timeout", "100ms"}, "not all objects came within 100ms (-timeout waits longer)"},
		{"no zone", []string{"zone", "-conf", write(t, "Corefile", ". {\n}")}, "no kubernetes directive in the Corefile, and so no zone"},
		{"no manifest", []string{"zone", conf + ".missing"}, conf + ".missing"},
		{"no format", []string{"zone", "-o", "yaml", "."}, `-o "yaml": want zone or manifests`},
		{"several sources", []string{"zone", "-o", "manifests", "-conf", write(t, "Corefile", "a.example {\nkubernetes {\nmanifests "+write(t, "a.yaml", web)+"\n}\n}\n"+
			"b.example {\nkubernetes {\nmanifests "+write(t, "b.yaml", web)+"\n}\n}\n")}, "-o manifests: the Corefile has several kubernetes directives"},
		{"paths and a Corefile", []string{"zone", "-conf", conf, "x"}, "-conf excludes -manifests"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			out, err := rollcall(t, "", tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("printed %q, error %v, want one with %s", out, err, tt.want)
			}
		})
	}
}
