package zone

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Snapshot is what the zones held after one event. It is immutable, and lives
// as long as it is referred to.
type Snapshot struct {
	// Synced reports whether every kind that the zones are built from has been
	// taken in whole. Until then a name that is not there is not known to be
	// missing.
	Synced bool

	config  *Config
	hash    *hasher
	names   trie
	pods    trie // of holders
	primary Name
	apexes  []Name
	zones   []state // by index of apexes
}

// state is a zone's apex and what its SOA record says.
type state struct {
	apex   Name
	serial uint32
	tail   [20]byte // the SOA's RDATA after its names
}

// SOA timers, in seconds, for secondaries: refresh, retry, expire.
var soaTimers = [3]uint32{7200, 1800, 86400}

func (z *Zone) states() []state {
	states := make([]state, len(z.apexes))
	for i, apex := range z.apexes {
		s := state{apex: apex, serial: z.serials[i]}
		b := binary.BigEndian.AppendUint32(s.tail[:0], s.serial)
		for _, seconds := range soaTimers {
			b = binary.BigEndian.AppendUint32(b, seconds)
		}
		binary.BigEndian.AppendUint32(b, z.config.NegativeTTL)
		states[i] = s
	}
	return states
}

// Zones returns the apexes, in the order configured.
func (s *Snapshot) Zones() []Name {
	apexes := make([]Name, len(s.zones))
	for i := range s.zones {
		apexes[i] = s.zones[i].apex
	}
	return apexes
}

// Serial returns the SOA serial of the zone at apex, 0 if there is no such zone.
func (s *Snapshot) Serial(apex Name) uint32 {
	if i := slices.IndexFunc(s.zones, func(z state) bool { return z.apex == apex }); i >= 0 {
		return s.zones[i].serial
	}
	return 0
}

// Len returns how many names the zones have, empty non-terminals included.
func (s *Snapshot) Len() int { return s.names.size }

// Addrs returns the addresses of a name in the zones, IPv4 first, or of what it is
// an alias of; none for one that has none here, or before the zones are synced.
//
// Slow path.
func (s *Snapshot) Addrs(name Name) (addrs []netip.Addr) {
	if !s.Synced {
		return nil
	}
	n := s.names.find(s.hash, []byte(name))
	for range maxChain {
		if n == nil || !n.alias {
			break
		}
		n = s.names.find(s.hash, n.target())
	}
	if n == nil {
		return nil
	}
	for _, typ := range []uint16{wire.TypeA, wire.TypeAAAA} {
		n.each(typ, false, func(_, rdata []byte) bool {
			a, ok := netip.AddrFromSlice(rdata)
			addrs = append(addrs, a)
			return ok
		})
	}
	return addrs
}

// zoneOf returns the zone that is authoritative for name, in lower-case wire
// form: the one with the longest apex (RFC 1034 section 4.3.2, step 2).
func (s *Snapshot) zoneOf(name []byte) *state {
	if i := longestApex(s.apexes, name); i >= 0 {
		return &s.zones[i]
	}
	return nil
}

// longestApex returns the index of the longest apex that name is at or below, -1
// if there is none.
func longestApex(apexes []Name, name []byte) int {
	best := -1
	for i, apex := range apexes {
		if (best < 0 || len(apex) > len(apexes[best])) && wire.IsBelow(name, apex) {
			best = i
		}
	}
	return best
}

// soa returns the zone's SOA record (RFC 1035 section 3.3.13).
func (s *Snapshot) soa(z *state, ttl uint32) wire.RR {
	return wire.RR{
		Name:  z.apex,
		Type:  wire.TypeSOA,
		TTL:   ttl,
		Names: [2]Name{"\x02ns\x03dns" + s.primary, "\x0ahostmaster" + s.primary},
		Tail:  z.tail[:],
	}
}
