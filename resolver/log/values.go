package log

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// Values are what placeholders stand for: a query and its reply.
type Values struct {
	Remote netip.AddrPort // the client
	Local  netip.Addr     // the server; "-" if invalid
	Proto  string         // "udp" or "tcp"

	ID          uint16
	Opcode      uint8
	Name        []byte // as asked, in presentation form with trailing dot
	Type, Class uint16
	Size        int    // of the query in bytes
	DO          bool   // DNSSEC OK (RFC 3225)
	BufSize     uint16 // how much the client takes over UDP, at least 512; 65535 over TCP

	// Labels are what handlers told, by "handler/name".
	Labels map[string]string

	// NoReply is for a query that got none. The fields below do not count then.
	NoReply     bool
	Rcode       uint16 // with the upper bits of EDNS (RFC 6891 section 6.1.3)
	Flags       uint16 // the header's second two bytes
	ReplySize   int    // in bytes
	AnswerClass Classes
	AnswerType  string // "NOERROR", "NXDOMAIN", "NODATA", …, for {/log/type}

	Duration time.Duration
}

// flagNames are the header's flags, first to last (RFC 1035 section 4.1.1, RFC
// 2535 section 6.1).
var flagNames = [...]struct {
	bit  uint16
	name string
}{
	{1 << 15, "qr"}, {1 << 10, "aa"}, {1 << 9, "tc"}, {1 << 8, "rd"},
	{1 << 7, "ra"}, {1 << 6, "z"}, {1 << 5, "ad"}, {1 << 4, "cd"},
}

// appendFlags appends the names of those flags that are set, as "qr,aa,rd".
func appendFlags(dst []byte, flags uint16) []byte {
	start := len(dst)
	for _, f := range flagNames {
		if flags&f.bit == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, f.name...)
	}
	return dst
}

// appendAddr appends an address, in brackets for IPv6 as in a URL (RFC 3986
// section 3.2.2), so that a port can follow.
func appendAddr(dst []byte, a netip.Addr) []byte {
	switch {
	case !a.IsValid():
		return append(dst, '-')
	case a.Unmap().Is4():
		return a.Unmap().AppendTo(dst)
	}
	return append(a.AppendTo(append(dst, '[')), ']')
}

// appendCode appends a type's or class' name, in the form of RFC 3597 section 5
// if it has none.
func appendCode(dst []byte, code uint16, names map[uint16]string, prefix string) []byte {
	if name, ok := names[code]; ok {
		return append(dst, name...)
	}
	return appendUint(append(dst, prefix...), uint64(code))
}

// appendRcode appends an rcode's name, and its number if it has none.
func appendRcode(dst []byte, rcode uint16) []byte {
	if name, ok := dns.RcodeToString[int(rcode)]; ok {
		return append(dst, name...)
	}
	return appendUint(dst, uint64(rcode))
}

// appendUint appends a number.
func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }
