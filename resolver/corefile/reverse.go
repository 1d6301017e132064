package corefile

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// reverseZones returns the reverse zones of a network in CIDR notation, and
// false for text that is none. A slash alone makes no network: RFC 2317 names
// such as 0/25.2.0.192.in-addr.arpa are domain names.
func reverseZones(text string) ([]string, bool, error) {
	addr, _, ok := strings.Cut(text, "/")
	if !ok {
		return nil, false, nil
	}
	if _, err := netip.ParseAddr(addr); err != nil {
		return nil, false, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, false, fmt.Errorf("a network's length must be 0 to 32 for IPv4, 0 to 128 for IPv6: %w", err)
	}
	bytes := prefix.Masked().Addr().AsSlice()
	if len(bytes) == 4 {
		return digitZones(bytes, prefix.Bits(), octets), true, nil
	}
	nibbles := make([]byte, 0, 2*len(bytes))
	for _, b := range bytes {
		nibbles = append(nibbles, b>>4, b&0xf)
	}
	return digitZones(nibbles, prefix.Bits(), hex), true, nil
}

// base is how one family's addresses are written in reverse names.
type base struct {
	bits   int // of a label: RFC 1035 section 3.5 has octets, RFC 3596 section 2.5 nibbles
	radix  int
	suffix string
}

var (
	octets = base{bits: 8, radix: 10, suffix: "in-addr.arpa."}
	hex    = base{bits: 4, radix: 16, suffix: "ip6.arpa."}
)

// digitZones returns the zones of the first bits of an address given as the
// digits that its labels are. The last label is counted through where the
// length cuts it.
func digitZones(digits []byte, bits int, b base) []string {
	whole, cut := bits/b.bits, bits%b.bits
	parent := b.suffix
	for _, d := range digits[:whole] {
		parent = strconv.FormatUint(uint64(d), b.radix) + "." + parent
	}
	if cut == 0 {
		return []string{parent}
	}
	zones := make([]string, 1<<(b.bits-cut))
	for i := range zones {
		zones[i] = strconv.FormatUint(uint64(digits[whole])+uint64(i), b.radix) + "." + parent
	}
	return zones
}
