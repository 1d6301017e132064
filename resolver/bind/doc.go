// Package bind holds the configuration of the bind directive: on which
// addresses a server block listens, named by address or by network interface.
//
// Names become addresses when the server starts ([Config.Addrs]), as
// interfaces get theirs at run time. The package opens no sockets.
package bind
