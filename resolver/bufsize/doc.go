// Package bufsize bounds replies over UDP: the bufsize directive and its handler.
//
// A reply over UDP is never longer than the client takes, nor than the bound,
// which is 1232 octets where no directive says otherwise: that much crosses any
// IPv6 path without fragments. Clients without EDNS get 512 (RFC 1035 section
// 4.2.1), and streams know no bound.
package bufsize
