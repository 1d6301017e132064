// Package whoami tells a client how its query came: the whoami directive and its
// handler.
//
// The reply to every question has no answer. Its additional section has the
// address that the query came from, as an A or AAAA record, and the port and
// transport, as an SRV record of _udp or _tcp below the name. A NAT or a
// forwarder on the way shows there.
package whoami
