// Package loop finds out whether forwarding leads back to where it began: the
// loop directive and its handler.
//
// A Handler is asked a question that nobody else can know: two random labels
// below its zone, type HINFO. A probe is that question, asked by [Handler.Probe]
// of the server's own address. It comes by the handler once. If it comes by more
// than twice, what is forwarded comes back.
//
// While there is a loop, every query that gets as far as the handler is SERVFAIL
// at once, and none goes round. Probes alone still pass, so that the end of the
// loop is seen as its beginning was.
//
// # Invariants
//
//   - No packet ends the process (CVE-2026-26018), nor puts the handler into
//     another state: Probe does that, by what its own question came to. A question
//     has a new name each time, of 128 random bits, and the handler forgets it
//     before the next.
//   - A query that is no probe costs a comparison of its type.
package loop
