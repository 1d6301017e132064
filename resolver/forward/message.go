package forward

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// query is a question on its way to upstreams. It belongs to one goroutine.
type query struct {
	packet   []byte // its ID is that of the last exchange
	question int    // where the question ends in packet; the OPT record follows
	stream   bool   // it is to go by TCP, where an upstream has the choice
}

// Options of EDNS that concern a single hop, and so are not passed on: NSID (RFC
// 5001), COOKIE (RFC 7873), edns-tcp-keepalive (RFC 7828), padding (RFC 7830).
const (
	optNSID      = 3
	optCookie    = 10
	optKeepalive = 11
	optPadding   = 12
)

// newQuery returns what is asked of upstreams for q: its question with the name as
// the client wrote it, RD, AD and CD, DO, and its options.
func newQuery(q *resolver.Query, stream bool) *query {
	name := q.RawName()
	packet := make([]byte, wire.HeaderLen, wire.HeaderLen+len(name)+4+11+len(q.Options))
	binary.BigEndian.PutUint16(packet[2:], q.Flags&(wire.FlagRD|wire.FlagAD|wire.FlagCD))
	packet[5] = 1
	packet = append(packet, name...)
	packet = binary.BigEndian.AppendUint16(packet, q.Type)
	packet = binary.BigEndian.AppendUint16(packet, q.Class)
	end := len(packet)
	return &query{wire.AppendOPT(packet, q.DO, passedOn(q.Options)), end, stream}
}

// newCheck returns the query of a health check.
func newCheck(c Check, stream bool) (*query, error) {
	m := new(dns.Msg)
	m.SetQuestion(c.Domain, dns.TypeNS)
	m.RecursionDesired = c.RecursionDesired
	packet, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("health check: %w", err)
	}
	return &query{packet, len(packet), stream}, nil
}

// passedOn returns the options that are for the next server too. They are well
// formed, as the query was accepted.
func passedOn(options []byte) (kept []byte) {
	for len(options) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(options[2:]))
		switch binary.BigEndian.Uint16(options) {
		case optNSID, optCookie, optKeepalive, optPadding:
		default:
			kept = append(kept, options[:n]...)
		}
		options = options[n:]
	}
	return kept
}

// key returns what queries have in common that the same answer is for: all that
// goes out, with the name lower-case.
func (u *query) key(name []byte) string {
	b := make([]byte, 0, len(u.packet)+1)
	if u.stream {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = append(b, u.packet[2:4]...)
	b = append(b, name...)
	return string(append(b, u.packet[wire.HeaderLen+len(name):]...))
}

// renew gives the query an ID that nobody can guess (RFC 5452 section 9.2).
func (u *query) renew() { _, _ = rand.Read(u.packet[:2]) }

// hasOPT reports whether the query has an OPT record.
func (u *query) hasOPT() bool { return u.question < len(u.packet) }

// dropOPT takes the OPT record away.
func (u *query) dropOPT() {
	u.packet = u.packet[:u.question]
	u.packet[11] = 0
}

// matches reports whether msg is a reply to the query as it was last sent: ID, QR,
// opcode, and the question octet for octet, case included (RFC 5452 section 9.1).
func (u *query) matches(msg []byte) bool {
	if len(msg) < u.question || msg[0] != u.packet[0] || msg[1] != u.packet[1] {
		return false
	}
	const qr, opcode = 0x80, 0x78 // of the header's third octet
	return msg[2]&(qr|opcode) == qr && msg[4] == 0 && msg[5] == 1 &&
		bytes.Equal(msg[wire.HeaderLen:u.question], u.packet[wire.HeaderLen:u.question])
}

// isTruncated reports TC of a message that has a header.
func isTruncated(msg []byte) bool { return binary.BigEndian.Uint16(msg[2:])&wire.FlagTC != 0 }

// answer is what an upstream said. It does not change and may be shared.
type answer struct {
	message  *wire.Message
	hasOPT   bool
	upstream string
}

// errMalformed is why a reply that matches counts for nothing.
var errMalformed = errors.New("malformed reply")

// readAnswer reads a reply that matches, of which it keeps nothing. Nothing in it
// ends the process.
func readAnswer(msg []byte) (a *answer, err error) {
	defer caught(&a, &err)
	// Fast path
	if m, hasOPT, err := wire.ReadReply(bytes.Clone(msg)); err == nil {
		return &answer{message: m, hasOPT: hasOPT}, nil
	}
	return readUnusual(msg)
}

// readUnusual is readAnswer for what wire.ReadReply does not take: it is brought
// into our form, if it is well formed.
//
// Slow path
func readUnusual(msg []byte) (*answer, error) {
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	a := &answer{hasOPT: m.IsEdns0() != nil}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeOPT {
				h.Ttl = min(h.Ttl, math.MaxInt32) // RFC 2181 section 8
			}
		}
	}
	var err error
	if a.message, err = resolver.Pack(m); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return a, nil
}

// caught, deferred, makes of a panic over a reply the error that it is malformed.
func caught(a **answer, err *error) {
	if reason := recover(); reason != nil {
		*a, *err = nil, fmt.Errorf("%w: %v", errMalformed, reason)
	}
}
