// Command rollcall is an authoritative DNS server for Kubernetes that calls
// every pod by its name.
//
// # The journey of an event
//
// A pod becomes ready. The EndpointSlice controller writes it into a slice, and
// the API server sends the slice down a watch. Package watch trims the object to
// what DNS needs and hands it to the zone as an event (watch.Sink). The zone
// takes back the records that the slice's changed endpoints contributed, adds
// those that they contribute now, and makes a next trie of names that shares
// all but the changed branches with the last. One atomic store publishes it,
// and the next question sees it. Nothing in between caches.
//
// # The journey of a packet
//
// A goroutine of resolver/server reads it from a socket. internal/wire checks it
// once, in place: header, question, EDNS. resolver.Mux finds the server block by
// the longest zone that the name is in, and the block's chain of handlers
// serves it: metrics, errors, log and loadbalance look on, and
// resolver/kubernetes asks the zone's current snapshot. The snapshot finds the
// node by the hash of the name, and appends its records, which are in wire form
// already. The outcome gives the rcode, and the same goroutine writes the reply.
//
// internal/assemble wires all this from a Corefile. The commands are in the
// files of this folder that have their names, and rollcall run in runcommand.go.
package main
