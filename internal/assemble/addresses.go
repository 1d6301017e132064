package assemble

import (
	"net"
	"net/netip"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Addresses that a Corefile listens on, for DNS and for endpoints, and which of
// them can't be beside one another.

// claim is an address that something listens on.
type claim struct {
	by, address string
	at          corefile.Pos
}

// checkAddresses checks that nothing is in another's way, as far as that can be
// told without this machine's interfaces.
func (p *Plan) checkAddresses() []error {
	var (
		errs   []error
		claims []claim
	)
	for i := range p.blocks {
		for _, c := range p.blocks[i].claims() {
			if err := c.refusedBy(claims); err != nil {
				errs = append(errs, err)
			}
			claims = append(claims, c)
		}
	}
	return errs
}

// claims returns what a block listens on.
func (b *block) claims() []claim {
	var all []claim
	hosts, err := b.hostsBy(noInterface)
	if err == nil {
		for _, addr := range b.addrs(hosts) {
			all = append(all, claim{"DNS", addr, b.Pos})
		}
	}
	endpoint := func(name, address string) {
		all = append(all, claim{name, address, b.Find(name)[0].Pos})
	}
	if b.health != nil {
		endpoint("health", b.health.Address)
	}
	if b.ready != nil {
		endpoint("ready", b.ready.Address)
	}
	if b.pprof != nil {
		endpoint("pprof", b.pprof.Address)
	}
	if b.prometheus != nil {
		endpoint("prometheus", b.prometheus.Address)
	}
	return all
}

// refusedBy returns why an address can't be listened on beside others, if it can't.
// Those of the same kind share it.
func (c claim) refusedBy(others []claim) error {
	for _, o := range others {
		switch {
		case !overlap(o.address, c.address), c.by == "DNS" && o.by == "DNS" && beside(o.address, c.address):
		case o.address != c.address:
			return c.at.Errorf("%s at %s and %s at %s can't both be listened on: one is part of the other", o.by, o.address, c.by, c.address)
		case o.by != c.by:
			return c.at.Errorf("%s and %s can't both have the address %s", o.by, c.by, c.address)
		}
	}
	return nil
}

// beside reports whether of two addresses, host:port, one is all addresses and the
// other one of them: sockets for DNS can be open on both.
func beside(a, b string) bool { return overlap(a, b) && isWild(a) != isWild(b) }

// isWild reports whether a host:port is all addresses, of either family or of one.
func isWild(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// overlap reports whether one of two addresses, host:port, is part of the other.
// Port 0 is any, and never another's.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA))
}

// covers reports whether who listens on all of a host listens on another too: "" and
// :: are all addresses, 0.0.0.0 is all of IPv4. Names but for that are not known.
func covers(all, host string) bool {
	if all == "" {
		return true
	}
	wild, err := netip.ParseAddr(all)
	if err != nil || !wild.IsUnspecified() {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return wild.Is6() || err == nil && addr.Unmap().Is4()
}

func choosesPort(address string) bool { return strings.HasSuffix(address, ":0") }
