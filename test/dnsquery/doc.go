// Package dnsquery asks a DNS server questions with programs that other people
// wrote: dig, and the resolver of Go's standard library.
//
// Dig gives the whole message: the response code, the flags, and each section as
// lines of a master file, normalised (one blank between fields, sorted, the class
// left out) so that they compare with ==.
//
// Stub sends names through a search path as a pod's resolver does. Go reads that
// path from /etc/resolv.conf and from nowhere else, so the lookup runs in a
// second process of the test binary, which has a mount namespace of its own with
// the wanted file bound over that path. Nothing is to be cleaned up: the mount
// goes with the process. A test binary that uses Stub calls Child first thing in
// its TestMain.
package dnsquery
