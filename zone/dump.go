package zone

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/miekg/dns"
	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Dump writes the zone at apex to w as a master file (RFC 1035 section 5): the
// SOA record first, then each name's records in canonical order (RFC 4034
// section 6.1), absolute names, a record a line. Names that are answered by
// their form (Config.Pods insecure, and Config.Zonal's of a topology zone without
// endpoints) are not in it.
func (s *Snapshot) Dump(w io.Writer, apex Name) error {
	out := bufio.NewWriter(w)
	soa, err := s.SOA(apex)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, soa)
	err = s.Records(apex, func(rr dns.RR) error {
		_, err := fmt.Fprintln(out, rr)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// SOA returns the SOA record of the zone at apex.
func (s *Snapshot) SOA(apex Name) (dns.RR, error) {
	i := slices.IndexFunc(s.zones, func(z state) bool { return z.apex == apex })
	if i < 0 {
		return nil, fmt.Errorf("%s: no such zone", apex)
	}
	rr := s.soa(&s.zones[i], s.config.TTL)
	rdata := slices.Concat([]byte(rr.Names[0]), []byte(rr.Names[1]), rr.Tail)
	return unpack(apex, wire.AppendRR(nil, wire.TypeSOA, rr.TTL, rdata))
}

// Records calls f with each record of the zone at apex but its SOA, in
// canonical order of names, until f returns an error, which it returns.
func (s *Snapshot) Records(apex Name, f func(dns.RR) error) error {
	for _, n := range s.sorted(apex) {
		last := typeExists
		for _, set := range n.sets() {
			if set.typ == last {
				continue
			}
			last = set.typ
			var err error
			n.each(last, s.config.HostnamePTR, func(record, _ []byte) bool {
				var rr dns.RR
				if rr, err = unpack(n.name(), record); err == nil {
					err = f(rr)
				}
				return err == nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sorted returns the nodes of the zone at apex in canonical order.
func (s *Snapshot) sorted(apex Name) []*node {
	var nodes []*node
	s.names.each(func(n *node) bool {
		if z := s.zoneOf(n.owner()); z != nil && z.apex == apex {
			nodes = append(nodes, n)
		}
		return true
	})
	slices.SortFunc(nodes, func(a, b *node) int { return a.name().Compare(b.name()) })
	return nodes
}

// unpack turns a record prepared for the wire into one of miekg/dns.
func unpack(owner Name, record []byte) (dns.RR, error) {
	const pointer = 2
	rr, _, err := dns.UnpackRR(append([]byte(owner), record[pointer:]...), 0)
	if err != nil {
		return nil, fmt.Errorf("record of %s: %w", owner, err)
	}
	return rr, nil
}
