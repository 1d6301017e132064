// Package pprof publishes profiles of the process over HTTP: the pprof directive
// and its endpoint, /debug/pprof/, which `go tool pprof` reads.
//
// Profiles tell a lot about the process, and taking them costs it time. The
// endpoint is on loopback unless told otherwise.
//
// Importing net/http/pprof also registers its handlers with the default ServeMux
// of net/http, which nothing here serves.
package pprof
