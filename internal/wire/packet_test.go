package wire

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
)

// header returns a message's header: ID 0x1234, the given second 16 bits and
// counts.
func header(flags, qd, an, ns, ar uint16) []byte {
	b := []byte{0x12, 0x34}
	for _, v := range []uint16{flags, qd, an, ns, ar} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// question returns a question as it stands in a message.
func question(name string, typ, class uint16) []byte {
	b := binary.BigEndian.AppendUint16([]byte(name), typ)
	return binary.BigEndian.AppendUint16(b, class)
}

// record returns a resource record of TTL 0 as it stands in a message.
func record(name string, typ, class uint16, rdata string) []byte {
	b := append(question(name, typ, class), 0, 0, 0, 0)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(rdata))), rdata...)
}

// opt returns an OPT record: RFC 6891 section 6.1.2.
func opt(size uint16, version uint8, flags uint16, options string) []byte {
	b := record("\x00", TypeOPT, size, options)
	b[6] = version
	binary.BigEndian.PutUint16(b[7:], flags)
	return b
}

// message joins the parts of a message.
func message(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// wireWeb is the question's name of most tests, as a client of mixed case
// writes it.
const wireWeb = "\x03wEb\x02Ns\x03svc\x07cluster\x05LOCAL\x00"

// mustUnpack decodes a message by code that is not ours, and fails the test if
// that finds it malformed.
func mustUnpack(t *testing.T, msg []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		t.Fatalf("reply is malformed: %v\n% x", err, msg)
	}
	return m
}
