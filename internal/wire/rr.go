package wire

import "encoding/binary"

// ownerQuestion is a compression pointer to the question's name, the owner of
// most records of a reply.
const ownerQuestion = 0xc000 | HeaderLen

// rrFixed is the length of a record before its RDATA when the owner is a pointer.
const rrFixed = 12

// AppendRR appends a record prepared for Reply.Records: owner a pointer to the
// question, class IN. rdata must not hold compressed names.
func AppendRR(dst []byte, typ uint16, ttl uint32, rdata []byte) []byte {
	dst = append(dst, ownerQuestion>>8, ownerQuestion&0xff, byte(typ>>8), byte(typ), 0, byte(ClassIN))
	dst = binary.BigEndian.AppendUint32(dst, ttl)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(rdata)))
	return append(dst, rdata...)
}

// NextRR splits the first record off records made by AppendRR, and returns its
// whole bytes and its RDATA.
func NextRR(records []byte) (rr, rdata, rest []byte) {
	n := rrFixed + int(binary.BigEndian.Uint16(records[10:]))
	return records[:n], records[rrFixed:n], records[n:]
}

// RR is a record for Reply.Record. Its RDATA is Data, the names, then Tail.
type RR struct {
	Name  Name  // owner; if empty, Owner is
	Owner Owner // a place in the message
	Type  uint16
	TTL   uint32
	Data  []byte
	Names [2]Name // those that are not empty, compressed: for types of RFC 1035 alone (RFC 3597 section 4)
	Tail  []byte
}

// Record appends one record. It returns the place of its first name, to own the
// records that a CNAME leads to, and whether it fit, as Records does.
func (r *Reply) Record(s Section, rr RR) (target Owner, ok bool) {
	size := max(len(rr.Name), 2) + rrFixed - 2 + len(rr.Data) + len(rr.Names[0]) + len(rr.Names[1]) + len(rr.Tail)
	// Slow path: it fits at most as names are compressed. The buffer must not grow
	// to find out.
	if !r.Fits(size) && !r.Fits(size-r.saved(rr.Name)-r.saved(rr.Names[0])-r.saved(rr.Names[1])) {
		r.truncated = r.truncated || s != Additional
		return 0, false
	}
	if rr.Name != "" {
		r.appendName(rr.Name)
	} else {
		r.buf = binary.BigEndian.AppendUint16(r.buf, 0xc000|uint16(rr.Owner))
	}
	r.buf = append(r.buf, byte(rr.Type>>8), byte(rr.Type), 0, byte(ClassIN))
	r.buf = binary.BigEndian.AppendUint32(r.buf, rr.TTL)
	r.buf = append(r.buf, 0, 0)
	rdata := len(r.buf)
	r.buf = append(r.buf, rr.Data...)
	target = Owner(r.offset())
	for i, name := range rr.Names {
		if name == "" {
			continue
		}
		if at := r.appendName(name); i == 0 {
			target = at
		}
	}
	r.buf = append(r.buf, rr.Tail...)
	binary.BigEndian.PutUint16(r.buf[rdata-2:], uint16(len(r.buf)-rdata))
	r.count[s]++
	return target, true
}

// appendName appends name, pointing into the question for the longest suffix
// that they share. It returns a place of the name: for one that is all pointer,
// where that leads.
func (r *Reply) appendName(name Name) Owner {
	start := r.offset()
	for rest := name; len(rest) > 1; rest = rest.Parent() {
		if at := r.q.suffix(rest); at >= 0 {
			if len(rest) == len(name) {
				start = HeaderLen + at
			}
			r.buf = append(r.buf, name[:len(name)-len(rest)]...)
			r.buf = binary.BigEndian.AppendUint16(r.buf, 0xc000|uint16(HeaderLen+at))
			return Owner(start)
		}
	}
	r.buf = append(r.buf, name...)
	return Owner(start)
}

// saved returns how many octets of name appendName saves.
func (r *Reply) saved(name Name) int {
	for rest := name; len(rest) > 1; rest = rest.Parent() {
		if r.q.suffix(rest) >= 0 {
			return len(rest) - 2
		}
	}
	return 0
}
