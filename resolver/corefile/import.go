package corefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxImports bounds how many imports one Corefile may expand. It is what ends
// a file or a snippet that imports itself.
const maxImports = 10000

// snippet is a named run of lines, for import to repeat.
type snippet struct {
	pos    Pos // of its name
	tokens []token
}

// snippetName says whether a block's header makes it a snippet: one key in
// parentheses.
func snippetName(header []token) (string, bool) {
	if len(header) != 1 {
		return "", false
	}
	s := header[0].text
	if len(s) < 2 || s[0] != '(' || s[len(s)-1] != ')' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// defineSnippet reads a snippet's body, as text still: imports and references
// in it are expanded where it is imported.
func (p *parser) defineSnippet(pos Pos, name string) error {
	if old, ok := p.snippets[name]; ok {
		return pos.Errorf("snippet %q is defined at %s already", name, old.pos)
	}
	open, ok := p.next()
	if !ok || !open.is("{") {
		return pos.Errorf("snippet %q has no body in braces", name)
	}
	var body []token
	for depth := 1; ; {
		t, ok := p.next()
		if !ok {
			return open.pos.Errorf("the \"{\" opened here is never closed")
		}
		switch {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		}
		if depth == 0 {
			break
		}
		body = append(body, t)
	}
	startLine(body)
	p.snippets[name] = snippet{pos: pos, tokens: body}
	return nil
}

// startLine makes the first token one that starts a line: what is imported
// stands on lines of its own.
func startLine(tokens []token) {
	if len(tokens) > 0 {
		tokens[0].first = true
	}
}

// doImport reads the argument of an import and puts in its place the snippet,
// file or files that it names. At is the import itself.
func (p *parser) doImport(at token) error {
	arg, ok := p.peek()
	if !ok || arg.first || arg.is("{") || arg.is("}") {
		return at.pos.Errorf("import takes one argument: a snippet's name, a file or a pattern such as conf.d/*.server")
	}
	p.next()
	name, err := arg.word()
	if err != nil {
		return err
	}
	if t, ok := p.peek(); ok && !t.first && !t.is("}") {
		return t.pos.Errorf("import takes one argument, and %q is a second", t.text)
	}
	if p.imports++; p.imports > maxImports {
		return at.pos.Errorf("more than %d imports: something imports itself", maxImports)
	}
	if s, ok := p.snippets[name]; ok {
		p.push(s.tokens)
		return nil
	}
	files, err := importFiles(at.pos.File, name)
	if err != nil {
		return at.pos.Errorf("import %s: %w", name, err)
	}
	var all []token
	for _, file := range files {
		text, err := readRegular(file)
		if err != nil {
			return at.pos.Errorf("import %s: %w", name, err)
		}
		tokens := lex(file, text)
		startLine(tokens)
		all = append(all, tokens...)
	}
	p.push(all)
	return nil
}

// push makes tokens the next to be read.
func (p *parser) push(tokens []token) {
	if len(tokens) == 0 {
		return
	}
	if n := len(p.frames) - 1; len(p.frames[n]) == 0 {
		p.frames[n] = tokens // the import was the last of its frame
		return
	}
	p.frames = append(p.frames, tokens)
}

// importFiles returns the files that a pattern names, sorted. Relative ones
// start from the folder of the file that imports.
func importFiles(from, pattern string) ([]string, error) {
	if pattern == "" {
		return nil, errors.New("the argument is empty; a snippet's name, a file or a pattern is wanted")
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, nil
	}
	// The format allows one wildcard, since several can take very long.
	if strings.Count(pattern, "*") > 1 || strings.Count(pattern, "?") > 1 || strings.ContainsAny(pattern, "[") {
		return nil, errors.New("at most one * and one ? are allowed in a pattern, and no [")
	}
	// No match is no error: a pattern is for files that may or may not be there.
	return filepath.Glob(pattern)
}

// errNotRegular is what importing a folder, or a pipe that may never end, gives.
var errNotRegular = errors.New("not a regular file")

// readRegular reads a file, following links, as ConfigMap mounts consist of them.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("no such snippet or file")
		}
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return os.ReadFile(path)
}
