// Package template answers with records that are written for each query, as
// templates of text/template say.
//
// # Nouns
//
// A Config is one template directive: the zones, class, type and regular
// expressions that say which queries it is for, and the templates of its records.
// Data is what those see of a query. A record is one resource record in the form
// of a zone file (RFC 1035 section 5.1).
//
// # Invariants
//
//   - A query that no directive's zone, class and type are for is passed on with
//     nothing allocated.
//   - Of the directives of a server block the first that is for a query and has an
//     expression that matches answers it. One that has none is SERVFAIL, unless it
//     falls through.
//   - What a client writes stays one name in a record's text: it is escaped, and
//     text can include no file.
//   - A CNAME that leads back to itself is SERVFAIL, and never a loop.
//
// # What it does not do
//
// It has no zone: there are no SOA or NS records and no empty non-terminals but
// those that templates make.
package template
