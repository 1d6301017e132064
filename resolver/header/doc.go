// Package header sets and clears flags of the header: those of a query for the
// handlers behind it, and those of their replies.
//
// # Nouns
//
// Flags are bits to set and bits to clear. A Config has those of queries and those
// of replies.
//
// # Invariants
//
//   - Nothing is allocated, and no record is touched.
//   - A reply repeats RD as the query has it (RFC 1035 section 4.1.1), so that
//     changing RD of a query changes that of the reply.
//
// # What it does not do
//
// It does not change what a reply means: an answer without AA is the same answer.
package header
