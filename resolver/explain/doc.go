// Package explain is the explain directive: it says that negative answers of the
// cluster's zones tell why, in an Extended DNS Error (RFC 8914), to clients that
// speak EDNS.
//
// The handler that answers from the zones finds the reason (zone.Zone.Explain); the
// cause behind it, in objects that the server does not read, is what the command
// rollcall explain finds (watch/explain).
package explain
