package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is how long a Go file may be, in lines.
const maxLines = 500

// TestHouseRules holds for every package of the module: it says what it is for,
// in a package comment, and its files are short enough to be read at once.
func TestHouseRules(t *testing.T) {
	const root = "../.."
	documented, seen := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := path != root && strings.HasPrefix(d.Name(), ".")
			_, module := os.Stat(filepath.Join(path, "go.mod"))
			if hidden || d.Name() == "testdata" || path != root && module == nil {
				return fs.SkipDir // no package of this module
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(source), "\n"); n > maxLines {
			t.Errorf("%s has %d lines, at most %d are allowed", path, n, maxLines)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		if dir := filepath.Dir(path); !strings.HasSuffix(path, "_test.go") {
			seen[dir] = true
			documented[dir] = documented[dir] || file.Doc != nil
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 10 {
		t.Fatalf("only %d packages were found", len(seen))
	}
	for dir := range seen {
		if !documented[dir] {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// TestSecrets sees that what must not be guessed comes from crypto/rand: a weaker
// source is not even at hand where it is made.
func TestSecrets(t *testing.T) {
	tests := []struct{ files, reason string }{
		{"resolver/forward/message.go", "CVE-2019-19794: the IDs of queries to other servers"},
		{"resolver/loop/*.go", "CVE-2026-26018: the names of probes"},
		{"resolver/cookies/*.go", "RFC 7873 section 6: the secret of cookies"},
	}
	for _, tt := range tests {
		files, err := filepath.Glob("../../" + tt.files)
		if err != nil {
			t.Fatal(err)
		}
		strong := false
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				switch spec.Path.Value {
				case `"crypto/rand"`:
					strong = true
				case `"math/rand"`, `"math/rand/v2"`:
					t.Errorf("%s imports %s (%s)", path, spec.Path.Value, tt.reason)
				}
			}
		}
		if !strong {
			t.Errorf("%s does not use crypto/rand (%s)", tt.files, tt.reason)
		}
	}
}
