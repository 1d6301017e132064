package wire

import "encoding/binary"

// Section is a section of a message that holds resource records.
type Section uint8

// The sections, in the order a reply is written.
const (
	Answer Section = iota
	Authority
	Additional
)

// Reply is a message being appended to. Start begins one; Finish ends it. It
// may be reused, by one goroutine at a time.
type Reply struct {
	// Rotate is by how many records an address set is turned, so that not
	// every client takes the same address first.
	Rotate uint32
	// Authoritative sets AA, Recursive RA, Authentic AD.
	Authoritative, Recursive, Authentic bool
	// Large reports a transport without UDP's limits (a stream).
	Large bool
	// Minimal leaves the additional section empty, but for the OPT record.
	Minimal bool

	q         *Query
	buf       []byte
	base      int    // where the message begins in buf
	limit     int    // of the whole message
	udpSize   uint16 // what we take, said in the OPT record
	room      int    // of the message before its OPT record
	count     [3]uint16
	rcode     Rcode
	ede       ExtendedError
	hasEDE    bool
	truncated bool
	options   []byte // those set, before the Extended DNS Error
	space     [optionSpace]byte
}

// optionSpace is room for the options of most replies: a cookie of RFC 9018, and
// keepalive.
const optionSpace = 4 + 24 + 4 + 2

// setOption adds an option to the reply's OPT record: it is sent if the client
// spoke EDNS, and room for it is kept from then on. It must be set before records
// are appended.
func (r *Reply) setOption(code uint16, data ...[]byte) {
	if !r.q.HasEDNS {
		return
	}
	size := 0
	for _, d := range data {
		size += len(d)
	}
	if r.options == nil {
		r.options = r.space[:0]
	}
	r.options = binary.BigEndian.AppendUint16(r.options, code)
	r.options = binary.BigEndian.AppendUint16(r.options, uint16(size))
	for _, d := range data {
		r.options = append(r.options, d...)
	}
	r.room -= 4 + size
}

// SetCookie answers a COOKIE option: with the client's own 8 octets and the
// server's (RFC 7873 section 5.2).
func (r *Reply) SetCookie(server []byte) {
	r.setOption(optCookie, r.q.Cookie[:ClientCookieLen], server)
}

// SetNSID answers an NSID option (RFC 5001 section 2.3).
func (r *Reply) SetNSID(id []byte) { r.setOption(optNSID, id) }

// SetKeepalive answers an edns-tcp-keepalive option: for how long a connection
// may idle, in units of 100 ms (RFC 7828 section 3.1).
func (r *Reply) SetKeepalive(units uint16) {
	r.setOption(optKeepalive, []byte{byte(units >> 8), byte(units)})
}

// Start begins the reply to q, appended to buf. stream says that the transport
// carries 64 KiB; else the limit is what the client announced by EDNS, at least
// 512 octets and at most 1232 (RFC 6891 section 6.2.5).
func (r *Reply) Start(q *Query, buf []byte, stream bool) {
	*r = Reply{q: q, buf: buf, base: len(buf), Large: stream, limit: MinUDP, udpSize: MaxUDP, Rotate: r.Rotate, options: r.options[:0]}
	switch {
	case stream:
		r.limit = MaxTCP
	case q.HasEDNS:
		r.limit = min(max(int(q.UDPSize), MinUDP), MaxUDP)
	}
	if q.end+q.tsig.size()+optFixed+optionSpace > r.limit {
		q.tsig = tsig{} // names as long as these leave no room for the rest
	}
	r.room = r.limit - q.tsig.size()
	if q.HasEDNS {
		r.room -= optFixed
	}
	r.buf = append(r.buf, make([]byte, HeaderLen)...)
	if q.HasQuestion() {
		r.buf = append(r.buf, q.msg[HeaderLen:q.end]...)
	}
}

// SetMaxUDP makes size, at least 512 and at most UDPBuffer, what a reply over UDP
// may have, in the place of 1232 octets. It must be set before records are
// appended.
func (r *Reply) SetMaxUDP(size uint16) {
	r.udpSize = size
	if r.q.HasEDNS && !r.Large {
		limit := min(max(int(r.q.UDPSize), MinUDP), int(size))
		r.room += limit - r.limit
		r.limit = limit
	}
}

// Query returns what is being answered.
func (r *Reply) Query() *Query { return r.q }

// Rcode returns the rcode set so far.
func (r *Reply) Rcode() Rcode { return r.rcode }

// SetRcode sets the rcode.
func (r *Reply) SetRcode(c Rcode) { r.rcode = c }

// SetEDE attaches an Extended DNS Error, sent if the client spoke EDNS and it
// fits. text may be empty.
func (r *Reply) SetEDE(code EDE, text string) { r.ede, r.hasEDE = ExtendedError{code, text}, true }

// EDE returns the Extended DNS Error that is attached, if there is one.
func (r *Reply) EDE() (e ExtendedError, ok bool) { return r.ede, r.hasEDE }

// Truncated reports whether something was left out that TC must tell of.
func (r *Reply) Truncated() bool { return r.truncated }

// Size returns how long the message would be if it were finished now.
func (r *Reply) Size() int {
	n := r.offset() + r.q.tsig.size()
	if r.q.HasEDNS {
		n += optFixed + len(r.options)
		if r.fitsEDE(n) {
			n += r.lenEDE()
		}
	}
	return n
}

func (r *Reply) lenEDE() int { return 6 + len(r.ede.Text) }

// fitsEDE reports whether an Extended DNS Error is to be sent in a message that
// is n octets long without it.
func (r *Reply) fitsEDE(n int) bool { return r.hasEDE && n+r.lenEDE() <= r.limit }

// Count returns how many records a section holds so far.
func (r *Reply) Count(s Section) int { return int(r.count[s]) }

// Clear takes back what was said in answer to the question: records, the rcode,
// AA, AD, TC and an Extended DNS Error. What holds for the reply as a whole stays:
// its size, other options, RA, Minimal, Rotate.
func (r *Reply) Clear() {
	n := r.base + HeaderLen
	if r.q.HasQuestion() {
		n += r.q.end - HeaderLen
	}
	r.buf, r.count, r.truncated, r.hasEDE = r.buf[:n], [3]uint16{}, false, false
	r.rcode, r.Authoritative, r.Authentic = NoError, false, false
}

// SetTruncated sets TC: the client is to ask again over a stream (RFC 7766 section
// 5).
func (r *Reply) SetTruncated() { r.truncated = true }

// offset returns where in the message the next octet goes.
func (r *Reply) offset() int { return len(r.buf) - r.base }

// Owner is the name of a record in a reply, as a place in the message that it
// is a pointer to.
type Owner uint16

// Question is the owner of records at the question's own name.
const Question Owner = HeaderLen

// Fits reports whether n more octets of records do.
func (r *Reply) Fits(n int) bool { return n <= r.room-r.offset() }

// NextRDATA returns the place of the RDATA of the record that Records would
// append next.
func (r *Reply) NextRDATA() Owner { return Owner(r.offset() + rrFixed) }

// Records appends records of one set, made by AppendRR, with the given owner.
// In the answer and authority sections, a record that does not fit ends the
// section and sets TC; in the additional section the whole set is left out
// without TC (RFC 2181 section 9). It reports whether all went in.
func (r *Reply) Records(s Section, owner Owner, records []byte) bool {
	if s == Additional && r.Minimal {
		return false
	}
	// Fast path: all of it fits.
	if r.Fits(len(records)) {
		at := len(r.buf)
		r.buf = append(r.buf, records...)
		r.adopt(s, owner, at)
		return true
	}
	// Slow path: as many as fit.
	if s == Additional {
		return false
	}
	r.truncated = true
	for len(records) > 0 {
		rr, _, rest := NextRR(records)
		if !r.Fits(len(rr)) {
			break
		}
		at := len(r.buf)
		r.buf = append(r.buf, rr...)
		r.adopt(s, owner, at)
		records = rest
	}
	return false
}

// adopt counts the records appended at buf[at:] and gives them their owner.
func (r *Reply) adopt(s Section, owner Owner, at int) {
	for at < len(r.buf) {
		if owner != Question {
			binary.BigEndian.PutUint16(r.buf[at:], 0xc000|uint16(owner))
		}
		at += rrFixed + int(binary.BigEndian.Uint16(r.buf[at+10:]))
		r.count[s]++
	}
}

// optFixed is the length of an OPT record without options.
const optFixed = 11

// Flags returns the header's second 16 bits but for the rcode: opcode, RD and CD
// as the client's, Z clear.
func (r *Reply) Flags() uint16 {
	flags := FlagQR | r.q.Flags&(opcodeMask|FlagRD|FlagCD)
	if r.q.Opcode() != int(opcodeQuery) {
		flags &^= FlagRD | FlagCD // RFC 8906 section 8.1: an unknown opcode gives them no meaning
	}
	if r.Authoritative {
		flags |= FlagAA
	}
	if r.Recursive {
		flags |= FlagRA
	}
	if r.Authentic {
		flags |= FlagAD
	}
	if r.truncated {
		flags |= FlagTC
	}
	return flags
}

// Finish completes the message: OPT record, counts and flags. The returned
// slice is the one given to Start, extended by the message.
func (r *Reply) Finish() []byte {
	if r.q.HasEDNS {
		r.appendOPT()
	}
	if r.q.tsig.key != nil {
		r.buf = r.q.tsig.append(r.buf, r.q.ID)
	}
	extra := r.count[Additional]
	if r.q.HasEDNS {
		extra++
	}
	if r.q.tsig.key != nil {
		extra++
	}
	r.putHeader(r.buf[r.base:], extra)
	return r.buf
}

// putHeader writes the header of a message with extra additional records. An
// rcode that needs the OPT record is SERVFAIL to a client without EDNS: what is
// left of it would mean something else.
func (r *Reply) putHeader(h []byte, extra uint16) {
	rcode := r.rcode
	if rcode > 0xf && !r.q.HasEDNS {
		rcode = ServFail
	}
	binary.BigEndian.PutUint16(h, r.q.ID)
	binary.BigEndian.PutUint16(h[2:], r.Flags()|uint16(rcode&0xf))
	if r.q.HasQuestion() {
		h[5] = 1
	}
	binary.BigEndian.PutUint16(h[6:], r.count[Answer])
	binary.BigEndian.PutUint16(h[8:], r.count[Authority])
	binary.BigEndian.PutUint16(h[10:], extra)
}

// appendOPT writes the OPT record (RFC 6891 section 6.1.2): our own UDP size,
// version 0, DO copied (RFC 3225 section 3), and no flag or option of the
// client's.
func (r *Reply) appendOPT() {
	start := len(r.buf)
	r.buf = append(r.buf, 0, 0, byte(TypeOPT), byte(r.udpSize>>8), byte(r.udpSize), byte(r.rcode>>4), 0, 0, 0, 0, 0)
	if r.q.DO {
		r.buf[start+7] = byte(flagDO >> 8)
	}
	r.buf = append(r.buf, r.options...)
	if r.fitsEDE(r.offset() + r.q.tsig.size()) {
		r.buf = binary.BigEndian.AppendUint16(r.buf, optEDE)
		r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(2+len(r.ede.Text)))
		r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(r.ede.Code))
		r.buf = append(r.buf, r.ede.Text...)
	}
	binary.BigEndian.PutUint16(r.buf[start+9:], uint16(len(r.buf)-start-optFixed))
}
