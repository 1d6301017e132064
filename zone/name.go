package zone

import (
	"errors"
	"net/netip"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Name is an absolute, lower-case domain name in uncompressed wire form. Text
// becomes one by ParseName, at the edge.
type Name = wire.Name

// ParseName turns a domain name's presentation form (RFC 1035 section 5.1) into
// a Name; a final dot may be missing.
func ParseName(text string) (Name, error) { return wire.ParseName(text) }

// ParseNames turns several into Names. All that is wrong is returned, joined.
func ParseNames(texts []string) (names []Name, err error) {
	var errs []error
	for _, text := range texts {
		name, err := ParseName(text)
		if err == nil {
			names = append(names, name)
		}
		errs = append(errs, err)
	}
	return names, errors.Join(errs...)
}

// Longest returns the longest of some zones that a name, in the form of a Name, is in;
// "" for none.
func Longest(zones []Name, name []byte) (longest Name) {
	for _, z := range zones {
		if len(z) > len(longest) && wire.IsBelow(name, z) {
			longest = z
		}
	}
	return longest
}

// ReverseName returns the name in in-addr.arpa or ip6.arpa that has addr's PTR
// records.
func ReverseName(addr netip.Addr) Name { return wire.ReverseName(addr) }
