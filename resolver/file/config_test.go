package file_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/file"
)

// parse parses a directive of a block for example.org.
func parse(t *testing.T, text string) (file.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader("example.org {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	return file.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
}

func TestParse(t *testing.T) {
	org := []string{"example.org."}
	tests := []struct {
		text   string
		want   file.Config
		reason string
	}{
		{"file db", file.Config{File: "db", Zones: org, Reload: time.Minute}, "the block's zones, a look every minute"},
		{"file db A.test 10.0.0.0/24", file.Config{File: "db", Zones: []string{"a.test.", "0.0.10.in-addr.arpa."}, Reload: time.Minute}, "zones of its own"},
		{"file db {\nreload 30s\nfallthrough\n}", file.Config{File: "db", Zones: org, Reload: 30 * time.Second, Fallthrough: []string{"."}}, "everywhere"},
		{"file db {\nreload 0\nfallthrough in-addr.arpa\n}", file.Config{File: "db", Zones: org, Fallthrough: []string{"in-addr.arpa."}}, "0 is never"},
		{"file db {\nreload_by_mtime\nupstream 8.8.8.8\n}", file.Config{File: "db", Zones: org, Reload: time.Minute, ByTime: true}, "upstream has no effect in CoreDNS either"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"file", `Corefile:2: file: wants a zone file, and the zones in it, got none`, "a file is needed"},
		{"file db a..b", `Corefile:2: file: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "zones are names"},
		{"file db {\nreload soon\n}", `Corefile:3: reload: wants a duration such as 5s, 1m30s or 0s, got "soon"`, "a duration"},
		{"file db {\nreload_by_mtime now\n}", `Corefile:3: reload_by_mtime: takes no arguments, got "now"`, "no arguments"},
		{"file db {\ntransfer to *\n}", `Corefile:3: unknown option "transfer" of file (known: fallthrough, reload, reload_by_mtime, upstream)`, "zones are not transferred"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			text := ""
			if _, err := parse(t, tt.text); err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
