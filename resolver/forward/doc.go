// Package forward is the forward directive: a handler that asks other servers, and
// relays what they say.
//
// # Nouns
//
// A Target is where a Corefile says to ask: an address, a file in the format of
// resolv.conf that lists some, or the name of a Service, which has some. An
// upstream is one server; there are as many as all targets name, each once. An
// exchange is one question put to one upstream, and a flight is what all queries
// share that ask the same at a time: one exchange after the other until an
// upstream has answered.
//
// # Invariants
//
//   - Of questions that are alike in all that an answer can depend on, one is under
//     way at a time (an attacker who guesses has one chance, and not as many as he
//     asks questions: CVE-2023-30464).
//   - A reply over UDP counts if it comes from the address and to the port that the
//     question went by, with its ID and its question octet for octet. What does not,
//     or is malformed, has no effect: the wait goes on (CVE-2023-28452). Each exchange
//     has a socket of its own, and its port and ID can't be guessed (RFC 5452).
//   - Only opcode QUERY goes out, with the client's RD, AD and CD, and an OPT record
//     of our own. What of EDNS concerns a single hop is not passed on, either way.
//   - An upstream is checked in the background while it is in doubt, and at no other
//     time. Every exchange and check has a deadline.
//   - After Close, nothing runs and nothing is open.
//
// # What it does not do
//
// It keeps no answers: that is the cache's. It does not look for loops. It does not
// validate DNSSEC: AD is what the upstream says, for those who ask for it.
package forward
