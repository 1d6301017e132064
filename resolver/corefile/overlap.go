package corefile

import (
	"net/netip"
	"slices"
)

// zonePort is what blocks may contend for.
type zonePort struct {
	zone string
	port int
}

// claim is a block's answering for a zonePort on one address.
type claim struct {
	address string // empty for a block without bind, which listens on all
	pos     Pos    // of the key
	viewed  bool   // some queries are left to others
}

// checkOverlap refuses two blocks for the same zone, port and address, and an
// unbound block beside a bound one: which of them should answer could not be
// told. Of blocks with a view there may be any number, before one without; and
// after one that listens on the same address, as CoreDNS allows, though none of
// their queries comes to them.
func checkOverlap(blocks []Block) error {
	claims := map[zonePort][]claim{} // of blocks without a view
	for _, b := range blocks {
		viewed := len(b.Find("view")) > 0
		bound := b.Bound()
		for _, k := range b.Keys {
			for _, zone := range k.Zones {
				at := zonePort{zone, k.Port}
				for _, address := range bound {
					c := claim{address, k.Pos, viewed}
					if err := c.check(at, claims[at]); err != nil {
						return err
					}
					if !viewed {
						claims[at] = append(claims[at], c)
					}
				}
			}
		}
	}
	return nil
}

// check returns an error that names both lines if one of the earlier claims
// covers the address of c.
func (c claim) check(at zonePort, earlier []claim) error {
	for _, e := range earlier {
		switch {
		case c.address == e.address && c.viewed,
			c.address != e.address && c.address != "" && e.address != "":
			continue
		}
		on := ""
		if c.address != "" {
			on = " on " + c.address
		}
		return c.pos.Errorf("zone %s port %d%s is already served by the block at %s", at.zone, at.port, on, e.pos)
	}
	return nil
}

// Bound returns the addresses and interfaces that the block's bind directives name,
// each once and in one spelling, and one empty string, which is all addresses, if
// there are none. Blocks that share one and a port have the same sockets.
func (b Block) Bound() []string {
	var bound []string
	for _, d := range b.Find("bind") {
		var except []string
		for _, o := range d.Body {
			if o.Name == "except" {
				except = append(except, o.Args...)
			}
		}
		for _, a := range d.Args {
			if !slices.Contains(except, a) {
				bound = append(bound, spelling(a))
			}
		}
	}
	if len(bound) == 0 {
		return []string{""}
	}
	slices.Sort(bound)
	return slices.Compact(bound)
}

// spelling returns an address in its canonical form, and an interface's name
// as it is.
func spelling(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().String()
	}
	return s
}
