// Package peers runs other DNS servers, to compare with.
//
// CoreDNS, which answers for Kubernetes as Rollcall does, is built from its Go
// module. Knot DNS, NSD and BIND are authoritative servers that know nothing of
// Kubernetes: they are Debian's packages, and serve the records that `rollcall
// zone` prints, which ZoneFiles cuts into the files that they read. Unbound, another
// of Debian's, is a resolver: it asks authoritative servers (Recursive), or forwards
// to one (Unbound), and keeps what they say.
//
// A package is never installed: Debian unpacks it, and what it needs that the
// machine lacks, into the cache folder, so that no maintainer script runs and no
// daemon starts. Every server listens on one port of 127.0.0.1 for UDP and TCP
// (Unbound on another for TLS), runs as whoever runs the test, keeps its files in a
// folder that the caller gives, and ends with the test (see package process).
// Response-rate limiting is off, since the load here comes from one address.
package peers
