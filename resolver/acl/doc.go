// Package acl says who may ask what: the acl directive and its handler.
//
// A Rule is a directive: its zones, and what to do with queries for their names.
// An action that matches is that of a client's network and a query's type. Rules
// are looked at in order, and of each the first action that matches counts: allow
// passes the query on without a look at further rules, block, filter and drop
// answer it. A query that nothing matches is passed on.
//
// # Invariants
//
//   - The handler stands before all those that answer and behind those that rewrite
//     a question, so that the name judged is the name answered. Questions that
//     handlers ask on the way to an answer begin at the head of the chain, and are
//     judged as their client's own (CVE-2026-26017).
//   - A client without an address is blocked wherever a rule applies.
//   - Judging a query allocates nothing. Rules and actions are few, and are walked;
//     the networks of an action may be many thousands, and are searched in halves.
package acl
