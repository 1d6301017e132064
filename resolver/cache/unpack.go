package cache

import (
	"encoding/binary"
	"math"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// record is a record of a message. Names are whole and lower-case, and there as far
// as judge looks at them.
type record struct {
	section    wire.Section
	owner      string // not in the additional section
	target     string // a CNAME's
	typ, class uint16
	ttl        uint32
	rdata      []byte // as in the message, with pointers
}

// unpack returns the records of m. It reports false if m is about another name
// than q, or can't be given whole.
func unpack(q *wire.Query, m *wire.Message) ([]record, bool) {
	var r wire.Reply
	r.Start(q, make([]byte, 0, m.Size()), true)
	if !r.SetMessage(m, wire.Aging{Most: math.MaxUint32}) || r.Truncated() {
		return nil, false
	}
	u := unpacker{msg: r.Plain(), question: string(q.Name())}
	records := make([]record, 0, r.Count(wire.Answer)+r.Count(wire.Authority)+r.Count(wire.Additional))
	at := wire.HeaderLen + len(q.Name()) + 4
	for s := wire.Answer; s <= wire.Additional; s++ {
		for range r.Count(s) {
			rr := record{section: s}
			fixed := u.skip(at)
			rr.typ, rr.class = binary.BigEndian.Uint16(u.msg[fixed:]), binary.BigEndian.Uint16(u.msg[fixed+2:])
			rr.ttl = binary.BigEndian.Uint32(u.msg[fixed+4:])
			rdata := fixed + 10
			if s != wire.Additional {
				rr.owner = u.name(at)
			}
			if rr.typ == wire.TypeCNAME {
				rr.target = u.name(rdata)
			}
			at = rdata + int(binary.BigEndian.Uint16(u.msg[fixed+8:]))
			rr.rdata = u.msg[rdata:at]
			records = append(records, rr)
		}
	}
	return records, true
}

// unpacker reads names of a message that is known to be well formed: pointers lead
// to earlier names.
type unpacker struct {
	msg      []byte
	question string // its name, which most others are pointers to
}

// skip returns what comes after the name at a place.
func (u *unpacker) skip(at int) int {
	for {
		switch l := int(u.msg[at]); {
		case l == 0:
			return at + 1
		case l >= 0xc0:
			return at + 2
		default:
			at += 1 + l
		}
	}
}

// name returns the name at a place.
func (u *unpacker) name(at int) string {
	var buf [wire.MaxName]byte
	name := buf[:0]
	for {
		switch l := int(u.msg[at]); {
		case l == 0:
			return string(append(name, 0))
		case l >= 0xc0:
			at = int(binary.BigEndian.Uint16(u.msg[at:]) &^ 0xc000)
			if at == wire.HeaderLen && len(name) == 0 {
				return u.question
			}
		default:
			name = append(name, byte(l))
			for _, c := range u.msg[at+1 : at+1+l] {
				if 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				name = append(name, c)
			}
			at += 1 + l
		}
	}
}
