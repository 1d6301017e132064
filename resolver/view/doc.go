// Package view lets a server block have some of the queries for its zones and not
// others: the view directive and its handler.
//
// # Nouns
//
// A view is a name and expressions, in the language of github.com/expr-lang/expr,
// over what is known of a query before it is answered. A query that every
// expression is true of is in the view. An evaluator is the memory of one
// evaluation.
//
// # Invariants
//
//   - Each expression is compiled when the Corefile is read. One that can't be
//     compiled, that can only give something else than true or false, or that has a
//     constant network which is none, is an error with its place.
//   - One that fails as it is evaluated is not true. The log says so, once a minute
//     at most for each expression.
//   - What is compiled is only read. Evaluators belong to one goroutine at a time.
//   - A query that is not in the view leaves no trace: the outcome is
//     resolver.Elsewhere, and the Mux asks the next server block.
//
// # What it does not do
//
// It does not choose among server blocks, which is for resolver.Mux, nor does it
// note the label view/name, which is for resolver/metadata.
package view
