package corefiles

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A refusal is a line of a Corefile that is refused, and those of the braces after
// it.
type refusal struct {
	lines []string // see normal
	want  string   // what is said of the first of them
}

// refuses shows that the Corefile is refused for its trial's refusals, each by name
// and place, and takes them out of it, so that the rest can be shown to take effect.
// An error within a directive may hide another until it is mended.
func (s *subject) refuses(t *testing.T) {
	t.Helper()
	left := slices.Clone(s.trial.refused)
	for len(left) > 0 {
		status, said := run(t, "-conf", s.conf)
		text, err := os.ReadFile(s.conf)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		before := len(left)
		left = slices.DeleteFunc(left, func(r refusal) bool {
			at := slices.IndexFunc(lines, func(line string) bool { return normal(line) == r.lines[0] })
			if status != 1 || at < 0 || !strings.Contains(said, fmt.Sprintf("%s:%d: %s", s.conf, at+1, r.want)) {
				return false
			}
			for i := range r.lines {
				lines[at+i] = "# refused"
			}
			if len(r.lines) > 1 {
				lines[at+len(r.lines)] = "# refused" // the closing brace
			}
			return true
		})
		if len(left) == before {
			t.Fatalf("exit status %d; it said\n%s\nwant it to refuse %q, of\n%s", status, said, left, text)
		}
		if err := os.WriteFile(s.conf, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefused has each directive refused, by name and place, that CoreDNS has and
// Rollcall does not.
func TestRefused(t *testing.T) {
	for _, name := range []string{
		"route53", "azure", "clouddns", "etcd", "nomad", "geoip", "grpc", "sign", "grpc_server", "https3", "proxyproto", "on", "auto", "secondary",
		"transfer", "tsig", "quic", "dnstap", "trace", "dnssec", "k8s_external", "shed",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := filepath.Join(t.TempDir(), "Corefile")
			if err := os.WriteFile(conf, []byte(".:0 {\n    bind 127.0.0.1\n    "+name+"\n}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			status, said := run(t, "-conf", conf)
			want := conf + ":3: " + name + " is a CoreDNS plugin that Rollcall does not have"
			if status != 1 || !strings.Contains(said, want) {
				t.Errorf("exit status %d, want 1; it said\n%s\nwant %s", status, said, want)
			}
		})
	}
}
