// Package hosts answers from a table of hosts: the hosts directive and its
// handler.
//
// The table is made of a file in the form of hosts(5) and of lines in the
// Corefile, in that order. It has the addresses of names (A, AAAA), and the names
// of addresses (PTR). A name that has an address of one family only is NODATA for
// the other, and for every other type. "*.example.com" stands for the names one
// label below example.com that have no line of their own.
//
// A name without an address is SERVFAIL unless it falls through, as in CoreDNS:
// there is no SOA record that a denial could carry, and so no zone to deny it.
//
// # Invariants
//
//   - A table does not change. Readers load one pointer; a changed file makes
//     another table. An answer is neither allocated nor locked for.
//   - A file that can't be read, or is no text, leaves the table as it is. A line
//     that says nothing is left out, and the others count. Both are logged with
//     the file and the line, once.
package hosts
