// Package erratic answers badly, so that clients can be tested: the erratic
// directive and its handler.
//
// A is answered 192.0.2.53 and AAAA 2001:db8::53, addresses for documentation (RFC
// 5737 and RFC 3849), at every name; other types are SERVFAIL. One query in so many
// is dropped, or delayed, or has TC set. Queries are counted from the start of the
// handler, the first one being among those.
package erratic
