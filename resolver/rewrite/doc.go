// Package rewrite asks the handlers behind it another question than the client's,
// and turns their reply back into one to the client's, as rules say.
//
// # Nouns
//
// A Config is one rewrite directive: one rule. A rule looks at a question and, if
// it matches, changes it: its name, type, class or EDNS options. Rules of one
// server block are tried in the order written, each with the question as the one
// before left it; one that matches is the last, unless it says continue. A reviser
// is what a matching rule wants done to the reply. Revisers work in the opposite
// order: the last rule's first.
//
// Names are matched as text, in lower case and with the final dot, escaped as
// miekg/dns does: what regular expressions of existing Corefiles were written for.
//
// # Invariants
//
//   - A query that no rule changes, and whose reply none revises, goes on with its
//     own Reply: nothing is allocated for it.
//   - The client gets back its own question, letter by letter, and AA, RA and the
//     outcome are those of the reply that was revised.
//   - A name that would not be one, or an answer that leads back to itself, is
//     SERVFAIL, and never a loop.
//   - Other handlers' Later and Dropped go through untouched.
//
// # What it does not do
//
// A question whose name another server block is for stays in its own. Signatures
// of revised records are not made anew; AD is cleared where names changed.
package rewrite
