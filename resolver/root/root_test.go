package root_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/root"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	tests := []struct {
		name, text string
		want       root.Config
		err        string
		reason     string
	}{
		{"folder", "root " + dir, root.Config{Dir: dir}, "", "a folder"},
		{"missing", "root " + missing, root.Config{Dir: missing, Missing: true}, "", "it may come, as in CoreDNS"},
		{"file", "root " + file, root.Config{}, "Corefile:2: root: " + file + " is not a folder", "no file is below a file"},
		{"below a file", "root " + file + "/x", root.Config{}, "Corefile:2: root: stat " + file + "/x: not a directory", "it can't be looked at"},
		{"none", "root", root.Config{}, "Corefile:2: root: wants the folder that relative paths start from, got none", "one folder"},
		{"body", "root " + dir + " {\nx\n}", root.Config{}, `Corefile:3: root takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := root.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestPath(t *testing.T) {
	tests := []struct{ dir, file, want, reason string }{
		{"/etc/zones", "db.org", "/etc/zones/db.org", "below the folder"},
		{"/etc/zones", "/db.org", "/db.org", "absolute"},
		{"zones", "../db.org", "db.org", "a relative folder"},
		{"/etc/zones", "", "", "no file"},
		{"", "db.org", "db.org", "no root"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			if got := (root.Config{Dir: tt.dir}).Path(tt.file); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
