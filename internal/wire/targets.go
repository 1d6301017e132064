package wire

import "encoding/binary"

// What the records of a Reply's answer section lead to.

// maxPointer is the highest place that a compression pointer can point to.
const maxPointer = 0x3fff

// srvFixed is the length of an SRV record's RDATA before its target: priority,
// weight and port (RFC 2782).
const srvFixed = 6

// EachTarget calls f for each SRV record in the answer section, with its target
// and the target's place as an owner, until f reports false. It ends at the
// first record that no pointer can reach. Targets must not be compressed.
func (r *Reply) EachTarget(f func(owner Owner, target []byte) bool) {
	msg := r.buf[r.base:]
	r.eachAnswer(func(typ uint16, rdata, next int) bool {
		if typ != TypeSRV {
			return true
		}
		target := rdata + srvFixed
		return target <= maxPointer && f(Owner(target), msg[target:next])
	})
}

// AppendAliases appends the targets of the CNAME records in the answer section, each
// in lower-case wire form, one after the other.
func (r *Reply) AppendAliases(dst []byte) []byte {
	msg := r.buf[r.base:]
	r.eachAnswer(func(typ uint16, rdata, _ int) bool {
		if typ == TypeCNAME {
			dst = appendName(dst, msg, rdata)
		}
		return true
	})
	return dst
}

// CutName splits the first name off names in wire form, none compressed.
func CutName(names []byte) (name, rest []byte) {
	end := 0
	for names[end] != 0 {
		end += 1 + int(names[end])
	}
	return names[:end+1], names[end+1:]
}

// eachAnswer calls f for each record in the answer section, with where its RDATA
// begins and ends in the message, until f reports false.
func (r *Reply) eachAnswer(f func(typ uint16, rdata, next int) bool) {
	msg := r.buf[r.base:]
	at := HeaderLen
	if r.q.HasQuestion() {
		at = r.q.end
	}
	for range r.count[Answer] {
		nameEnd, ok := skipName(msg, at)
		if !ok {
			return
		}
		rdata := nameEnd + 10
		at = rdata + int(binary.BigEndian.Uint16(msg[nameEnd+8:]))
		if !f(binary.BigEndian.Uint16(msg[nameEnd:]), rdata, at) {
			return
		}
	}
}

// appendName appends the name at msg[at:], which is well formed, in lower-case wire
// form.
func appendName(dst, msg []byte, at int) []byte {
	for {
		switch l := int(msg[at]); {
		case l == 0:
			return append(dst, 0)
		case l >= 0xc0:
			at = int(binary.BigEndian.Uint16(msg[at:])) & maxPointer
		default:
			dst = append(dst, byte(l))
			for _, c := range msg[at+1 : at+1+l] {
				dst = append(dst, lower(c))
			}
			at += 1 + l
		}
	}
}
