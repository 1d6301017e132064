package simulate

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// canonical returns what a zone says of a namespace, in an order and a form that
// do not depend on addresses: the records that have none, and for each address
// all that have it, with "*" in its place. Addresses that are in written, the
// text that the zone was made of, stay.
func canonical(t *testing.T, text, namespace, written string) (out []string) {
	t.Helper()
	with := make(map[string][]string) // the records of each address
	for _, rr := range parse(t, text, namespace) {
		address, record := abstract(rr)
		if address == "" || wrote(written, address) {
			out = append(out, rr.String())
			continue
		}
		with[address] = append(with[address], record)
	}
	for _, records := range with {
		slices.Sort(records)
		out = append(out, strings.Join(records, "\n"))
	}
	slices.Sort(out)
	return out
}

// parse returns the records of a zone that have to do with a namespace.
func parse(t *testing.T, text, namespace string) (out []dns.RR) {
	t.Helper()
	parser := dns.NewZoneParser(strings.NewReader(text), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if strings.Contains(rr.String(), "."+namespace+".") {
			out = append(out, rr)
		}
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// records returns what a zone says of a namespace, addresses and all, in order.
func records(t *testing.T, text, namespace string) (out []string) {
	t.Helper()
	for _, rr := range parse(t, text, namespace) {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}

// wrote reports whether a text has an address between quotes or blanks.
func wrote(text, address string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\"'[],", r) }), address)
}

// abstract returns the one address that a record is about, "" for none, and the
// record with "*" in its place.
func abstract(rr dns.RR) (address, record string) {
	rr = dns.Copy(rr)
	h := rr.Header()
	if a, ok := dashed(h.Name); ok {
		address, h.Name = a, star(h.Name)
	}
	if strings.HasSuffix(h.Name, ".arpa.") {
		address, h.Name = reversed(h.Name), "*."
	}
	target := func(name *string) {
		if a, ok := dashed(*name); ok {
			address, *name = a, star(*name)
		}
	}
	switch r := rr.(type) {
	case *dns.A:
		return r.A.String(), h.Name + "\tA\t*"
	case *dns.AAAA:
		return r.AAAA.String(), h.Name + "\tAAAA\t*"
	case *dns.SRV:
		target(&r.Target)
	case *dns.PTR:
		target(&r.Ptr)
	}
	return address, rr.String()
}

func star(name string) string { return "*" + name[strings.Index(name, "."):] }

// dashed returns the address that the first label of an endpoint's or pod's
// name stands for.
func dashed(name string) (string, bool) {
	label, _, _ := strings.Cut(name, ".")
	for _, by := range []string{".", ":"} {
		if a, err := netip.ParseAddr(strings.ReplaceAll(label, "-", by)); err == nil {
			return a.String(), true
		}
	}
	return "", false
}

// reversed returns the address of a PTR record's owner.
func reversed(name string) string {
	labels := dns.SplitDomainName(name)
	slices.Reverse(labels)
	labels = labels[2:] // arpa, and in-addr or ip6
	if len(labels) == 4 {
		return strings.Join(labels, ".")
	}
	var b strings.Builder
	for i, digit := range labels {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		b.WriteString(digit)
	}
	a, err := netip.ParseAddr(b.String())
	if err != nil {
		return name // a name of something else
	}
	return a.String()
}

// TestCanonical: two zones whose addresses differ are the same if and only if
// what is said with them is.
func TestCanonical(t *testing.T) {
	const one = `
a.ns.svc.cluster.local. 5 IN A 10.0.0.1
a.ns.svc.cluster.local. 5 IN A 10.0.0.2
10-0-0-1.a.ns.svc.cluster.local. 5 IN A 10.0.0.1
w.a.ns.svc.cluster.local. 5 IN A 10.0.0.2
1.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-1.a.ns.svc.cluster.local.
2.0.0.10.in-addr.arpa. 5 IN PTR w.a.ns.svc.cluster.local.
a.ns.svc.cluster.local. 5 IN SRV 0 100 80 10-0-0-1.a.ns.svc.cluster.local.
fd00--1.a.ns.svc.cluster.local. 5 IN AAAA fd00::1
b.other.svc.cluster.local. 5 IN A 10.0.0.9
`
	for _, tt := range []struct {
		name    string
		replace []string
		written string
		same    bool
		reason  string
	}{
		{"other addresses", []string{"10.0.0.1\n", "10.9.9.9\n", "10-0-0-1", "10-9-9-9", "1.0.0.10.in", "9.9.9.10.in", "fd00--1", "fd00--2", "fd00::1", "fd00::2"}, "", true, "renamed throughout"},
		{"half renamed", []string{"10-0-0-1.a.ns.svc.cluster.local. 5 IN A 10.0.0.1", "10-0-0-1.a.ns.svc.cluster.local. 5 IN A 10.0.0.2"}, "", false, "a name leads elsewhere"},
		{"swapped", []string{"w.a.ns.svc.cluster.local. 5 IN A 10.0.0.2", "w.a.ns.svc.cluster.local. 5 IN A 10.0.0.1"}, "", false, "both have a record more or less"},
		{"a record less", []string{"2.0.0.10.in-addr.arpa. 5 IN PTR w.a.ns.svc.cluster.local.\n", ""}, "", false, "no PTR"},
		{"another port", []string{"0 100 80", "0 100 81"}, "", false, "data that is no address counts"},
		{"written", []string{"10.0.0.2\n", "10.0.0.3\n", "2.0.0.10.in", "3.0.0.10.in"}, `clusterIPs: [10.0.0.2, "10.0.0.3"]`, false, "an address that somebody wrote is not another"},
		{"elsewhere", []string{"10.0.0.9", "10.0.0.8"}, "", true, "another namespace does not matter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			other := strings.NewReplacer(tt.replace...).Replace(one)
			if other == one {
				t.Fatal("nothing was replaced")
			}
			same := slices.Equal(canonical(t, one, "ns", tt.written), canonical(t, other, "ns", tt.written))
			if same != tt.same {
				t.Errorf("same: %t, want %t; reason: %s", same, tt.same, tt.reason)
			}
		})
	}
}
