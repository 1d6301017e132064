package simulate

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// An addressRange is where a pool's addresses come from. The same host number
// makes the address of either family, as far as the smaller range goes.
type addressRange struct {
	name   string // what the addresses are for
	v4, v6 netip.Prefix
}

// The ranges. Those of Pods and Services are kubeadm's custom, and the nodes'
// that of kind.
var (
	podRange     = addressRange{"pods", netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:10:244::/56")}
	serviceRange = addressRange{"services", netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00:10:96::/112")}
	nodeRange    = addressRange{"nodes", netip.MustParsePrefix("172.18.0.0/16"), netip.MustParsePrefix("fd00:172:18::/64")}
)

// A pool gives addresses of a range, each once.
type pool struct {
	addressRange
	bits  int // of a host number, which are those of the IPv4 range
	taken map[netip.Addr]bool
}

func newPool(r addressRange) *pool {
	return &pool{addressRange: r, bits: 32 - r.v4.Bits(), taken: make(map[netip.Addr]bool)}
}

// take marks addresses that are somebody's.
func (p *pool) take(ips ...string) {
	for _, ip := range ips {
		if a, err := netip.ParseAddr(ip); err == nil {
			p.taken[a.Unmap().WithZone("")] = true
		}
	}
}

// A claim is a wish for an address of each of some families.
type claim struct {
	key   string // what has the address: its namespace and name
	rolls int    // how often it got another
	v4    bool   // only this family, if not both are; neither is both
	v6    bool
	give  func(ips []string) // in the order IPv4, IPv6
}

// allocate gives each claim its addresses. The host number that a key asks for
// follows from the key, and is given to the first in order that asks for it.
// The others then get the next free one, once all that can be served as they
// ask are: a clash moves nobody else.
func (p *pool) allocate(claims []claim) error {
	slices.SortStableFunc(claims, func(a, b claim) int { return strings.Compare(a.key, b.key) })
	var late []claim
	for _, c := range claims {
		if !p.give(c, p.wanted(c)) {
			late = append(late, c)
		}
	}
	for _, c := range late {
		host, size := p.wanted(c), uint32(1)<<p.bits
		for tried := uint32(1); !p.give(c, (host+tried)%size); tried++ {
			if tried == size {
				return fmt.Errorf("%s and %s have no address left for %s: write fewer %s, or addresses", p.v4, p.v6, c.key, p.name)
			}
		}
	}
	return nil
}

// wanted returns the host number that a claim asks for. It steps on with each
// roll, by an odd number, so that two rolls after one another never meet.
func (p *pool) wanted(c claim) uint32 {
	sum := sum(p.name, c.key)
	first, step := binary.BigEndian.Uint32(sum[0:]), binary.BigEndian.Uint32(sum[4:])|1
	return (first + uint32(c.rolls)*step) % (1 << p.bits)
}

// give gives a claim the addresses of a host number, if all of them are free
// and none looks like that of a network or a broadcast.
func (p *pool) give(c claim, host uint32) bool {
	if last := byte(host); last == 0 || last == 255 {
		return false
	}
	both := c.v4 == c.v6
	var ips []netip.Addr
	if both || c.v4 {
		ips = append(ips, p.addr4(host))
	}
	if both || c.v6 {
		ips = append(ips, p.addr6(host))
	}
	var texts []string
	for _, a := range ips {
		if p.taken[a] {
			return false
		}
		texts = append(texts, a.String())
	}
	for _, a := range ips {
		p.taken[a] = true
	}
	c.give(texts)
	return true
}

func (p *pool) addr4(host uint32) netip.Addr {
	a := p.v4.Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])|host)
	return netip.AddrFrom4(a)
}

// addr6 has as many bits of the host number as the range has room for.
func (p *pool) addr6(host uint32) netip.Addr {
	a := p.v6.Addr().As16()
	room := min(128-p.v6.Bits(), 32)
	host &= uint32(uint64(1)<<room - 1)
	binary.BigEndian.PutUint32(a[12:], binary.BigEndian.Uint32(a[12:])|host)
	return netip.AddrFrom16(a)
}
