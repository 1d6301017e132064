// Package assemble makes a running server of a Corefile: it knows every plugin
// by its name, turns directives into typed configurations (Load), and wires
// sources, zones, chains of handlers, listeners and endpoints into a process
// with a life cycle (Run).
//
//	Load   text → Plan: everything that can be wrong without the outside world
//	Run    Plan → sources started → first sync or startup_timeout → sockets
//	       open → serving → context done → lameduck → drained → closed
//
// Most of a Corefile is of server blocks: each becomes a chain. Some is of what
// blocks share, the sockets (timeouts, multisocket) and the process (cookies): one
// block may speak for all, and those that speak must agree.
//
// It holds no logic of its own beyond that order: what a name means is in zone,
// where objects come from in watch, what a question gets in resolver.
package assemble
