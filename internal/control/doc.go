// Package control is the HTTP API of -control: what tests in any language change of a
// running server, and what they look at. docs/control.openapi.yaml describes it, and
// tests hold the two together.
//
// A [Server] listens on a Unix socket that its owner alone may use, or on a loopback
// address. Whoever reaches it may change every answer: it has no passwords, and so it
// is off unless asked for, refuses other addresses, and refuses what a web browser on
// the machine might be talked into sending (see guard.go).
//
// A verb has replied once it is done, and the next question sees it.
package control
