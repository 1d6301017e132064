// Package resolver decides what a question gets. A packet comes in through a
// transport (resolver/server), is checked once (Parse), and goes through the
// chain of handlers of the server block whose zone it is in; the zones of the
// cluster are one handler among them (resolver/kubernetes).
//
// # Nouns
//
// A Query is a view of a received packet. A Handler serves queries; it appends
// to a Reply and returns an Outcome. A chain is a handler that holds the next
// one. A Mux is the handler that chooses among server blocks. A Responder turns
// a packet into a packet: it is what a transport calls, and the one place where
// an Outcome becomes an rcode and the header's flags.
//
// # Invariants
//
//   - Every packet that may be answered is, whatever the handlers do: a panic is
//     SERVFAIL.
//   - NOERROR, NXDOMAIN, SERVFAIL and REFUSED follow from an Outcome, and never
//     from an error that is nil or not.
//   - A chain is built once and then only read. Handlers are safe for concurrent
//     use; a Query and its Reply belong to one goroutine.
//   - What the authority answers is neither allocated nor locked for.
//   - Questions are of class IN. Those of class CH reach a handler only where a
//     server block has chaos, and there no handler behind it.
//   - Options of the transport, cookies and keepalive, are the Responder's. What
//     a handler says of the reply as a whole (its size, NSID, no additional
//     records) it says before it passes the query on, as room must be kept for it.
//
// # What it does not do
//
// It imports no client of Kubernetes and knows no manifest. It does not open
// sockets: the server does.
package resolver
