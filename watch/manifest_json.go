package watch

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxAliased is how many values a file may have by way of aliases, which can
// make a few lines mean more than any memory holds.
const maxAliased = 100_000

// A document is one object of a manifest as JSON, which API types decode from,
// and knows for everything in it the line that it came from.
type document struct {
	file string
	line int
	json []byte

	lines map[string]int // by field path, as spec.ports[0].name
	ends  []valueEnd     // where the values in json end, in order
}

type valueEnd struct {
	offset, line int
	path         string
}

var index = regexp.MustCompile(`\[\d+\]`)

// field returns the path of the field that encoding/json calls name, which
// leaves out the indexes of lists, if this is the end of its value; else name.
func (e valueEnd) field(name string) string {
	if index.ReplaceAllString(e.path, "") == name && !strings.HasSuffix(e.path, "]") {
		return e.path
	}
	return name
}

// lineOf returns the line of a field, or that of the nearest one around it.
func (d *document) lineOf(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return d.line
}

// endAt returns the end of the value that json has at an offset.
func (d *document) endAt(offset int64) valueEnd {
	i := sort.Search(len(d.ends), func(i int) bool { return int64(d.ends[i].offset) >= offset })
	if i == len(d.ends) {
		return valueEnd{line: d.line}
	}
	return d.ends[i]
}

// errorf returns an error at a line.
func (d *document) errorf(line int, format string, args ...any) error {
	return &lineError{d.file, line, fmt.Sprintf(format, args...)}
}

// A docWriter writes the tree of an object as a document.
type docWriter struct {
	doc     *document
	aliased *int // values left of maxAliased, for the file
}

// write appends the JSON of n, which stands at path.
func (w *docWriter) write(n *yaml.Node, path string, depth int) error {
	if depth > maxDepth {
		return w.doc.errorf(n.Line, "nested deeper than %d levels", maxDepth)
	}
	line := n.Line
	n, err := w.resolve(n)
	if err != nil {
		return err
	}
	if _, ok := w.doc.lines[path]; !ok {
		w.doc.lines[path] = line
	}
	switch n.Kind {
	case yaml.MappingNode:
		err = w.mapping(n, path, depth)
	case yaml.SequenceNode:
		w.doc.json = append(w.doc.json, '[')
		for i, c := range n.Content {
			if i > 0 {
				w.doc.json = append(w.doc.json, ',')
			}
			if err = w.write(c, path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
				return err
			}
		}
		w.doc.json = append(w.doc.json, ']')
	default:
		err = w.scalar(n)
	}
	w.doc.ends = append(w.doc.ends, valueEnd{len(w.doc.json), line, path})
	return err
}

// resolve follows an alias. What it leads to counts each time that it is met.
func (w *docWriter) resolve(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind != yaml.AliasNode {
		return n, nil
	}
	if *w.aliased -= treeSize(n.Alias, *w.aliased); *w.aliased <= 0 {
		return nil, w.doc.errorf(n.Line, "aliases expand to more than %d values", maxAliased)
	}
	return n.Alias, nil
}

// treeSize counts the nodes of a tree without following aliases, up to limit.
func treeSize(n *yaml.Node, limit int) int {
	size := 1
	for _, c := range n.Content {
		if size > limit {
			break
		}
		size += treeSize(c, limit-size)
	}
	return size
}

func (w *docWriter) mapping(n *yaml.Node, path string, depth int) error {
	pairs, err := w.pairs(n, depth)
	if err != nil {
		return err
	}
	w.doc.json = append(w.doc.json, '{')
	for i, p := range pairs {
		if i > 0 {
			w.doc.json = append(w.doc.json, ',')
		}
		w.string(p.key)
		w.doc.json = append(w.doc.json, ':')
		sub := p.key
		if path != "" {
			sub = path + "." + p.key
		}
		if p.value.Kind != yaml.ScalarNode {
			// A list or mapping begins on the line of its key, to a reader.
			w.doc.lines[sub] = p.line
		}
		if err := w.write(p.value, sub, depth+1); err != nil {
			return err
		}
	}
	w.doc.json = append(w.doc.json, '}')
	return nil
}

type pair struct {
	key   string
	value *yaml.Node
	line  int
}

// pairs returns a mapping's keys and values, those that a merge key (<<)
// brings last and only where there is no other.
func (w *docWriter) pairs(n *yaml.Node, depth int) ([]pair, error) {
	if depth > maxDepth {
		return nil, w.doc.errorf(n.Line, "nested deeper than %d levels", maxDepth)
	}
	var out []pair
	var merged []*yaml.Node
	at := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := w.resolve(n.Content[i])
		if err != nil {
			return nil, err
		}
		if key.Kind != yaml.ScalarNode {
			return nil, w.doc.errorf(n.Content[i].Line, "a key must be a string")
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, n.Content[i+1])
			continue
		}
		if first, ok := at[key.Value]; ok {
			return nil, w.doc.errorf(n.Content[i].Line, "duplicate key %q (first in line %d)", key.Value, first)
		}
		at[key.Value] = n.Content[i].Line
		out = append(out, pair{key.Value, n.Content[i+1], n.Content[i].Line})
	}
	for _, m := range merged {
		more, err := w.merge(m, depth+1)
		if err != nil {
			return nil, err
		}
		for _, p := range more {
			if _, ok := at[p.key]; !ok {
				at[p.key] = p.line
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// merge returns the pairs that the value of a merge key stands for: a mapping,
// or a list of them of which the first goes before the others.
func (w *docWriter) merge(n *yaml.Node, depth int) ([]pair, error) {
	from, err := w.resolve(n)
	if err != nil {
		return nil, err
	}
	switch from.Kind {
	case yaml.MappingNode:
		return w.pairs(from, depth)
	case yaml.SequenceNode:
		var out []pair
		for _, c := range from.Content {
			if c, err = w.resolve(c); err != nil {
				return nil, err
			}
			if c.Kind != yaml.MappingNode {
				return nil, w.doc.errorf(n.Line, "a merge key (<<) needs a mapping, or a list of mappings")
			}
			more, err := w.pairs(c, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		return out, nil
	}
	return nil, w.doc.errorf(n.Line, "a merge key (<<) needs a mapping, or a list of mappings")
}

// scalar writes a single value by its YAML type. What JSON has no type for
// (dates, infinities, tags of one's own) stays the text that it is.
func (w *docWriter) scalar(n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		w.doc.json = append(w.doc.json, "null"...)
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			w.doc.json = strconv.AppendBool(w.doc.json, b)
			return nil
		}
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			w.doc.json = strconv.AppendInt(w.doc.json, i, 10)
			return nil
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			w.doc.json = strconv.AppendFloat(w.doc.json, f, 'f', -1, 64)
			return nil
		}
	}
	w.string(n.Value)
	return nil
}

func (w *docWriter) string(s string) {
	text, _ := json.Marshal(s) // a string always has a JSON form
	w.doc.json = append(w.doc.json, text...)
}
