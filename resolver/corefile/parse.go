package corefile

import (
	"io"
	"strings"
)

// Parse reads a Corefile. The name is used in positions, and relative imports
// start from its folder. All errors are [*Error], the first found is returned.
func Parse(name string, r io.Reader) (*File, error) {
	return ParseWithPort(name, r, DefaultPort)
}

// ParseWithPort is Parse for a Corefile whose keys without a port are of port.
func ParseWithPort(name string, r io.Reader, port int) (*File, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, Pos{File: name, Line: 1}.Errorf("reading the Corefile: %w", err)
	}
	p := parser{
		frames:   [][]token{lex(name, text)},
		snippets: map[string]snippet{},
		last:     Pos{File: name, Line: 1},
		port:     port,
	}
	f := &File{Name: name}
	for {
		b, ok, err := p.block()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		f.Blocks = append(f.Blocks, b)
	}
	if err := checkOverlap(f.Blocks); err != nil {
		return nil, err
	}
	return f, nil
}

// parser walks the tokens of a file and of all that it imports.
type parser struct {
	// frames are the tokens still to be read: those of the innermost import
	// last. None but the first is ever empty.
	frames   [][]token
	snippets map[string]snippet
	imports  int // how many were expanded
	depth    int // how many bodies are open
	port     int // of keys without one
	last     Pos // of the token read last, for errors at the end of the text
}

// peek returns the next token without reading it.
func (p *parser) peek() (token, bool) {
	top := p.frames[len(p.frames)-1]
	if len(top) == 0 {
		return token{}, false
	}
	return top[0], true
}

// next reads the next token.
func (p *parser) next() (token, bool) {
	t, ok := p.peek()
	if !ok {
		return t, false
	}
	p.last = t.pos
	n := len(p.frames) - 1
	p.frames[n] = p.frames[n][1:]
	if len(p.frames[n]) == 0 && n > 0 {
		p.frames = p.frames[:n]
	}
	return t, true
}

// line returns the next token, expanding imports until it is none. It must be
// called where a line may start: elsewhere "import" is a word like any other.
func (p *parser) line() (token, bool, error) {
	for {
		t, ok := p.peek()
		if !ok || !t.is("import") {
			return t, ok, nil
		}
		p.next()
		if err := p.doImport(t); err != nil {
			return token{}, false, err
		}
	}
}

// block reads a server block, after the snippets before it. It returns false
// at the end of the text.
func (p *parser) block() (Block, bool, error) {
	for {
		header, err := p.header()
		if err != nil || len(header) == 0 {
			return Block{}, false, err
		}
		brace, braced := p.peek()
		braced = braced && brace.is("{")
		if name, ok := snippetName(header); ok {
			if err := p.defineSnippet(header[0].pos, name); err != nil {
				return Block{}, false, err
			}
			continue
		}
		b := Block{Pos: header[0].pos}
		for _, t := range header {
			key, err := parseKey(t.pos, t.text, p.port)
			switch {
			case err != nil && t.unset != "":
				return Block{}, false, t.pos.Errorf("the environment variable %s has no value, and without one %q is no zone", t.unset, t.text)
			case err != nil:
				return Block{}, false, err
			}
			b.Keys = append(b.Keys, key)
		}
		if braced {
			p.next()
		}
		// A block without braces is the only one of its file and ends with it.
		b.Directives, err = p.body(brace.pos, braced)
		return b, err == nil, err
	}
}

// header reads the keys of a block, expanded. A comma after a key lets the
// next one stand on another line. The brace after the keys is not read.
func (p *parser) header() ([]token, error) {
	var keys []token
	more := false // a comma promises another key
	for {
		t, ok := p.peek()
		if ok && (t.first || len(keys) == 0) {
			var err error
			if t, ok, err = p.line(); err != nil {
				return nil, err
			}
		}
		if !ok {
			if more {
				return nil, p.last.Errorf("another zone is missing after the comma")
			}
			return keys, nil
		}
		switch {
		case t.is("{") && len(keys) == 0:
			return nil, t.pos.Errorf("a server block starts with its zones, such as \".:53 {\"")
		case t.is("{") && more:
			return nil, t.pos.Errorf("another zone is missing after the comma")
		case t.is("{"), t.first && len(keys) > 0 && !more:
			return keys, nil
		case t.is("}"):
			return nil, t.pos.Errorf("unexpected \"}\": no brace is open")
		}
		p.next()
		text, err := t.word()
		if err != nil {
			return nil, err
		}
		t.unset = t.unsetVariable()
		t.text, more = strings.CutSuffix(text, ",")
		keys = append(keys, t)
	}
}

// body reads directives up to the closing brace, or to the end of the text if
// no brace is open. Open is where the brace stands.
func (p *parser) body(open Pos, braced bool) ([]Directive, error) {
	var directives []Directive
	if p.depth++; p.depth > maxDepth {
		return nil, open.Errorf("more than %d braces open", maxDepth)
	}
	defer func() { p.depth-- }()
	for {
		t, ok, err := p.line()
		switch {
		case err != nil:
			return nil, err
		case !ok && braced:
			return nil, open.Errorf("the \"{\" opened here is never closed")
		case !ok:
			return directives, nil
		case t.is("}") && braced:
			p.next()
			return directives, nil
		}
		d, err := p.directive()
		if err != nil {
			return nil, err
		}
		directives = append(directives, d)
	}
}

// maxDepth bounds how deep bodies nest, and with it the stack. No known
// directive needs more than three.
const maxDepth = 32

// directive reads a directive: its name, the rest of the line, and its body.
func (p *parser) directive() (Directive, error) {
	t, _ := p.next()
	d := Directive{Pos: t.pos}
	switch {
	case t.is("{"):
		return d, t.pos.Errorf("unexpected \"{\": it belongs at the end of the line of a zone or directive")
	case t.is("}"):
		return d, t.pos.Errorf("unexpected \"}\": no brace is open")
	}
	name, err := t.word()
	switch {
	case err != nil:
		return d, err
	case name == "" || name == "import":
		return d, t.pos.Errorf("%q stands for %q, which is not the name of a directive", t.text, name)
	}
	d.Name = name
	for {
		t, ok := p.peek()
		if !ok || t.first || t.is("}") {
			return d, nil
		}
		p.next()
		if t.is("{") {
			if d.Body, err = p.body(t.pos, true); err != nil {
				return d, err
			}
			return d, p.endOfLine()
		}
		arg, err := t.word()
		if err != nil {
			return d, err
		}
		d.Args = append(d.Args, arg)
	}
}

// endOfLine refuses words after the closing brace of a directive. Further
// closing braces may follow on the line.
func (p *parser) endOfLine() error {
	if t, ok := p.peek(); ok && !t.first && !t.is("}") {
		return t.pos.Errorf("unexpected %q after \"}\": a directive starts on a line of its own", t.text)
	}
	return nil
}
