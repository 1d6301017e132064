// Package peers finds the peers of a program by DNS, and follows them: the pods
// of a StatefulSet by the name of its headless Service, or whoever else is
// listed at a name. It works with any DNS server, and compiles the standard
// library and github.com/miekg/dns alone.
//
// # Nouns
//
// A Peer has a name, and the addresses and the port that DNS gives it. A Set is
// all peers that a name has at a time. An Update is a Set with what has changed
// since the Update before it. Watch gives Updates, and Lookup one Set.
//
// # What is asked
//
// SRV first: at _port._proto.name if Options.Port names a port, else at the name
// itself, as servers of Kubernetes answer. Peers are the targets (RFC 2782). Their
// addresses are those in the additional section, else they are asked for. Where
// a name exists and has no SRV, as that of a Service without ports, peers are its
// A and AAAA records, and are called by their PTR records: one below the
// name looked up before others, then the first in the alphabet. An address
// without PTR is called by its text. Where a port is named, it must exist: there
// is no falling back to records without a port.
//
// A name with a final dot is taken as it is, others go through a search path as
// resolv.conf(5) has it, with two differences. The first name of the path that
// has peers is the only one asked for from then on, until it has lost them all: a
// watch never jumps to another Service because a server failed. And a name
// of one label is not asked of the root.
//
// Queries have EDNS (RFC 6891), IDs and ports that can't be guessed (RFC 5452), and
// go to the servers in turn, beginning with the one that answered last. A
// truncated reply is asked for again by TCP (RFC 7766), and so is one that seems to
// lack addresses for want of room.
//
// # Invariants
//
//   - A failure changes no set. After SERVFAIL, REFUSED, a timeout or whatever else is
//     no answer, from all servers, the set stays as it was and is marked stale.
//   - An answer is taken whole. Where one of the queries that make a set fails, so
//     does the look-up.
//   - An empty answer (NXDOMAIN, NODATA) is an answer. But a DNS server that has just
//     started may say so of every name, so it takes the place of a set with
//     peers only after having been given for Options.EmptyAfter without a break. Until
//     then the set is kept, and is stale, with ErrEmpty. A server that has half
//     of its data can't be told from one where half of the peers are gone: that
//     is not damped.
//   - Sets are sorted by name, and names are normalised: lower-case, without
//     final dot, and host names (letters, digits, hyphens, underscores). A target that
//     is none is left out, and the others stay. Addresses are sorted and unique.
//   - Before the first answer there is no Update, rather than an empty set.
//   - An Update comes at the latest Options.Interval, and the time of a look-up, after
//     the server knows. It may come sooner: programs must not count on the pace.
//   - When the context ends, or the loop is left, nothing runs and nothing is open.
//
// # What it does not do
//
// It keeps no connections to peers, does not check whether they are alive, and
// validates no DNSSEC. Priorities and weights of SRV are of no concern: all peers are
// wanted. resolv.conf is read once, at the start.
package peers
