// Package multisocket holds the configuration of the multisocket directive: how
// many readers of UDP packets an address has, on Linux each with a socket of its
// own among which the kernel shares the clients out (SO_REUSEPORT).
//
// It is of sockets, and not of server blocks: those that listen on one address
// must say the same, or nothing. Connections are not counted: each is served by
// itself.
package multisocket
