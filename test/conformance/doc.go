// Package conformance asks a DNS server what the RFCs have an answer to, as bytes
// on a socket, and looks at the bytes that come back.
//
// A row is one behaviour: its number, a title, the clause that asks for it, and
// either a query with what its reply must be, or a conversation with a server.
// The queries are composed of parts (see builder), the replies are taken apart by
// code that shares nothing with Rollcall's, and every reply, whatever the row, is
// checked for what must always hold (see exchange.sound).
//
// The rows run against three kinds of servers:
//
//	go test ./conformance                                   # Rollcall, over testdata
//	go test ./conformance -args -server 127.0.0.1:53        # any server
//	go test ./conformance -args -update                     # all; writes docs/conformance.md
//
// Any server is expected to serve testdata's records, as `rollcall zone -conf
// testdata/Corefile` prints them from this folder; with -zone, those of another
// zone than cluster.local, to which testdata's ExternalNames must then lead too.
//
// A behaviour that is optional by its RFC is "not applicable" to a server that
// does not offer it; Rollcall has to have it. A row that Rollcall fails for a
// reason known beforehand is marked pending, and the mark must go as soon as the
// row passes.
//
// Not here, since it does not show on the wire of a server that is asked from
// outside: what becomes of packets with source port 0, or from the server's own
// address and port (their replies have nowhere to go), the path MTU options of
// sockets, and answers that come out of order (nothing that an authority is asked
// is slow). Package resolver/server has tests of its own for those.
package conformance
