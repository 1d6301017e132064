// Package metadata lets handlers tell of queries: the metadata directive and its
// handler.
//
// What is told is a text under a label, "handler/name", and belongs to one query.
// Handlers that log or rewrite read it; without metadata nobody notes anything.
// What can be known before a query is answered is noted by this package: the view
// that it is in, and what its name and its client mean to a cluster. The rest is
// noted by the handlers on its way (Query.Note).
//
// The handler stands before view, whose expressions read labels. What it tells of a
// query that turns out not to be in the view is forgotten (resolver.Mux).
package metadata
