// Package debug is the debug directive: it says that messages for debugging are to
// be logged, by the whole process.
//
// Unlike CoreDNS's it ends no process: a panic in a handler is SERVFAIL and a line
// in the log, here as without it.
package debug
