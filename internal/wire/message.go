package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// Message is a reply that came as a whole, from another server, say. It does
// not change and may be shared.
type Message struct {
	Rcode Rcode
	// Authoritative and Authentic are the AA and AD that it came with.
	Authoritative, Authentic bool

	question int    // length of its question, which pointers in body reach over
	body     []byte // its records
	records  []place
	count    [3]uint16
}

// place is where a record begins in a body, and where its fixed part does.
type place struct{ owner, fixed uint16 }

// ErrMessage is returned for what is no reply with one question and whole records.
var ErrMessage = errors.New("not a well-formed reply to one question")

// ReadMessage returns the message in msg, which it keeps. Names must be as a
// packer of messages leaves them, with pointers to earlier places alone. An OPT
// or TSIG record, which concern a single hop, is ErrMessage.
func ReadMessage(msg []byte) (*Message, error) {
	if len(msg) < HeaderLen || len(msg) > MaxTCP || binary.BigEndian.Uint16(msg[4:]) != 1 {
		return nil, ErrMessage
	}
	end, ok := skipName(msg, HeaderLen)
	if end += 4; !ok || end > len(msg) || !isPlain(msg[HeaderLen:]) {
		return nil, ErrMessage
	}
	flags := binary.BigEndian.Uint16(msg[2:])
	m := &Message{
		Rcode:         Rcode(flags & 0xf),
		Authoritative: flags&FlagAA != 0,
		Authentic:     flags&FlagAD != 0,
		question:      end - HeaderLen,
	}
	at, total := end, 0
	for s := range m.count {
		m.count[s] = binary.BigEndian.Uint16(msg[6+2*s:])
		total += int(m.count[s])
	}
	for range total {
		fixed, ok := skipName(msg, at)
		if !ok || fixed+rrFixed-2 > len(msg) {
			return nil, ErrMessage
		}
		switch binary.BigEndian.Uint16(msg[fixed:]) {
		case TypeOPT, TypeTSIG:
			return nil, ErrMessage
		}
		m.records = append(m.records, place{uint16(at - end), uint16(fixed - end)})
		at = fixed + rrFixed - 2 + int(binary.BigEndian.Uint16(msg[fixed+8:]))
		if at > len(msg) {
			return nil, ErrMessage
		}
	}
	m.body = msg[end:at:at]
	return m, nil
}

// Count returns how many records a section holds.
func (m *Message) Count(s Section) int { return int(m.count[s]) }

// Size returns about how much memory the message takes, in octets.
func (m *Message) Size() int { return len(m.body) + 4*len(m.records) + 64 }

// MessageRR is a record of a Message. RDATA may hold pointers, and aliases it.
type MessageRR struct {
	Section Section
	Type    uint16
	TTL     uint32
	RDATA   []byte
}

// Each calls f with each record in order until it reports false.
func (m *Message) Each(f func(MessageRR) bool) {
	i := 0
	for s := range m.count {
		for range m.count[s] {
			fixed := m.body[m.records[i].fixed:m.end(i)]
			ttl := binary.BigEndian.Uint32(fixed[4:])
			if !f(MessageRR{Section(s), binary.BigEndian.Uint16(fixed), ttl, fixed[rrFixed-2:]}) {
				return
			}
			i++
		}
	}
}

// end returns where a record ends in the body.
func (m *Message) end(i int) int {
	if i+1 < len(m.records) {
		return int(m.records[i+1].owner)
	}
	return len(m.body)
}

// Aging says what becomes of the TTLs of a message: none is more than Most, and
// of that Age is over.
type Aging struct{ Most, Age uint32 }

// Fresh leaves TTLs as they are.
var Fresh = Aging{Most: math.MaxInt32}

// SetMessage appends the records of m to a reply without any, and gives it m's
// rcode, AA, and AD where the client asked for it (RFC 6840 section 5.7). What
// does not fit is left out as by Records, the additional section as a whole.
// It reports false, having done nothing, if m's question is not as long as this
// one.
func (r *Reply) SetMessage(m *Message, age Aging) bool {
	if !r.q.HasQuestion() || r.q.end-HeaderLen != m.question {
		return false
	}
	r.Clear()
	r.rcode, r.Authoritative = m.Rcode, m.Authoritative
	r.Authentic = m.Authentic && (r.q.DO || r.q.Flags&FlagAD != 0)
	base := len(r.buf)
	i := 0 // records that go in: the first ones, so that pointers stay right
sections:
	for s := range m.count {
		if s > int(Answer) && r.Minimal && m.count[Answer] > 0 {
			break
		}
		last := i + int(m.count[s])
		if Section(s) == Additional && last > i && !r.Fits(m.end(last-1)) {
			break
		}
		for ; i < last; i++ {
			if !r.Fits(m.end(i)) {
				r.truncated = true
				break sections
			}
			r.count[s]++
		}
	}
	if i == 0 {
		return true
	}
	r.buf = append(r.buf, m.body[:m.end(i-1)]...)
	body := r.buf[base:]
	for _, p := range m.records[:i] {
		ttl := body[p.fixed+4:]
		left := min(binary.BigEndian.Uint32(ttl), age.Most)
		binary.BigEndian.PutUint32(ttl, left-min(left, age.Age))
	}
	if r.Rotate != 0 {
		m.rotate(body, int(r.count[Answer]), r.Rotate)
	}
	return true
}

// rotate turns each set of addresses among the first n records in body, a copy of
// m's. A set is told by its owner, which for all but the first of a name is a
// pointer.
func (m *Message) rotate(body []byte, n int, by uint32) {
	for i := 0; i < n; {
		j := i + 1
		for j < n && m.isAddress(i) && m.likes(i, j) {
			j++
		}
		if set := j - i; set > 1 {
			start, size := int(m.records[i].owner), m.end(i)-int(m.records[i].owner)
			from := int(by%uint32(set)) * size
			whole := body[start : start+set*size]
			source := m.body[start : start+set*size]
			ttl := [4]byte(body[m.records[i].fixed+4:])
			copy(whole[copy(whole, source[from:]):], source[:from])
			for k := range set {
				copy(whole[k*size+6:], ttl[:]) // one set has one TTL (RFC 2181 section 5.2)
			}
		}
		i = j
	}
}

// isAddress reports whether a record is an A or AAAA record with a pointer as
// its owner.
func (m *Message) isAddress(i int) bool {
	p := m.records[i]
	t := binary.BigEndian.Uint16(m.body[p.fixed:])
	return p.fixed-p.owner == 2 && (t == TypeA || t == TypeAAAA)
}

// likes reports whether two records have the same owner, type and size.
func (m *Message) likes(i, j int) bool {
	a, b := m.records[i], m.records[j]
	return m.end(i)-int(a.owner) == m.end(j)-int(b.owner) &&
		string(m.body[a.owner:a.fixed+2]) == string(m.body[b.owner:b.fixed+2])
}

// Plain returns a copy of the message as it would be finished now, without OPT
// and TSIG records.
func (r *Reply) Plain() []byte {
	msg := append([]byte(nil), r.buf[r.base:]...)
	r.putHeader(msg, r.count[Additional])
	return msg
}

// AppendOPT ends a query with its OPT record, whose options are in wire form. The
// query must have no additional record yet.
func AppendOPT(query []byte, do bool, options []byte) []byte {
	query[11] = 1
	at := len(query)
	query = append(query, 0, 0, byte(TypeOPT), byte(MaxUDP>>8), byte(MaxUDP&0xff), 0, 0, 0, 0, 0, 0)
	if do {
		query[at+7] = byte(flagDO >> 8)
	}
	binary.BigEndian.PutUint16(query[at+9:], uint16(len(options)))
	return append(query, options...)
}
