// Package differ holds Rollcall against another implementation of the same
// specification: CoreDNS. Both watch one API server with a world of a few hundred
// Services of every kind in it, and get the same 13,000 questions. Replies are
// compared whole: response code, flags, the records of each section with their
// TTLs; only the order within a section does not count.
//
// Every difference has to be one that is meant to be. Those are the classes, and
// each is narrow: a function that makes exactly its own difference go away, given
// what the world holds and what CoreDNS says of other types and names. It never
// takes Rollcall's records for right. A pair of replies that still differs after all of them
// fails the test, and so does a class that nothing in the world shows any more.
// The classes are also what docs/differences.md lists.
package differ
