// Package log logs queries: which names, which classes of answers, and in what
// form, as the log directive says.
//
// A [Rule] is one name of a directive with what goes for it; the first rule
// whose zone a query is in decides. A [Format] is a line's text with
// placeholders, split once when the Corefile is read, so that rendering only
// appends: it allocates nothing but the room it needs.
package log
