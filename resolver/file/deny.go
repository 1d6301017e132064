package file

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/zone"
)

// denyName says that a name does not exist. Of a signed zone it proves that, and
// that no wildcard stands for it (RFC 4035 section 3.1.3.2).
func (a *answer) denyName(name, encloser zone.Name) {
	a.deny()
	if a.q.DO {
		a.authority(a.covering(name))
		a.authority(a.covering("\x01*" + encloser))
	}
}

// denyType says that a name has no records of the type asked for (RFC 4035
// sections 3.1.3.1 and 3.1.3.4).
func (a *answer) denyType(name zone.Name, f found) {
	a.deny()
	if !a.q.DO {
		return
	}
	own := f.node.find(dns.TypeNSEC)
	if len(own.rrs) == 0 { // an empty non-terminal
		own = a.covering(f.name)
	}
	a.authority(own)
	if f.how == wildcard {
		a.authority(a.covering(name))
	}
}

// deny adds the SOA record, whose TTL says for how long the denial holds: the
// lesser of its own and its MINIMUM (RFC 2308 section 3).
func (a *answer) deny() {
	soa := *a.soa
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	a.msg.Ns = append(a.msg.Ns, &soa)
	if !a.q.DO {
		return
	}
	owner, err := zone.ParseName(soa.Hdr.Name)
	if err != nil {
		return
	}
	for _, sig := range a.nodes[owner].find(dns.TypeSOA).sigs {
		sig = dns.Copy(sig)
		sig.Header().Ttl = soa.Hdr.Ttl
		a.msg.Ns = append(a.msg.Ns, sig)
	}
}

// covering returns the NSEC record that shows that a name does not exist: that of
// the name before it in canonical order. There is none in a zone that is not
// signed.
func (c *contents) covering(name zone.Name) set {
	if len(c.chain) == 0 {
		return set{}
	}
	i, there := slices.BinarySearchFunc(c.chain, name, zone.Name.Compare)
	if !there {
		i = (i + len(c.chain) - 1) % len(c.chain)
	}
	return c.nodes[c.chain[i]].find(dns.TypeNSEC)
}

// authority adds a set to the authority section, unless it is there already.
func (a *answer) authority(s set) {
	if len(s.rrs) > 0 && !slices.Contains(a.msg.Ns, s.rrs[0]) {
		a.msg.Ns = append(a.msg.Ns, a.signed(s)...)
	}
}
