package wire

import "encoding/binary"

// Verdict is what Parse makes of a packet.
type Verdict uint8

// The verdicts of Parse.
const (
	// Accept: a well-formed query with one question.
	Accept Verdict = iota
	// Drop: no reply may be sent: too short for a header, or itself a reply
	// (answering one lets two servers loop).
	Drop
	// Reject: to be answered with Query.Reject and nothing else.
	Reject
)

// Query is a view of a received message. Its zero value is ready for Parse;
// it may be reused for any number of messages, by one goroutine at a time.
type Query struct {
	ID    uint16
	Flags uint16 // the header's second 16 bits as received

	Type, Class uint16

	// EDNS as the client sent it (RFC 6891); zero without an OPT record.
	HasEDNS bool
	Version uint8
	UDPSize uint16
	DO      bool
	// Options are all options as the client sent them (RFC 6891 section 6.1.2).
	// Aliases the packet.
	Options []byte

	// Cookie is the COOKIE option (RFC 7873 section 4) as the client sent it: its
	// own 8 octets, and then those of a server, if any. Aliases the packet; empty
	// for none.
	Cookie []byte
	// WantsNSID and WantsKeepalive: the client asks for the server's identifier
	// (RFC 5001) and its idle timeout (RFC 7828).
	WantsNSID, WantsKeepalive bool
	// BadKeepalive: it sent a timeout with that, which is FORMERR on a stream, and
	// nothing over UDP (RFC 7828 sections 3.2.1 and 3.3.1).
	BadKeepalive bool

	// Reject is the rcode of a message that Parse does not accept.
	Reject Rcode

	msg     []byte // the packet; the transport's, valid while the query is served
	end     int    // of the question in msg; HeaderLen if it has none
	tsig    tsig
	name    [MaxName]byte
	nameLen int
	labels  [MaxName / 2]uint8 // where each label of name begins
	nlabels int
}

// Name returns the question's name, lower-case and in wire form. It is valid
// until the next Parse.
func (q *Query) Name() []byte { return q.name[:q.nameLen] }

// RawName returns the question's name as the client wrote it. Aliases the packet.
func (q *Query) RawName() []byte {
	if q.nameLen == 0 {
		return nil
	}
	return q.msg[HeaderLen : HeaderLen+q.nameLen]
}

// Size returns the packet's length in octets.
func (q *Query) Size() int { return len(q.msg) }

// Opcode returns the header's OPCODE.
func (q *Query) Opcode() int { return int(q.Flags & opcodeMask >> 11) }

// HasQuestion reports whether the message had a question that could be read.
func (q *Query) HasQuestion() bool { return q.nameLen > 0 }

// Parse reads msg, which must stay unchanged while q is in use. It is the one
// acceptance check of every transport, and does a bounded amount of work:
// header first, then the question, then the additional section for its OPT.
//
// What it rejects: opcodes but QUERY (NOTIMP; NOTIFY is NOTAUTH, since no zone
// here is a secondary, RFC 1996 section 3.10), more than one question (RFC 9619),
// none but to ask for a cookie (RFC 7873 section 5.4), records where a query has
// none, names that are not well formed, and options that break RFC 6891 section
// 6.1.1. An EDNS version above 0 is BADVERS (section 6.1.3), and any TSIG NOTAUTH,
// as there are no keys (RFC 8945 section 5.2). Octets after the message are ignored.
func (q *Query) Parse(msg []byte) Verdict {
	q.msg, q.end, q.nameLen, q.nlabels = msg, HeaderLen, 0, 0
	q.Type, q.Class, q.Reject = 0, 0, NoError
	q.HasEDNS, q.Version, q.UDPSize, q.DO, q.Options = false, 0, 0, false, nil
	q.Cookie, q.WantsNSID, q.WantsKeepalive, q.BadKeepalive, q.tsig = nil, false, false, false, tsig{}
	if len(msg) < HeaderLen {
		return Drop
	}
	q.ID = binary.BigEndian.Uint16(msg)
	q.Flags = binary.BigEndian.Uint16(msg[2:])
	if q.Flags&FlagQR != 0 {
		return Drop
	}
	if q.Opcode() != int(opcodeQuery) {
		return q.rejectOpcode()
	}
	questions := binary.BigEndian.Uint16(msg[4:])
	if questions > 1 || questions == 1 && !q.readQuestion() {
		return q.reject(FormErr)
	}
	if !q.readRecords() {
		return q.reject(FormErr)
	}
	switch {
	case q.tsig.key != nil:
		return q.reject(NotAuth)
	case q.Version > 0:
		return q.reject(BadVers)
	case questions == 0 && len(q.Cookie) > 0:
		return q.reject(NoError)
	case questions == 0:
		return q.reject(FormErr)
	}
	switch q.Type {
	case 0, TypeOPT, TypeTKEY, TypeTSIG: // RFC 6895 section 3.1: not for questions
		return q.reject(FormErr)
	}
	return Accept
}

// rejectOpcode rejects what is no query. Its question and OPT record are repeated
// and answered where there are such; what else an unknown opcode has in the
// packet's sections need not be records.
func (q *Query) rejectOpcode() Verdict {
	if binary.BigEndian.Uint16(q.msg[4:]) == 1 && !q.readQuestion() {
		q.nameLen, q.nlabels, q.end = 0, 0, HeaderLen
	}
	if !q.readRecords() {
		q.HasEDNS, q.Options = false, nil
	}
	if q.Opcode() == OpcodeNotify {
		return q.reject(NotAuth)
	}
	return q.reject(NotImp)
}

func (q *Query) reject(r Rcode) Verdict {
	q.Reject = r
	if r != NotAuth || q.Opcode() != int(opcodeQuery) {
		q.tsig = tsig{} // it is answered with its own error, or not at all
	}
	return Reject
}

// readQuestion reads the one question. A pointer can't be valid in it, as
// nothing stands before it that it could point to.
func (q *Query) readQuestion() bool {
	msg, at := q.msg, HeaderLen
	n := 0
	for {
		if at >= len(msg) {
			return false
		}
		l := int(msg[at])
		if l > MaxLabel || n+l+2 > MaxName && l > 0 || at+1+l > len(msg) {
			return false
		}
		if l == 0 {
			q.name[n] = 0
			n, at = n+1, at+1
			break
		}
		q.labels[q.nlabels] = uint8(n)
		q.nlabels++
		q.name[n] = byte(l)
		for i := 1; i <= l; i++ {
			q.name[n+i] = lower(msg[at+i])
		}
		n, at = n+1+l, at+1+l
	}
	if at+4 > len(msg) {
		return false
	}
	q.Type = binary.BigEndian.Uint16(msg[at:])
	q.Class = binary.BigEndian.Uint16(msg[at+2:])
	q.nameLen, q.end = n, at+4
	return true
}

// suffix returns where in the question's name its last octets begin that equal
// name; -1 if the question does not end in it.
func (q *Query) suffix(name Name) int {
	at := q.nameLen - len(name)
	if at < 0 || string(q.name[at:q.nameLen]) != string(name) {
		return -1
	}
	for i := q.nlabels - 1; i >= 0 && int(q.labels[i]) >= at; i-- {
		if int(q.labels[i]) == at {
			return at
		}
	}
	return -1
}
