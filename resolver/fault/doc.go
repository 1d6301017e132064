// Package fault spoils answers on purpose, so that clients can be tested: by
// name and type, and the same way each time.
//
// A [Fault] says which questions it is for, which of those it happens to, and what
// is done to them. A [Table] has the faults of a server, in the order that they were
// set; [Table.Handler] does them, before whatever answers.
//
// # Invariants
//
//   - Which questions a fault happens to follows from the Table's seed and the
//     order that they come in: of each fault alone, so that another name's
//     questions change nothing.
//   - A question has the faults that are for it in the order they were set, each
//     delay for itself. The first that gives a reply, or none, is the last.
//   - What handlers ask on the way to an answer has no faults: a name is spoiled
//     for those who ask for it.
//   - Without a fault for a question it is passed on as if nothing stood here.
//
// It is no directive of the Corefile: what erratic does there is for all questions
// alike.
package fault
