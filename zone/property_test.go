package zone

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// checkStructure asserts the invariants of a Zone's nodes, one by one and of
// their counts.
func checkStructure(t testing.TB, z *Zone) {
	t.Helper()
	below := map[Name]int{}
	z.names.each(func(n *node) bool {
		if n.name() != wire.Root && z.apexOf([]byte(n.name().Parent())) >= 0 {
			below[n.name().Parent()]++
		}
		return true
	})
	z.names.each(func(n *node) bool {
		if int(n.below) != below[n.name()] {
			t.Fatalf("%s counts %d names below it, there are %d", n.name(), n.below, below[n.name()])
		}
		delete(below, n.name())
		if n.below == 0 && len(n.sets()) == 0 {
			t.Fatalf("%s has neither a record nor a name below it", n.name())
		}
		for i, set := range n.sets() {
			if i > 0 && n.sets()[i-1].compare(set.setKey) >= 0 {
				t.Fatalf("%s: sets are out of order", n.name())
			}
			checkSet(t, n.name(), set)
		}
		return true
	})
	for name := range below {
		t.Fatalf("%s has names below it, and does not exist", name)
	}
}

// checkSet asserts that a set's records are in order, each once, and that its
// chunks are of a good size.
func checkSet(t testing.TB, name Name, set rrset) {
	t.Helper()
	count := 0
	var last []byte
	for _, chunk := range set.chunks {
		if len(chunk) == 0 || len(chunk) > chunkSize {
			t.Fatalf("%s: a chunk of %d octets", name, len(chunk))
		}
		for rest := chunk; len(rest) > 0; count++ {
			var rdata []byte
			_, rdata, rest = wire.NextRR(rest)
			if count > 0 && compareRdata(set.typ, last, rdata) >= 0 {
				t.Fatalf("%s: a record is out of order, or there twice", name)
			}
			last = rdata
		}
	}
	if count == 0 || count != set.count {
		t.Fatalf("%s: a set has %d records, and counts %d", name, count, set.count)
	}
}

// checkProperties asserts what holds of every zone, whatever is in it.
func checkProperties(t testing.TB, z *Zone) {
	t.Helper()
	s := z.Snapshot()
	var all []dns.RR
	addresses, pointers, seen := map[string][]string{}, map[string]bool{}, map[string]bool{}
	for _, apex := range s.Zones() {
		if err := s.Records(apex, func(rr dns.RR) error {
			all = append(all, rr)
			if seen[rr.String()] {
				t.Errorf("twice: %v", rr)
			}
			seen[rr.String()] = true
			name := rr.Header().Name
			switch rr := rr.(type) {
			case *dns.A:
				addresses[name] = append(addresses[name], rr.A.String())
			case *dns.AAAA:
				addresses[name] = append(addresses[name], rr.AAAA.String())
			case *dns.PTR:
				pointers[name] = true
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, rr := range all {
		switch rr := rr.(type) {
		case *dns.SRV:
			if len(addresses[rr.Target]) == 0 {
				t.Errorf("%v: the target has no address", rr)
			}
		case *dns.PTR:
			agrees := false
			for _, a := range addresses[rr.Ptr] {
				reverse, _ := dns.ReverseAddr(a)
				agrees = agrees || reverse == rr.Hdr.Name
			}
			if !agrees {
				t.Errorf("%v: the name has the addresses %v", rr, addresses[rr.Ptr])
			}
		case *dns.A, *dns.AAAA:
			// Pods of a Service, and Services: what has an address there is
			// found by it.
			name := rr.Header().Name
			if strings.HasSuffix(name, ".svc.cluster.local.") {
				for _, a := range addresses[name] {
					reverse, _ := dns.ReverseAddr(a)
					if z.apexOf([]byte(wire.MustParseName(reverse))) >= 0 && !pointers[reverse] {
						t.Errorf("%v: no PTR record", rr)
					}
				}
			}
		}
	}
	done := map[Name]bool{}
	z.names.each(func(n *node) bool {
		apex := s.zoneOf([]byte(n.name())).apex
		for name := n.name(); !done[name] && name.IsBelow(apex); name = name.Parent() {
			done[name] = true
			checkName(t, s, name)
			if name == wire.Root {
				break
			}
		}
		return true
	})
}

// checkName asserts that a name exists, for every type alike, and that its label
// is a good one.
func checkName(t testing.TB, s *Snapshot, n Name) {
	t.Helper()
	for i, c := range []byte(n.Label()) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' && i > 0 || c == '_' && i == 0) {
			t.Errorf("%s: a label is neither of letters, digits and hyphens nor begins with _", n)
		}
	}
	if strings.HasSuffix(n.Label(), "-") {
		t.Errorf("%s: a label ends with a hyphen", n)
	}
	a, _ := exchange(t, s, ask{text: n.String() + " A"})
	for _, typ := range []string{"AAAA", "SRV", "PTR", "TYPE666"} {
		if other, _ := exchange(t, s, ask{text: n.String() + " " + typ}); rcode(other) != rcode(a) {
			t.Errorf("%s: A is %s, %s is %s", n, outcomeNames[a], typ, outcomeNames[other])
		}
	}
	// A CNAME's rcode is that of the name it leads to, so asked for itself.
	if o, _ := exchange(t, s, ask{text: n.String() + " CNAME"}); o == NameError || o == NotOurs {
		t.Errorf("%s: %s, but it or a name below it exists", n, outcomeNames[o])
	}
}

// rcode returns the rcode that follows from an outcome.
func rcode(o Outcome) wire.Rcode {
	switch o {
	case NotOurs:
		return wire.Refused
	case NotReady, Loop:
		return wire.ServFail
	case NameError:
		return wire.NXDomain
	}
	return wire.NoError
}

func TestProperties(t *testing.T) {
	c := testConfig()
	c.Zonal = true
	z := newZone(t, c, append(cluster(), large("big", 250)...)...)
	checkStructure(t, z)
	checkProperties(t, z)
}
