// Package rrl limits the rate of replies over UDP, so that the server is no use
// to those who ask in the name of a victim: the rrl directive and its handler.
//
// Replies that are alike have an account: those to one prefix of client addresses,
// of one class (positive, NODATA, NXDOMAIN, other errors), and about one thing. An
// account earns what its class allows each second, a reply costs one, and while
// the account is overdrawn, replies are dropped but for some that slip through
// truncated: who really asked comes again over TCP.
//
// TCP is not limited, nor are clients that showed a valid cookie: their addresses
// are their own. Packets that reach no handler (malformed ones, other opcodes) have
// no account.
//
// Accounts are in a table of a fixed size, made once, with a lock for each small
// part. The time is that at which a query was received.
package rrl
