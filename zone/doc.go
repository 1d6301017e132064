// Package zone builds the DNS zones that a set of Kubernetes objects means, and
// answers questions from them.
//
// # Nouns
//
// An Event is a fact: an object was put or removed, or all of a kind replaced.
// A Zone takes events in and holds the objects. Each object contributes records;
// the builder (records.go, endpoints.go) is a pure function from an object, and
// the few others that give it its meaning, to those. A Zone's content is the sum
// of all contributions: a record is answered as long as at least one object
// contributes it, however many do. So an event is taken in by adding what the
// objects it touches contribute now and taking back what they contributed
// before; what is the same cancels out.
//
// A node is what one name has: RRsets, in the form they take on the wire, and a
// count of the names beneath it. Nodes are found by the hash of their name in a
// persistent trie. A second one has the Pods by their addresses, for who asks what
// pod a client is. A Snapshot is both after one event.
//
// A Reason says why a name has no records of a type. It is found from the objects
// when it is asked for (explain.go), and nothing is kept for it.
//
// # Invariants
//
//   - The same objects give the same zones, whatever the order of events, the
//     serials excepted.
//   - A Snapshot never changes; taking one is one atomic load. An event, or a
//     Replace of a whole kind, shows at once or not at all.
//   - A node exists as long as it has a record or a name beneath it, so that an
//     empty non-terminal is NODATA (RFC 8020 section 2).
//   - No set has a record twice.
//   - A zone's serial moves if and only if its content does.
//   - An event costs what it touches: of an EndpointSlice, the endpoints that
//     changed; of an RRset, the chunks.
//
// # What it does not do
//
// It does no I/O, starts no goroutine and reads no clock. It imports no client
// of Kubernetes: package watch trims objects to the types here. It decides
// outcomes, and leaves rcodes and the header's flags to the resolver.
//
// The names follow the Kubernetes DNS-Based Service Discovery specification,
// version 1.1.0, called "the specification" in this package.
package zone
