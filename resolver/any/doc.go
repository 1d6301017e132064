// Package any answers questions of type ANY with one small record: the any
// directive and its handler (RFC 8482 section 4.2).
//
// Every name of the server block is answered so, whether it exists or not: what
// is behind the handler is not asked. Therefore the answer is not authoritative.
package any
