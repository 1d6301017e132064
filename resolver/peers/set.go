package peers

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Peer is one peer.
type Peer struct {
	// Name is lower-case and without final dot, such as
	// web-0.nginx.default.svc.cluster.local. Where an address has no name, it is
	// its text.
	Name string `json:"name"`
	// Addresses are sorted and unique, IPv4 before IPv6. There are none while the
	// name has no record of an address.
	Addresses []netip.Addr `json:"addresses"`
	// Port is 0 where no SRV record names one, and where several are named and
	// Options.Port says nothing.
	Port uint16 `json:"port,omitempty"`
}

// HostPorts returns address:port of each address, as net.Dial takes them.
func (p Peer) HostPorts() []string {
	all := make([]string, len(p.Addresses))
	for i, a := range p.Addresses {
		all[i] = joinPort(a.String(), p.Port)
	}
	return all
}

// equal reports whether nothing about the peer is different.
func (p Peer) equal(q Peer) bool {
	return p.Name == q.Name && p.Port == q.Port && slices.Equal(p.Addresses, q.Addresses)
}

// Set is all peers that a name has. It belongs to who gets it, but for the peers'
// addresses, which are shared and must not be written.
type Set struct {
	// Name is the full name that was found on the search path, without final dot;
	// empty while none has peers.
	Name string
	// Peers are sorted by name, and have different names.
	Peers []Peer
	// Self is the name of the peer that is this process, whether it is among Peers
	// or left out of them (Options.ExcludeSelf). Empty if it has none.
	Self string
	// AsOf is when the answer was asked for that the peers are from.
	AsOf time.Time
	// Err is why the peers are not from the last look-up. The set is stale if it
	// is not nil. It wraps ErrEmpty where an empty answer is not yet believed.
	Err error
}

// Stale reports whether the last look-up failed, so that the peers are those of
// an earlier one.
func (s Set) Stale() bool { return s.Err != nil }

// Names returns the peers' names, in order.
func (s Set) Names() []string {
	names := make([]string, len(s.Peers))
	for i, p := range s.Peers {
		names[i] = p.Name
	}
	return names
}

// Len returns how many peers there are with this process itself, whether or not
// it is left out of Peers.
func (s Set) Len() int {
	_, listed := slices.BinarySearchFunc(s.Peers, s.Self, func(p Peer, name string) int { return cmp.Compare(p.Name, name) })
	if s.Self == "" || listed {
		return len(s.Peers)
	}
	return len(s.Peers) + 1
}

// Change is what is different between two sets. Each list is sorted by name, and
// every peer of the later set is in one of Added, Changed and Unchanged.
type Change struct {
	Added     []Peer
	Removed   []Peer // as they were last
	Changed   []Peer // the same name with other addresses or another port, as they are now
	Unchanged []Peer
}

// Any reports whether anything is different.
func (c Change) Any() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) > 0 }

// Compare returns what is different in s from an earlier set.
func (s Set) Compare(earlier Set) (c Change) {
	old, now := earlier.Peers, s.Peers
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].Name < now[0].Name:
			c.Removed, old = append(c.Removed, old[0]), old[1:]
			continue
		case len(old) == 0 || now[0].Name < old[0].Name:
			c.Added, now = append(c.Added, now[0]), now[1:]
			continue
		case now[0].equal(old[0]):
			c.Unchanged = append(c.Unchanged, now[0])
		default:
			c.Changed = append(c.Changed, now[0])
		}
		old, now = old[1:], now[1:]
	}
	return c
}

// Update is a set, and what has changed since the last. Nothing has where only the
// set's being stale is news.
type Update struct {
	Set
	Change
}

// findSelf returns which of the peers is this process, or "": a peer whose name
// is one of selves below the name looked up, else one with an address of them.
// The name counts first since pods in the network of their host share addresses.
func findSelf(peers []Peer, full string, selves []string) string {
	for _, self := range selves {
		for _, p := range peers {
			if p.Name == strings.ToLower(self)+"."+full {
				return p.Name
			}
		}
	}
	for _, self := range selves {
		addr, err := netip.ParseAddr(self)
		if err != nil {
			continue
		}
		for _, p := range peers {
			if slices.Contains(p.Addresses, addr.Unmap()) {
				return p.Name
			}
		}
	}
	return ""
}

// selves returns the host's name, and the addresses that others may know it by.
func selves() (all []string) {
	if host, err := os.Hostname(); err == nil {
		label, _, _ := strings.Cut(host, ".")
		all = append(all, label)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return all
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if addr := prefix.Addr(); err == nil && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
			all = append(all, addr.String())
		}
	}
	return all
}

// sorted returns the addresses in order, each once.
func sorted(addrs []netip.Addr) []netip.Addr {
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}
