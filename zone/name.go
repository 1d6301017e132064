package zone

import (
	"net/netip"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Name is an absolute, lower-case domain name in uncompressed wire form. Text
// becomes one by ParseName, at the edge.
type Name = wire.Name

// ParseName turns a domain name's presentation form (RFC 1035 section 5.1) into
// a Name; a final dot may be missing.
func ParseName(text string) (Name, error) { return wire.ParseName(text) }

// ReverseName returns the name in in-addr.arpa or ip6.arpa that has addr's PTR
// records.
func ReverseName(addr netip.Addr) Name { return wire.ReverseName(addr) }
