package conformance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// An exchange is a query and its reply.
type exchange struct {
	tcp     bool
	query   []byte
	reply   []byte
	msg     *dns.Msg
	records []placed // as they stand in the reply
}

// A placed is where a record of the reply stands in it.
type placed struct {
	section    int // 1 to 3
	typ, class uint16
	rdata, end int // its RDATA
}

// header returns the 16 bits of the reply's header at an offset.
func (x *exchange) header(at int) uint16 { return binary.BigEndian.Uint16(x.reply[at:]) }

func (x *exchange) flags() uint16 { return x.header(2) }

// rcode is the extended one.
func (x *exchange) rcode() int {
	code := int(x.flags() & 0xf)
	if opt := x.msg.IsEdns0(); opt != nil {
		code |= opt.ExtendedRcode() &^ 0xf
	}
	return code
}

// question returns the bytes of the query's first question, nil if it has none
// that can be read.
func question(msg []byte) []byte {
	if len(msg) < 12 || binary.BigEndian.Uint16(msg[4:]) == 0 {
		return nil
	}
	end, err := skipName(msg, 12)
	if err != nil || end+4 > len(msg) {
		return nil
	}
	return msg[12 : end+4]
}

// newExchange takes a reply apart, and returns an error if it isn't sound.
func newExchange(tcp bool, query, reply []byte) (*exchange, error) {
	x := &exchange{tcp: tcp, query: query, reply: reply, msg: new(dns.Msg)}
	if len(reply) < 12 {
		return nil, fmt.Errorf("a reply of %d octets has no header", len(reply))
	}
	if err := x.msg.Unpack(reply); err != nil {
		return nil, fmt.Errorf("the reply can't be decoded: %w", err)
	}
	if err := x.walk(); err != nil {
		return nil, fmt.Errorf("the reply is not well formed: %w", err)
	}
	return x, x.sound()
}

// sound checks what holds for every reply to any query: it has the query's id,
// opcode and question, bytes unchanged; QR is set and Z is not; it is within the
// transport's and the client's limit, without octets after its end; and OPT comes
// at most once, version 0, and only to who sent one.
func (x *exchange) sound() error {
	if id, want := x.header(0), binary.BigEndian.Uint16(x.query); id != want {
		return fmt.Errorf("the reply has id %d, not the query's %d", id, want)
	}
	sent := binary.BigEndian.Uint16(x.query[2:])
	if x.flags()&flagQR == 0 {
		return errors.New("QR is not set")
	}
	if x.flags()&flagZ != 0 {
		return errors.New("the reserved bit Z is set")
	}
	if x.flags()&(0xf<<11) != sent&(0xf<<11) {
		return errors.New("the opcode is not the query's")
	}
	if q := question(x.reply); q != nil && !bytes.HasPrefix(x.query[12:], q) {
		return errors.New("the question is not the query's, byte for byte")
	}
	if limit := x.limit(); len(x.reply) > limit {
		return fmt.Errorf("%d octets came where %d are allowed", len(x.reply), limit)
	}
	opts := 0
	for _, r := range x.records {
		if r.typ == dns.TypeOPT {
			opts++
		}
	}
	switch opt := x.msg.IsEdns0(); {
	case opts > 1:
		return errors.New("more than one OPT record")
	case opts == 1 && !bytes.Contains(x.query, []byte{0, 0, byte(dns.TypeOPT)}):
		return errors.New("an OPT record though the query has none")
	case opt != nil && opt.Version() != 0:
		return fmt.Errorf("EDNS version %d", opt.Version())
	}
	return nil
}

// limit is how long the reply may be: over UDP what the client said, and at least
// 512 octets (RFC 6891 section 6.2.3).
func (x *exchange) limit() int {
	if x.tcp {
		return dns.MaxMsgSize
	}
	m := new(dns.Msg)
	if m.Unpack(x.query) == nil && m.IsEdns0() != nil {
		return max(int(m.IsEdns0().UDPSize()), dns.MinMsgSize)
	}
	return dns.MinMsgSize
}

// walk reads the reply's sections by hand, checks that compression pointers lead
// backward only, and that nothing comes after the last record.
func (x *exchange) walk() error {
	at := 12
	for range x.header(4) {
		end, err := skipName(x.reply, at)
		if err != nil {
			return err
		}
		at = end + 4
	}
	for section := 1; section <= 3; section++ {
		for range x.header(4 + 2*section) {
			end, err := skipName(x.reply, at)
			if err != nil {
				return err
			}
			if end+10 > len(x.reply) {
				return errors.New("a record is cut off")
			}
			r := placed{section: section, typ: x.header(end), class: x.header(end + 2), rdata: end + 10}
			r.end = r.rdata + int(x.header(end+8))
			if r.end > len(x.reply) {
				return errors.New("a record's data is cut off")
			}
			x.records = append(x.records, r)
			at = r.end
		}
	}
	if at != len(x.reply) {
		return fmt.Errorf("%d octets come after the last record", len(x.reply)-at)
	}
	return nil
}

// skipName returns the offset after the name at msg[at:], whose pointers must
// each lead to a place before themselves.
func skipName(msg []byte, at int) (int, error) {
	end := 0 // after the first pointer
	for {
		if at >= len(msg) {
			return 0, errors.New("a name is cut off")
		}
		switch l := int(msg[at]); {
		case l == 0:
			return max(end, at+1), nil
		case l >= 0xc0:
			if at+2 > len(msg) {
				return 0, errors.New("a compression pointer is cut off")
			}
			target := int(binary.BigEndian.Uint16(msg[at:]) & 0x3fff)
			if target >= at {
				return 0, fmt.Errorf("the compression pointer at %d leads to %d", at, target)
			}
			end = max(end, at+2)
			at = target
		case l > 63:
			return 0, fmt.Errorf("a label of an unknown type at %d", at)
		default:
			at += 1 + l
		}
	}
}

// uncompressed returns the length of a name if it has no compression pointer.
func uncompressed(msg []byte) (int, bool) {
	for at := 0; at < len(msg); {
		switch l := int(msg[at]); {
		case l == 0:
			return at + 1, true
		case l > 63:
			return 0, false
		default:
			at += 1 + l
		}
	}
	return 0, false
}
