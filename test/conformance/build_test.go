package conformance

import (
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"
)

// The header's flags.
const (
	flagQR uint16 = 1 << 15
	flagAA uint16 = 1 << 10
	flagTC uint16 = 1 << 9
	flagRD uint16 = 1 << 8
	flagRA uint16 = 1 << 7
	flagZ  uint16 = 1 << 6
	flagAD uint16 = 1 << 5
	flagCD uint16 = 1 << 4
)

// The EDNS options that rows use, and the flag of an OPT record's TTL.
const (
	optNSID      uint16 = 3
	optECS       uint16 = 8
	optExpire    uint16 = 9
	optCookie    uint16 = 10
	optKeepalive uint16 = 11
	optEDE       uint16 = 15
	optUnknown   uint16 = 100

	doFlag uint16 = 1 << 15
)

// A builder is a message being written. Parts append to its body and count what
// they append, and nothing keeps a part from making a message that is broken.
type builder struct {
	flags  uint16
	counts [4]uint16 // QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT
	body   []byte
}

type part func(*builder)

// query returns the message that the parts make. Its id is 0: it gets one of its
// own each time it is sent.
func query(parts ...part) []byte {
	var b builder
	for _, p := range parts {
		p(&b)
	}
	msg := binary.BigEndian.AppendUint16([]byte{0, 0}, b.flags)
	for _, n := range b.counts {
		msg = binary.BigEndian.AppendUint16(msg, n)
	}
	return append(msg, b.body...)
}

// flags sets bits of the header's second 16.
func flags(bits uint16) part { return func(b *builder) { b.flags |= bits } }

func opcode(n uint16) part { return flags(n << 11) }

// ask appends a question of class IN.
func ask(name string, qtype uint16) part { return askClass(name, qtype, dns.ClassINET) }

func askClass(name string, qtype, class uint16) part { return askRaw(wireName(name), qtype, class) }

// askRaw appends a question whose name is given as bytes.
func askRaw(name []byte, qtype, class uint16) part {
	return func(b *builder) {
		b.counts[0]++
		b.body = append(b.body, name...)
		b.body = binary.BigEndian.AppendUint16(b.body, qtype)
		b.body = binary.BigEndian.AppendUint16(b.body, class)
	}
}

// count sets a section's count, 0 to 3, to what it is not.
func count(section int, n uint16) part { return func(b *builder) { b.counts[section] = n } }

// raw appends bytes that nothing counts.
func raw(bytes ...byte) part { return func(b *builder) { b.body = append(b.body, bytes...) } }

// An rr is a resource record as it stands in a message.
type rr struct {
	owner []byte // wire form
	typ   uint16
	class uint16
	ttl   uint32
	rdata []byte
}

// record appends a record to a section, 1 to 3.
func record(section int, r rr) part {
	return func(b *builder) {
		b.counts[section]++
		b.body = append(b.body, r.owner...)
		b.body = binary.BigEndian.AppendUint16(b.body, r.typ)
		b.body = binary.BigEndian.AppendUint16(b.body, r.class)
		b.body = binary.BigEndian.AppendUint32(b.body, r.ttl)
		b.body = binary.BigEndian.AppendUint16(b.body, uint16(len(r.rdata)))
		b.body = append(b.body, r.rdata...)
	}
}

// answerA is a record that has no business in a query.
func answerA(name string) rr {
	return rr{owner: wireName(name), typ: dns.TypeA, class: dns.ClassINET, rdata: []byte{192, 0, 2, 1}}
}

// root is the wire form of the root's name.
var root = []byte{0}

// edns appends an OPT record of version 0.
func edns(size uint16, options ...[]byte) part { return ednsOf(size, 0, 0, options...) }

// ednsOf appends an OPT record of any version and flags.
func ednsOf(size uint16, version uint8, flags uint16, options ...[]byte) part {
	return record(3, optRR(size, version, flags, options...))
}

func optRR(size uint16, version uint8, flags uint16, options ...[]byte) rr {
	var rdata []byte
	for _, o := range options {
		rdata = append(rdata, o...)
	}
	return rr{owner: root, typ: dns.TypeOPT, class: size, ttl: uint32(version)<<16 | uint32(flags), rdata: rdata}
}

// option is an EDNS option.
func option(code uint16, data ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// wireName returns the wire form of an absolute name without escapes.
func wireName(name string) []byte {
	var b []byte
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label != "" {
			b = appendLabel(b, label)
		}
	}
	return append(b, 0)
}

func appendLabel(b []byte, label string) []byte {
	return append(append(b, byte(len(label))), label...)
}

// nameOf returns the wire form of a name that has the labels before the suffix.
func nameOf(suffix string, labels ...string) []byte {
	var b []byte
	for _, l := range labels {
		b = appendLabel(b, l)
	}
	return append(b, wireName(suffix)...)
}

// paddedTo returns labels of the letter a, each at most size octets long, that
// make a name before the suffix exactly length octets long in wire form.
func paddedTo(length, size int, suffix string) []string {
	var labels []string
	left := length - len(wireName(suffix))
	for left > 0 {
		n := min(size, left-1)
		if left-1-n == 1 { // no label is one octet long: leave two, or none
			if n > 1 {
				n--
			} else {
				n++
			}
		}
		labels = append(labels, strings.Repeat("a", n))
		left -= 1 + n
	}
	return labels
}
