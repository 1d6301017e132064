// Package server carries DNS messages over sockets: UDP (RFC 1035 section 4.2.1)
// and TCP (RFC 7766), on one address and port.
//
// A Server has one Responder. Packets are answered on the goroutine that read
// them, with memory that it reuses. What a Server holds is bounded: connections
// in all and from one source, the time that one may idle, take over a message,
// or not read its replies. UDP is not affected by how TCP fares.
//
// It knows no zone and no handler.
package server
