// Package dnstest is what the tests of several packages share: a zone with one
// Service of each kind, questions asked of a handler or over sockets, and a
// check that nothing is left running. No product code imports it.
//
// A fixture is small enough to be known by heart: see Objects. Helpers take a
// testing.TB, and end the test where something fails that is not its subject.
package dnstest
