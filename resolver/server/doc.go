// Package server carries DNS messages over sockets: UDP (RFC 1035 section 4.2.1)
// and TCP (RFC 7766), on one address and port.
//
// A Server has one Responder. Packets are answered on the goroutine that read
// them, with memory that it reuses; those that take long are served again by
// another, with a Context that ends with the client's connection or the Server, and
// over UDP, replies to them that are ready at a time leave together. What a Server holds is bounded: connections in all and from one source,
// the time that one may idle, take over a message, or not read its replies, its
// memory, and the queries that take long. UDP is not affected by how TCP fares.
//
// It knows no zone and no handler.
package server
