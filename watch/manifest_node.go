package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a manifest may nest. Objects that DNS reads need a
// dozen levels; a text of nothing but brackets must not exhaust the stack.
const maxDepth = 200

// A lineError is an error at a place of a file, in the form that editors know.
type lineError struct {
	file string
	line int // 0 for something that has no lines
	msg  string
}

func (e *lineError) Error() string { return place{e.file, e.line}.String() + ": " + e.msg }

// parseNodes parses a file's documents, YAML or JSON, into trees that know
// their lines. Documents before a syntax error are returned beside it.
func parseNodes(name string, data []byte) (docs []*yaml.Node, err error) {
	// The parser panics on its own errors, and is trusted no further.
	defer func() {
		if p := recover(); p != nil {
			err = &lineError{name, 1, fmt.Sprintf("the YAML parser failed: %v", p)}
		}
	}()
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		docs, err := parseJSON(name, data)
		if err == nil || strings.HasSuffix(name, ".json") {
			return docs, err
		}
		// YAML may begin with a brace, too.
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		doc := new(yaml.Node)
		switch err := dec.Decode(doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, yamlError(name, data, err)
		}
		if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
			docs = append(docs, doc.Content[0])
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

var tabIndent = regexp.MustCompile(`(?m)^ *\t`)

// yamlError moves the line that the parser names to the front. A tab, which
// can't be seen and which the parser seldom calls by its name, is named.
func yamlError(name string, data []byte, err error) error {
	msg, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = msg[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	tab := strings.Contains(msg, "cannot start any token") || strings.Contains(msg, "a tab character")
	if at := tabIndent.FindIndex(data); at != nil && tab {
		return &lineError{name, lineNumber(data, at[0]), "not YAML: the line is indented with a tab; YAML wants spaces"}
	}
	return &lineError{name, line, "not YAML: " + msg}
}

// withTemplateHint adds to an error in data what explains it, if data looks
// like a template.
func withTemplateHint(err error, data []byte) error {
	at := bytes.Index(data, []byte("{{"))
	if at < 0 {
		return err
	}
	return fmt.Errorf("%w (line %d has {{: a template must be rendered first)", err, lineNumber(data, at))
}

// lineNumber returns the line, from 1, of the byte at an offset.
func lineNumber(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }

// parseJSON parses JSON values, one after another, into the nodes that the
// same text has as YAML. A YAML parser would nearly do, were it not for tabs,
// surrogate pairs and long keys.
func parseJSON(name string, data []byte) ([]*yaml.Node, error) {
	p := jsonParser{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	p.dec.UseNumber()
	var docs []*yaml.Node
	for {
		doc, err := p.next(0)
		switch {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			p.countLines(p.dec.InputOffset())
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				p.countLines(syntax.Offset)
			}
			return docs, &lineError{name, p.line, "not JSON: " + err.Error()}
		}
		docs = append(docs, doc)
	}
}

type jsonParser struct {
	dec     *json.Decoder
	data    []byte
	counted int64 // up to where line breaks are in line
	line    int
}

// countLines moves line to that of the byte before end.
func (p *jsonParser) countLines(end int64) {
	end = min(end, int64(len(p.data)))
	if end > p.counted {
		p.line += bytes.Count(p.data[p.counted:end], []byte("\n"))
		p.counted = end
	}
}

func (p *jsonParser) next(depth int) (*yaml.Node, error) {
	tok, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	p.countLines(p.dec.InputOffset())
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line}
	switch tok := tok.(type) {
	case string:
		n.Tag, n.Value = "!!str", tok
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(tok)
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case json.Number:
		n.Tag, n.Value = "!!int", tok.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if tok == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		if depth > maxDepth {
			return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
		}
		return n, p.content(n, depth)
	}
	return n, nil
}

// content parses what is in an object or array, keys and values in turn.
func (p *jsonParser) content(n *yaml.Node, depth int) error {
	for p.dec.More() {
		c, err := p.next(depth + 1)
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		n.Content = append(n.Content, c)
	}
	if _, err := p.dec.Token(); err != nil { // the closing delimiter
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}
