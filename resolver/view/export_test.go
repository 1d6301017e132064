package view

import "github.com/rollcall-dns/rollcall/resolver"

// Evaluation returns a function that evaluates an expression for q, with memory of
// its own: the handler's is in a pool, of which the race detector has it drop some.
func Evaluation(x *Expression, q *resolver.Query) func() (bool, error) {
	e := newEvaluator()
	return func() (bool, error) { return e.evaluate(x, q) }
}
