package acl

import (
	"net/netip"
	"slices"
)

// networks is a set of networks, in order, none within another.
type networks []netip.Prefix

// newNetworks returns the set of masked networks.
func newNetworks(nets []netip.Prefix) networks {
	sorted := slices.Clone(nets)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out networks
	for _, n := range sorted {
		// What n is within begins before it, or where it does: it is the last of out,
		// as what is between them would be within that too.
		if last := len(out) - 1; last < 0 || !out[last].Contains(n.Addr()) {
			out = append(out, n)
		}
	}
	return out
}

// contain reports whether one of the networks has the address, which must have no
// zone. It takes as many steps as the logarithm of their number.
func (n networks) contain(addr netip.Addr) bool {
	i, found := slices.BinarySearchFunc(n, addr, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	if found {
		return true
	}
	return i > 0 && n[i-1].Contains(addr)
}
