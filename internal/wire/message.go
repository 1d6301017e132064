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
	// Authoritative, Authentic and Truncated are the AA, AD and TC that it came
	// with.
	Authoritative, Authentic, Truncated bool
	// EDE is the Extended DNS Error of its OPT record, nil for none: that is told to
	// clients (RFC 8914 section 3), though the record is not.
	EDE *ExtendedError

	question []byte // its name, which pointers in body may lead to
	body     []byte // its records
	records  []place
	count    [3]uint16
	negative bool // its authority section has a SOA record (RFC 2308 section 3)
}

// place is where a record begins in a body, and where its fixed part does.
type place struct{ owner, fixed uint16 }

// ErrMessage is returned for what is no message with one question and whole
// records.
var ErrMessage = errors.New("not a well-formed message with one question")

// ReadMessage returns the message in msg, which it keeps. Any octets may be given
// to it. What it takes can be cut after each record, and repeated after the same
// question: names are within their limits, and pointers lead to earlier names
// alone (RFC 1035 section 4.1.4). RDATA is read as far as it has names or is an
// address. An OPT, TKEY or TSIG record, which concerns a single hop, is ErrMessage.
func ReadMessage(msg []byte) (*Message, error) { return readMessage(msg, nil) }

// readMessage is ReadMessage, or if opt is not nil, ReadReply.
func readMessage(msg []byte, opt *optRecord) (*Message, error) {
	if len(msg) < HeaderLen || len(msg) > MaxTCP || binary.BigEndian.Uint16(msg[4:]) != 1 {
		return nil, ErrMessage
	}
	c := checker{msg: msg}
	end, ok := c.name(HeaderLen)
	if end += 4; !ok || end > len(msg) {
		return nil, ErrMessage
	}
	flags := binary.BigEndian.Uint16(msg[2:])
	m := &Message{
		Rcode:         Rcode(flags & 0xf),
		Authoritative: flags&FlagAA != 0,
		Authentic:     flags&FlagAD != 0,
		Truncated:     flags&FlagTC != 0,
		question:      msg[HeaderLen : end-4],
	}
	total := 0
	for s := range m.count {
		m.count[s] = binary.BigEndian.Uint16(msg[6+2*s:])
		total += int(m.count[s])
	}
	m.records = make([]place, 0, min(total, (len(msg)-end)/(rrFixed-1)))
	at := end
	for s := range m.count {
		for range m.count[s] {
			fixed, next, ok := c.record(at)
			if !ok {
				return nil, ErrMessage
			}
			switch typ := binary.BigEndian.Uint16(msg[fixed:]); {
			case typ == TypeOPT && opt != nil && Section(s) == Additional && len(m.records) == total-1 && opt.read(msg[at:next]):
				m.count[s]--
				m.Rcode |= opt.rcode
				m.EDE = opt.ede
				continue // it was the last record
			case typ == TypeOPT, typ == TypeTKEY, typ == TypeTSIG, opt != nil && !isUsual(msg[at:next], fixed-at, Section(s)):
				return nil, ErrMessage
			case typ == TypeSOA:
				m.negative = m.negative || Section(s) == Authority
			}
			m.records = append(m.records, place{uint16(at - end), uint16(fixed - end)})
			at = next
		}
	}
	m.body = msg[end:at:at]
	return m, nil
}

// Count returns how many records a section holds.
func (m *Message) Count(s Section) int { return int(m.count[s]) }

// Size returns about how much memory the message takes, in octets.
func (m *Message) Size() int {
	const rest = 128 // the header, and what the Message itself takes
	size := len(m.question) + len(m.body) + 4*cap(m.records) + rest
	if m.EDE != nil {
		size += len(m.EDE.Text)
	}
	return size
}

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
			fixed := m.body[m.records[i].fixed:m.start(i+1)]
			ttl := binary.BigEndian.Uint32(fixed[4:])
			if !f(MessageRR{Section(s), binary.BigEndian.Uint16(fixed), ttl, fixed[rrFixed-2:]}) {
				return
			}
			i++
		}
	}
}

// start returns where a record begins in the body; that after the last where the
// body ends.
func (m *Message) start(i int) int {
	if i < len(m.records) {
		return int(m.records[i].owner)
	}
	return len(m.body)
}

// isOf reports whether the message is about the name that q asks for, but for the
// case of its letters.
func (m *Message) isOf(q *Query) bool {
	name := q.Name()
	if len(m.question) != len(name) {
		return false
	}
	for i, c := range m.question {
		if lower(c) != name[i] { // lengths of labels are no letters
			return false
		}
	}
	return true
}

// Aging says what becomes of the TTLs of a message: none is more than Most, and
// of that Age is over. Both are in seconds; the zero Aging leaves no TTL but 0.
type Aging struct{ Most, Age uint32 }

// Fresh leaves TTLs as they are, but for those above the most that there may be
// (RFC 2181 section 8, RFC 8767 section 4).
var Fresh = Aging{Most: math.MaxInt32}

// SetMessage makes the records of m those of the reply, in the place of any that
// it has, and m's rcode, AA, TC and Extended DNS Error its own; AD too, where the
// client asked for it (RFC 6840 section 5.8).
//
// What does not fit is left out as by Records, the additional section as a whole:
// with TC if it is the glue of a referral (RFC 9471 section 3.1). Minimal leaves
// out what stands beside an answer, and nothing of a negative reply. It reports
// false, having done nothing, if m is about another name than the query.
func (r *Reply) SetMessage(m *Message, age Aging) bool {
	if !r.q.HasQuestion() || !m.isOf(r.q) {
		return false
	}
	r.Clear()
	r.rcode, r.Authoritative, r.truncated = m.Rcode, m.Authoritative, m.Truncated
	r.Authentic = m.Authentic && (r.q.DO || r.q.Flags&FlagAD != 0)
	if m.EDE != nil {
		r.SetEDE(m.EDE.Code, m.EDE.Text)
	}
	n := r.admit(m)
	base := len(r.buf)
	r.buf = append(r.buf, m.body[:m.start(n)]...)
	body := r.buf[base:]
	if r.Rotate != 0 {
		m.rotate(body, int(r.count[Answer]), r.Rotate)
	}
	for _, p := range m.records[:n] { // turning has left them where they were
		ttl := body[p.fixed+4:]
		left := min(binary.BigEndian.Uint32(ttl), age.Most)
		binary.BigEndian.PutUint32(ttl, left-min(left, age.Age))
	}
	return true
}

// admit counts the records of m that go in, and returns how many they are: the
// first ones, so that pointers stay right.
func (r *Reply) admit(m *Message) (n int) {
	sections := len(m.count)
	if r.Minimal && m.count[Answer] > 0 && !m.negative {
		sections = 1
	}
	for s := range sections {
		last := n + int(m.count[s])
		if Section(s) == Additional && !r.Fits(m.start(last)) {
			referral := m.count[Answer] == 0 && m.count[Authority] > 0 && !m.negative
			r.truncated = r.truncated || referral
			return n
		}
		for ; n < last; n++ {
			if !r.Fits(m.start(n + 1)) {
				r.truncated = true
				return n
			}
			r.count[s]++
		}
	}
	return n
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
			start, end := m.start(i), m.start(j)
			from := start + int(by%uint32(set))*((end-start)/set)
			copy(body[start+copy(body[start:end], m.body[from:end]):], m.body[start:from])
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

// likes reports whether two records have the same owner, type and class; those of
// addresses are of one size then.
func (m *Message) likes(i, j int) bool {
	a, b := m.records[i], m.records[j]
	return string(m.body[a.owner:a.fixed+4]) == string(m.body[b.owner:b.fixed+4])
}

// Plain returns a copy of the message as it would be finished now, without OPT
// and TSIG records.
func (r *Reply) Plain() []byte {
	msg := append([]byte(nil), r.buf[r.base:]...)
	r.putHeader(msg, r.count[Additional])
	return msg
}

// AppendOPT ends a query with its OPT record, whose options, at most 65,535 octets,
// are in wire form. The query must have no additional record yet.
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
