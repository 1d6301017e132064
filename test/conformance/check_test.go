package conformance

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A check returns what is wrong with a reply, nil for nothing.
type check func(*exchange) error

// notOffered is that a server lacks something optional.
type notOffered string

func (n notOffered) Error() string { return "no " + string(n) }

// all is every check after another.
func all(checks ...check) check {
	return func(x *exchange) error {
		for _, c := range checks {
			if err := c(x); err != nil {
				return err
			}
		}
		return nil
	}
}

// rcode wants one of the given codes.
func rcode(want ...int) check {
	return func(x *exchange) error {
		if slices.Contains(want, x.rcode()) {
			return nil
		}
		return fmt.Errorf("%s came", describe(x.msg))
	}
}

// set wants flags, and unset none of them.
func set(bits uint16) check {
	return func(x *exchange) error {
		if missing := bits &^ x.flags(); missing != 0 {
			return fmt.Errorf("%s not set", flagNames(missing))
		}
		return nil
	}
}

func unset(bits uint16) check {
	return func(x *exchange) error {
		if excess := bits & x.flags(); excess != 0 {
			return fmt.Errorf("%s set", flagNames(excess))
		}
		return nil
	}
}

func flagNames(bits uint16) string {
	var names []string
	for _, f := range []struct {
		bit  uint16
		name string
	}{{flagAA, "AA"}, {flagTC, "TC"}, {flagRD, "RD"}, {flagRA, "RA"}, {flagZ, "Z"}, {flagAD, "AD"}, {flagCD, "CD"}} {
		if bits&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, " and ") + " is"
}

// opt wants an OPT record, without flags but DO; noOpt wants none.
func opt(x *exchange) error {
	o := x.msg.IsEdns0()
	if o == nil {
		return errors.New("no OPT record")
	}
	if o.Hdr.Ttl&0x7fff != 0 {
		return errors.New("reserved EDNS flags are set")
	}
	return nil
}

func noOpt(x *exchange) error {
	if x.msg.IsEdns0() != nil {
		return errors.New("an OPT record came")
	}
	return nil
}

// optionData returns the data of the reply's first option of a code, as bytes.
func (x *exchange) optionData(code uint16) ([]byte, bool) {
	for _, r := range x.records {
		if r.typ != dns.TypeOPT {
			continue
		}
		for b := x.reply[r.rdata:r.end]; len(b) >= 4; {
			n := 4 + int(b[2])<<8 + int(b[3])
			if uint16(b[0])<<8|uint16(b[1]) == code {
				return b[4:n], true
			}
			b = b[n:]
		}
	}
	return nil, false
}

// without wants none of the options in the reply.
func without(codes ...uint16) check {
	return func(x *exchange) error {
		for _, code := range codes {
			if _, ok := x.optionData(code); ok {
				return fmt.Errorf("option %d came", code)
			}
		}
		return nil
	}
}

// notEchoed wants an option to be absent, or to hold something else than sent.
func notEchoed(code uint16, sent ...byte) check {
	return func(x *exchange) error {
		if data, ok := x.optionData(code); ok && bytes.Equal(data, sent) {
			return fmt.Errorf("option %d came back as it was sent", code)
		}
		return nil
	}
}

// ede wants an extended error of one of the codes; it is optional.
func ede(codes ...uint16) check {
	return func(x *exchange) error {
		data, ok := x.optionData(optEDE)
		if !ok {
			return notOffered("extended error")
		}
		if len(data) < 2 || !slices.Contains(codes, uint16(data[0])<<8|uint16(data[1])) {
			return fmt.Errorf("extended error %s", hex.EncodeToString(data))
		}
		return nil
	}
}

// answers wants exactly n records of a type in the answer section and no others.
func answers(qtype uint16, n int) check {
	return func(x *exchange) error {
		for _, r := range x.msg.Answer {
			if r.Header().Rrtype != qtype {
				return fmt.Errorf("a record of type %s in the answer", dns.TypeToString[r.Header().Rrtype])
			}
		}
		if len(x.msg.Answer) != n {
			return fmt.Errorf("%s came", describe(x.msg))
		}
		return nil
	}
}

// empty wants no record but OPT.
func empty(x *exchange) error {
	for _, r := range x.records {
		if r.typ != dns.TypeOPT {
			return fmt.Errorf("%s came, with records", describe(x.msg))
		}
	}
	return nil
}

// withQuestion wants the query's question, noQuestion none.
func withQuestion(x *exchange) error {
	if x.header(4) != 1 {
		return errors.New("the question is missing")
	}
	return nil
}

func noQuestion(x *exchange) error {
	if n := x.header(4); n != 0 {
		return fmt.Errorf("%d questions came back", n)
	}
	return nil
}

// denial wants the SOA record alone in the authority section, and its TTL to be
// no more than its minimum (RFC 2308 section 3).
func denial(x *exchange) error {
	for _, r := range x.msg.Ns {
		soa, ok := r.(*dns.SOA)
		if !ok {
			continue
		}
		if soa.Hdr.Ttl > soa.Minttl {
			return fmt.Errorf("the SOA's TTL is more than its minimum of %d", soa.Minttl)
		}
		return nil
	}
	return errors.New("no SOA in the authority section")
}

// What most rows want.
func soaAnswer(x *exchange) error {
	return all(rcode(dns.RcodeSuccess), set(flagAA), answers(dns.TypeSOA, 1), withQuestion)(x)
}

func noData(x *exchange) error {
	return all(rcode(dns.RcodeSuccess), set(flagAA), answers(0, 0), denial)(x)
}

func nameError(x *exchange) error {
	return all(rcode(dns.RcodeNameError), set(flagAA), answers(0, 0), denial)(x)
}

func formErr(x *exchange) error {
	return all(rcode(dns.RcodeFormatError), empty, unset(flagAA|flagAD))(x)
}

func badVersion(x *exchange) error {
	return all(rcode(dns.RcodeBadVers), opt, empty, withQuestion)(x)
}

// either wants one of two things, and says what is wrong with the second.
func either(a, b check) check {
	return func(x *exchange) error {
		if a(x) == nil {
			return nil
		}
		return b(x)
	}
}

// consistent wants no record twice, and one TTL in each set.
func consistent(x *exchange) error {
	seen, ttls := make(map[string]bool), make(map[string]uint32)
	for _, section := range [][]dns.RR{x.msg.Answer, x.msg.Ns, x.msg.Extra} {
		for _, r := range section {
			h := r.Header()
			if h.Rrtype == dns.TypeOPT {
				continue
			}
			set := strings.ToLower(h.Name) + dns.TypeToString[h.Rrtype]
			text := strings.ToLower(r.String())
			if seen[text] {
				return errors.New("a record came twice")
			}
			if ttl, ok := ttls[set]; ok && ttl != h.Ttl {
				return errors.New("the TTLs of a set differ")
			}
			seen[text], ttls[set] = true, h.Ttl
		}
	}
	return nil
}
