package view

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// maxText bounds the text of an expression in bytes, and with it how deep the
// library's parser recurses.
const maxText = 64 << 10

// Expression is a compiled expression. It does not change.
type Expression struct {
	text     string
	pos      corefile.Pos
	program  *vm.Program
	networks []*net.IPNet // of clientIn
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.text }

// compile compiles text.
func compile(text string) (*Expression, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("has %d bytes, at most %d are allowed", len(text), maxText)
	}
	e := &Expression{text: text}
	constants := networks{expression: e}
	program, err := expr.Compile(text,
		expr.Env(newEvaluator().functions),
		expr.DisableBuiltin("type"), // in its place is that of the question
		expr.Patch(&constants),
		expr.AsBool(),
	)
	if err == nil {
		err = constants.err
	}
	if err != nil {
		return nil, e.explain(err)
	}
	e.program = program
	return e, nil
}

// networks is a visitor of an expression that is being compiled. It reads the
// networks that are constants, so that one which is none is found before it is
// needed; and where they are of the client's address, which is what most views are
// made of, it has them read for good, by clientIn.
type networks struct {
	expression *Expression
	err        error // the first
}

// Visit implements ast.Visitor.
func (n *networks) Visit(node *ast.Node) {
	args, ok := argsOf(*node, "incidr")
	if !ok || len(args) != 2 {
		return
	}
	text, ok := args[1].(*ast.StringNode)
	if !ok {
		return
	}
	network, err := parseNetwork(text.Value)
	if err != nil {
		if n.err == nil {
			n.err = &file.Error{Location: text.Location(), Message: err.Error()}
		}
		return
	}
	if none, ok := argsOf(args[0], "client_ip"); ok && len(none) == 0 {
		index := &ast.IntegerNode{Value: len(n.expression.networks)}
		n.expression.networks = append(n.expression.networks, network)
		ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: clientIn}, Arguments: []ast.Node{index}})
	}
}

// argsOf returns the arguments of a call of a function; false if node is none.
func argsOf(node ast.Node, function string) ([]ast.Node, bool) {
	call, ok := node.(*ast.CallNode)
	if !ok {
		return nil, false
	}
	callee, ok := call.Callee.(*ast.IdentifierNode)
	return call.Arguments, ok && callee.Value == function
}

// explain says in one line what the library says in several: what is wrong, and
// where.
func (e *Expression) explain(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		first, _, _ := strings.Cut(err.Error(), "\n") // of a panic that the library caught
		return errors.New(first)
	}
	// The message may quote the text, line breaks included.
	what := strings.TrimSpace(strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(at.Message))
	if what == "unexpected token EOF" {
		return errors.New("the expression ends too early") // the place would be some last letter
	}
	const most = 40 // runes
	where := []rune(e.text)
	where = where[min(at.From, len(where)):]
	if len(where) > most {
		where = append(where[:most], []rune("...")...)
	}
	return fmt.Errorf("%s, at %q", what, string(where))
}
