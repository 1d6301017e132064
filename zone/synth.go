package zone

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Names that no object spells out are answered here: they are a form, and not a
// list.

// podAddr returns the address that a name of the form 10-1-2-3.namespace.pod.zone
// spells, in mode PodsInsecure and for a Namespace that exists.
func (s *Snapshot) podAddr(z *state, name []byte) (netip.Addr, bool) {
	if s.config.Pods != PodsInsecure || z.apex.IsReverse() || slices.Contains(s.config.Multicluster, z.apex) {
		return netip.Addr{}, false
	}
	label, namespace := name[1:1+name[0]], name[1+name[0]:]
	if len(namespace) <= len(z.apex) || s.names.find(s.hash, namespace) == nil {
		return netip.Addr{}, false
	}
	pod := namespace[1+namespace[0]:]
	if len(pod) != 4+len(z.apex) || string(pod[:4]) != "\x03pod" {
		return netip.Addr{}, false
	}
	return parseDashed(label)
}

// parseDashed reads an address written with dashes: four decimal numbers, or
// any form of an IPv6 address without an IPv4 one in it.
func parseDashed(label []byte) (netip.Addr, bool) {
	// Fast path
	if four, ok := parseDashed4(label); ok {
		return netip.AddrFrom4(four), true
	}
	// Slow path
	for _, c := range label {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(string(bytes.ReplaceAll(label, []byte("-"), []byte(":"))))
	return a, err == nil && a.Is6()
}

func parseDashed4(label []byte) (four [4]byte, ok bool) {
	part, value, digits := 0, 0, 0
	for _, c := range label {
		switch {
		case c == '-' && digits > 0 && part < 3:
			four[part] = byte(value)
			part, value, digits = part+1, 0, 0
		case '0' <= c && c <= '9' && !(digits == 1 && value == 0): // no leading zero
			value = value*10 + int(c-'0')
			digits++
			if value > 255 {
				return four, false
			}
		default:
			return four, false
		}
	}
	four[part] = byte(value)
	return four, part == 3 && digits > 0
}

// scoped returns the node that answers a zone-scoped name without records of
// its own, <zone>.pin._zone.<service>… or <zone>.prefer._zone.<service>…: for
// pin one that has none either, for prefer the Service's. It returns nil for
// any other name, and if the Service is not headless or has no ready endpoint.
func (s *Snapshot) scoped(z *state, name []byte) *node {
	var labels [wire.MaxName / 2]uint8
	count := 0
	for at := 0; at < len(name)-len(z.apex); at += 1 + int(name[at]) {
		labels[count] = uint8(at)
		count++
	}
	const shortest = 6 // zone, directive, _zone, service, namespace, svc
	if count < shortest {
		return nil
	}
	directive, service := name[labels[count-5]:], name[labels[count-3]:]
	anchor := s.names.find(s.hash, directive)
	switch {
	case anchor == nil:
		return nil
	case bytes.HasPrefix(directive, []byte(labelPin+labelZone)):
		return anchor
	case bytes.HasPrefix(directive, []byte(labelPrefer+labelZone)):
		return s.names.find(s.hash, service)
	}
	return nil
}
