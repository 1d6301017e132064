// Package local answers for what every machine calls its own, so that it is not
// asked of others: the local directive and its handler.
//
// The names localhost, all names below it (RFC 6761 section 6.3), and
// localhost.<any name>, which a search list makes of localhost, have the addresses
// 127.0.0.1 and ::1. These two have the name localhost. What else is in
// 0.in-addr.arpa, 127.in-addr.arpa and 255.in-addr.arpa (RFC 6303 section 4.2) does
// not exist.
package local
