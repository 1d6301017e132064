// Package timeouts holds the configuration of the timeouts directive: for how
// long a TCP connection may idle, take over a message, and not take its replies.
//
// It is of sockets, and not of server blocks: those that listen on one address
// must say the same, or nothing.
package timeouts
