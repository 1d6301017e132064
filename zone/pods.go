package zone

import (
	"net/netip"
	"slices"
	"unsafe"
)

// Whose pod has an address: the Pods that are there, in a trie by their addresses.
// A Pod counts whether its Namespace is shown or not, as one that asks may be of
// any.

// holder is a Pod that has an address. Those who have the same one are a list, in no
// particular order, of which the trie has the first. It never changes.
type holder struct {
	node          // without records; its name is addr
	addr [16]byte // follows the node; IPv4 as IPv6-mapped
	pod  *Pod
	next *holder
}

func newHolder(addr [16]byte, pod *Pod, next *holder) *holder {
	const size = uint8(len(addr))
	return &holder{node{octets: uint16(size), nameLen: size}, addr, pod, next}
}

// holder returns the holder that n is the node of, nil for nil. Only a trie of
// holders has such nodes.
func (n *node) holder() *holder { return (*holder)(unsafe.Pointer(n)) }

// PodOf returns the pod that has an address, in any form of it. Its Name is empty if
// several have it that are of one namespace, as on the network of a host. There is
// none if they are of several. It does not allocate.
func (s *Snapshot) PodOf(addr netip.Addr) (pod Key, ok bool) {
	if !addr.IsValid() {
		return Key{}, false
	}
	name := addr.As16()
	first := s.pods.find(s.hash, name[:]).holder()
	if first == nil {
		return Key{}, false
	}
	pod = first.pod.Key()
	for h := first.next; h != nil; h = h.next {
		if h.pod.Namespace != pod.Namespace {
			return Key{}, false
		}
		if h.pod != first.pod {
			pod.Name = ""
		}
	}
	return pod, true
}

// PodOf is that of the current Snapshot.
func (z *Zone) PodOf(addr netip.Addr) (pod Key, ok bool) { return z.Snapshot().PodOf(addr) }

// hold puts now in the place of old, of which either may be nil, among those who
// have their addresses.
func (z *Zone) hold(old, now *Pod) {
	var had, has []netip.Addr
	if old != nil {
		had = old.Addresses
	}
	if now != nil {
		has = now.Addresses
	}
	others := func(addr [16]byte) *holder { return z.pods.find(&z.hash, addr[:]).holder().without(old) }
	for _, a := range had {
		if slices.Contains(has, a) {
			continue
		}
		addr := a.As16()
		if rest := others(addr); rest != nil {
			z.pods = z.pods.put(&z.hash, z.edit, &rest.node)
		} else {
			z.pods = z.pods.remove(&z.hash, z.edit, Name(addr[:]))
		}
	}
	for _, a := range has {
		addr := a.As16()
		z.pods = z.pods.put(&z.hash, z.edit, &newHolder(addr, now, others(addr)).node)
	}
}

// without returns a list without a Pod. It shares what it can.
func (h *holder) without(p *Pod) *holder {
	if h == nil {
		return nil
	}
	rest := h.next.without(p)
	switch {
	case h.pod == p:
		return rest
	case rest == h.next:
		return h
	}
	return newHolder(h.addr, h.pod, rest)
}
