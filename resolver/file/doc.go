// Package file answers from zone files (RFC 1035 section 5): the file directive
// and its handler.
//
// A directive names a file and the zones that are read from it. What is read is a
// tree of names, held as a map from each name to its node: names between the apex
// and one that has records are nodes as well, so that an empty non-terminal is
// there to be found (RFC 4592 section 2.2.2). The answer to a question is decided
// by walking from the apex down to its name, as RFC 1034 section 4.3.2 says: past
// delegations and DNAME records, to the name, or to the wildcard below the
// closest encloser.
//
// # Invariants
//
//   - What was read does not change. Readers load one pointer for each zone; a
//     changed file makes another tree.
//   - A file that can't be read, or is no zone, leaves the zone as it is. It is
//     logged once, with the file and line. At the start it is an error, but for a
//     file that can't be opened and is looked for again: until it can, its zones
//     are SERVFAIL.
//   - Chains of CNAME and DNAME records are followed for maxChain steps at most.
//     A longer one, which a loop is, is SERVFAIL.
//
// # What it does not do
//
// Zones are not transferred, and not signed. The signatures and the NSEC records
// of a zone signed elsewhere are served; NSEC3 is refused, as in CoreDNS.
package file
