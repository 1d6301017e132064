package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAdvisories sees that each advisory of docs/security.md has tests that exist,
// and that name it.
func TestAdvisories(t *testing.T) {
	const document, audit = "../../docs/security.md", "audit of 2018"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile("\\[`(Test\\w+)`\\]\\(([^)]+)\\)")
	cve := regexp.MustCompile(`CVE-\d+-\d+`)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !cve.MatchString(cells[0]) && !strings.Contains(cells[0], audit) {
			continue
		}
		rows++
		var comments strings.Builder // the sources of the tests
		for _, found := range link.FindAllStringSubmatch(cells[3], -1) {
			path := filepath.Join(filepath.Dir(document), found[2])
			source, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%s: %v", cells[0], err)
				continue
			}
			if !declares(t, path, source, found[1]) {
				t.Errorf("%s: %s has no %s", cells[0], path, found[1])
			}
			comments.Write(source)
		}
		for _, name := range cve.FindAllString(cells[0], -1) {
			if !strings.Contains(comments.String(), name) {
				t.Errorf("no test of %s names it", name)
			}
		}
		if comments.Len() == 0 {
			t.Errorf("%s has no test", cells[0])
		}
	}
	if want := 17; rows != want {
		t.Errorf("%d advisories, want %d", rows, want)
	}
}

// declares reports whether a file has a function.
func declares(t *testing.T, path string, source []byte, function string) bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == function {
			return true
		}
	}
	return false
}
