package wire

import "encoding/binary"

// mostRecords is how many records a query may carry: OPT, TSIG, and for IXFR a
// SOA (RFC 1995 section 3). What has more is not read to its end.
const mostRecords = 8

// Option codes of EDNS.
const (
	optNSID      uint16 = 3
	optCookie    uint16 = 10
	optKeepalive uint16 = 11
	optEDE       uint16 = 15
)

// Lengths of the COOKIE option (RFC 7873 section 4).
const (
	ClientCookieLen = 8
	minServerCookie = 8
	maxServerCookie = 32
)

// readRecords walks the records after the question for OPT and TSIG. It reports
// false for what no query may have.
func (q *Query) readRecords() bool {
	an := int(binary.BigEndian.Uint16(q.msg[6:]))
	ns := int(binary.BigEndian.Uint16(q.msg[8:]))
	ar := int(binary.BigEndian.Uint16(q.msg[10:]))
	if an+ns+ar > mostRecords {
		return false
	}
	at := q.end
	for i := range an + ns + ar {
		nameEnd, ok := skipName(q.msg, at)
		if !ok || nameEnd+10 > len(q.msg) {
			return false
		}
		r := received{
			owner: q.msg[at:nameEnd],
			fixed: q.msg[nameEnd : nameEnd+10],
		}
		rdata := nameEnd + 10
		next := rdata + int(binary.BigEndian.Uint16(r.fixed[8:]))
		if next > len(q.msg) {
			return false
		}
		r.rdata = q.msg[rdata:next:next]
		additional, last := i >= an+ns, i == an+ns+ar-1
		switch binary.BigEndian.Uint16(r.fixed) {
		case TypeOPT:
			if !additional || !q.readOPT(r) {
				return false
			}
		case TypeTSIG:
			if !additional || !last || !q.readTSIG(r) {
				return false
			}
		}
		at = next
	}
	return an == 0 && (ns == 0 || ns == 1 && q.Type == TypeIXFR)
}

// received is a record of the packet: its owner, what stands between that and
// the RDATA (type, class, TTL, length), and the RDATA.
type received struct{ owner, fixed, rdata []byte }

// readOPT takes in the OPT record. There may be one, at the root.
func (q *Query) readOPT(r received) bool {
	if q.HasEDNS || r.owner[0] != 0 {
		return false
	}
	q.HasEDNS = true
	q.UDPSize = binary.BigEndian.Uint16(r.fixed[2:])
	q.Version = r.fixed[5]
	q.DO = binary.BigEndian.Uint16(r.fixed[6:])&flagDO != 0
	q.Options = r.rdata
	for options := r.rdata; len(options) > 0; {
		if len(options) < 4 {
			return false
		}
		end := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if end > len(options) || !q.readOption(binary.BigEndian.Uint16(options), options[4:end]) {
			return false
		}
		options = options[end:]
	}
	return true
}

// readOption takes in an option, or passes over one that is not implemented
// (RFC 6891 section 6.1.2). Of a cookie sent twice the first counts (RFC 7873
// section 5.2).
func (q *Query) readOption(code uint16, data []byte) bool {
	switch code {
	case optNSID:
		q.WantsNSID = true
	case optKeepalive:
		q.WantsKeepalive, q.BadKeepalive = len(data) == 0, len(data) > 0
	case optCookie:
		n := len(data) - ClientCookieLen
		if n != 0 && (n < minServerCookie || n > maxServerCookie) {
			return false
		}
		if q.Cookie == nil {
			q.Cookie = data
		}
	}
	return true
}

// tsig is what a signed query's TSIG record (RFC 8945 section 4.2) says that the
// answer repeats. Its slices alias the packet.
type tsig struct {
	key       []byte // the key's name; nil if the query is not signed
	algorithm []byte // its name
	signed    []byte // time signed and fudge
}

// readTSIG takes in the TSIG record.
func (q *Query) readTSIG(r received) bool {
	class, ttl := binary.BigEndian.Uint16(r.fixed[2:]), binary.BigEndian.Uint32(r.fixed[4:])
	if class != ClassANY || ttl != 0 || !isPlain(r.owner) {
		return false
	}
	end, ok := skipName(r.rdata, 0)
	if !ok || !isPlain(r.rdata[:end]) {
		return false
	}
	// Time signed (6 octets), fudge, MAC size and MAC, original ID, error, and
	// other data with its length.
	rest := r.rdata[end:]
	if len(rest) < 10 {
		return false
	}
	mac := 10 + int(binary.BigEndian.Uint16(rest[8:]))
	if len(rest) < mac+6 || len(rest) != mac+6+int(binary.BigEndian.Uint16(rest[mac+4:])) {
		return false
	}
	q.tsig = tsig{key: r.owner, algorithm: r.rdata[:end], signed: rest[:8]}
	return true
}

// isPlain reports whether a name, read by skipName, has no pointer.
func isPlain(name []byte) bool {
	at := 0
	for name[at] != 0 {
		if name[at] > MaxLabel {
			return false
		}
		at += 1 + int(name[at])
	}
	return true
}

// badKey is the TSIG error of a key that is not known (RFC 8945 section 5.2.1).
const badKey = 17

// append appends the TSIG record of a reply to a query whose key is not known: it
// is not signed (RFC 8945 section 5.3.2).
func (t *tsig) append(dst []byte, id uint16) []byte {
	dst = append(dst, t.key...)
	dst = binary.BigEndian.AppendUint16(dst, TypeTSIG)
	dst = binary.BigEndian.AppendUint16(dst, ClassANY)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(t.len()))
	dst = append(dst, t.algorithm...)
	dst = append(dst, t.signed...)
	dst = binary.BigEndian.AppendUint16(dst, 0) // no MAC
	dst = binary.BigEndian.AppendUint16(dst, id)
	dst = binary.BigEndian.AppendUint16(dst, badKey)
	return binary.BigEndian.AppendUint16(dst, 0)
}

// len returns the length of the RDATA.
func (t *tsig) len() int { return len(t.algorithm) + len(t.signed) + 8 }

// size returns the length of the whole record, 0 if there is none.
func (t *tsig) size() int {
	if t.key == nil {
		return 0
	}
	return len(t.key) + 10 + t.len()
}

// skipName returns the offset after the name at msg[at:], which may end in a
// compression pointer to an earlier place.
func skipName(msg []byte, at int) (int, bool) {
	for at < len(msg) {
		switch l := int(msg[at]); {
		case l == 0:
			return at + 1, true
		case l >= 0xc0:
			if at+2 > len(msg) || int(binary.BigEndian.Uint16(msg[at:]))&0x3fff >= at {
				return 0, false
			}
			return at + 2, true
		case l > MaxLabel:
			return 0, false
		default:
			at += 1 + l
		}
	}
	return 0, false
}
