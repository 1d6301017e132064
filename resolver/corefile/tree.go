package corefile

import (
	"fmt"
	"slices"
)

// File is a parsed Corefile, imports and snippets expanded and environment
// references replaced.
type File struct {
	Name   string // as given to Parse
	Blocks []Block
}

// Block is a server block.
type Block struct {
	Keys       []Key       // at least one
	Directives []Directive // in the order written
	Pos        Pos         // of the first key
}

// Zones returns the zones of all the block's keys, each once, in the order
// written. It is the default for directives that take zones, such as kubernetes.
func (b Block) Zones() []string {
	var zones []string
	for _, k := range b.Keys {
		for _, z := range k.Zones {
			if !slices.Contains(zones, z) { // on another port
				zones = append(zones, z)
			}
		}
	}
	return zones
}

// Find returns the block's directives of that name, in the order written.
func (b Block) Find(name string) []Directive {
	var found []Directive
	for _, d := range b.Directives {
		if d.Name == name {
			found = append(found, d)
		}
	}
	return found
}

// Directive is one line of a server block, or of another directive's body.
type Directive struct {
	Name string
	Args []string
	Body []Directive // nil also for braces with nothing in them
	Pos  Pos         // of the name
}

// Errorf returns an error at the directive's position that starts with its
// name. The format may use %w.
func (d Directive) Errorf(format string, args ...any) error {
	return d.Pos.Errorf("%s: %w", d.Name, fmt.Errorf(format, args...))
}

// Pos is where something stands.
type Pos struct {
	// File is the name given to Parse, or the path of an imported file,
	// relative as the import was.
	File string
	Line int // from 1; 0 for what was not read from lines
}

// String returns the position as "Corefile:12".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Errorf returns an [*Error] at the position. The format may use %w.
func (p Pos) Errorf(format string, args ...any) error {
	return &Error{Pos: p, Err: fmt.Errorf(format, args...)}
}

// Error is something wrong at a position of a Corefile.
type Error struct {
	Pos Pos
	Err error
}

// Error returns the error as "Corefile:12: what is wrong".
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Err.Error() }

// Unwrap returns the error without its position.
func (e *Error) Unwrap() error { return e.Err }
