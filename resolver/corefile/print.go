package corefile

import "strings"

// String returns the file as canonical Corefile text: everything imported in
// its place, keys with their port, four spaces for each level. Parsing it
// gives the same file but for positions.
func (f *File) String() string {
	var text []byte
	for i, b := range f.Blocks {
		if i > 0 {
			text = append(text, '\n')
		}
		for _, k := range b.Keys {
			text = appendWord(text, k.String())
			text = append(text, ' ')
		}
		text = append(text, "{\n"...)
		text = appendBody(text, b.Directives, 1)
		text = append(text, "}\n"...)
	}
	return string(text)
}

// appendBody appends directives, one a line, at a level of indentation.
func appendBody(dst []byte, directives []Directive, level int) []byte {
	indent := strings.Repeat("    ", level)
	for _, d := range directives {
		dst = append(dst, indent...)
		dst = appendWord(dst, d.Name)
		for _, arg := range d.Args {
			dst = append(dst, ' ')
			dst = appendWord(dst, arg)
		}
		if len(d.Body) > 0 {
			dst = append(dst, " {\n"...)
			dst = appendBody(dst, d.Body, level+1)
			dst = append(dst, indent...)
			dst = append(dst, '}')
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendWord appends one word, in quotes where it needs them.
func appendWord(dst []byte, s string) []byte {
	if !mustQuote(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(s, `"`, `\"`)...)
	return append(dst, '"')
}
