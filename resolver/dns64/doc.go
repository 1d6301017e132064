// Package dns64 makes AAAA records of A records, for clients that have IPv6 alone
// and a NAT64 (RFC 6147): the dns64 directive and its handler.
//
// The handler looks at what those behind it say of a question for AAAA records.
// Where they have none, it asks them for A records of the same name, and puts each
// address into the prefix (RFC 6052). The others of a reply's records stay.
//
// # Invariants
//
//   - A name that does not exist stays so, as does a question that can't be
//     answered now: what is not known is not denied.
//   - A client that asks for signatures and checks them itself (DO and CD) gets
//     what there is, unchanged (RFC 6147 section 5.5).
//   - Questions for other types, and by default those of clients over IPv4, pass
//     as if the handler were not there.
//
// # What it does not do
//
// It makes no PTR records, and knows one prefix.
package dns64
