package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// malformedRows are messages that are no queries, in a way that is to be answered
// or passed over in silence.
func malformedRows(s server) []row {
	soa := ask(s.zone, dns.TypeSOA)
	in := []byte{0, 1, 0, 1} // type A, class IN
	pointer := func(to byte) part {
		return func(b *builder) { b.counts[0]++; b.body = append(append(b.body, 0xc0, to), in...) }
	}
	long := askRaw(nameOf(s.zone, paddedTo(256, 63, s.zone)...), dns.TypeA, dns.ClassINET)
	return []row{
		{number: 32, title: "no question: FORMERR", reason: "RFC 9619 section 4; RFC 1035 section 4.1.1", over: both,
			query: query(), expect: formErr},
		{number: 32, title: "no question, and a cookie: NOERROR with the server's", reason: "RFC 7873 section 5.4", over: both,
			query:  query(edns(1232, option(optCookie, 1, 2, 3, 4, 5, 6, 7, 8))),
			expect: all(offersCookie, rcode(dns.RcodeSuccess), empty, soundCookie([]byte{1, 2, 3, 4, 5, 6, 7, 8}))},
		{number: 33, title: "the question twice: FORMERR", reason: "RFC 9619 section 4", over: both,
			query: query(soa, soa), expect: formErr},
		{number: 33, title: "two questions for two types: FORMERR", reason: "RFC 9619 section 4", over: both,
			query: query(soa, ask(s.zone, dns.TypeNS)), expect: formErr},
		{number: 33, title: "two questions for two classes: FORMERR", reason: "RFC 9619 section 4", over: both,
			query: query(soa, askClass(s.zone, dns.TypeSOA, dns.ClassCHAOS)), expect: formErr},
		{number: 34, title: "a question that is cut off: FORMERR", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(count(0, 1), raw(wireName(s.zone)...), raw(0, 1)), expect: formErr},
		{number: 34, title: "a name that is cut off: FORMERR", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(count(0, 1), raw(7, 'c', 'l', 'u')), expect: formErr},
		{number: 34, title: "a label of 64 octets, which is none: FORMERR", reason: "RFC 1035 section 2.3.4; RFC 6891 section 5", over: both,
			query:  query(askRaw(append(append([]byte{64}, strings.Repeat("a", 64)...), wireName(s.zone)...), dns.TypeA, dns.ClassINET)),
			expect: formErr},
		{number: 34, title: "a label of the reserved type 10: FORMERR", reason: "RFC 1035 section 4.1.4; RFC 6891 section 5", over: both,
			query: query(askRaw(append([]byte{0x81, 'a'}, wireName(s.zone)...), dns.TypeA, dns.ClassINET)), expect: formErr},
		{number: 34, title: "a compression pointer to itself: FORMERR", reason: "RFC 1035 section 4.1.4", over: both,
			query: query(pointer(12)), expect: formErr},
		{number: 34, title: "a compression pointer forward: FORMERR", reason: "RFC 1035 section 4.1.4", over: both,
			query: query(pointer(18), raw(wireName(s.zone)...)), expect: formErr},
		{number: 34, title: "less than a header: no reply", reason: "RFC 1035 section 4.1.1", over: both,
			query: query()[:11], silent: true},
		{number: 35, title: "a record in the answer section: FORMERR", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(soa, record(1, answerA(s.zone))), expect: all(formErr, withQuestion)},
		{number: 35, title: "a record in the authority section: FORMERR", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(soa, record(2, answerA(s.zone))), expect: all(formErr, withQuestion)},
		{number: 35, title: "the client's SOA in an IXFR is none of these", reason: "RFC 1995 section 3", over: tcp,
			query:  query(ask(s.zone, dns.TypeIXFR), record(2, soaRecord(s.zone))),
			expect: notRcode(dns.RcodeFormatError, dns.RcodeServerFailure)},
		{number: 36, title: "octets after the message do no harm", reason: "RFC 1035 section 4.1", over: both,
			query: query(soa, raw(1, 2, 3, 4, 5)), expect: either(soaAnswer, formErr)},
		{number: 37, title: "a reply is not answered", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(flags(flagQR), soa), silent: true},
		{number: 38, title: "a TSIG key that is not known: NOTAUTH, BADKEY, unsigned", reason: "RFC 8945 section 5.2.1", over: both,
			query: query(soa, record(3, tsigRecord())), expect: badKey},
		{number: 42, title: "an empty datagram is passed over", reason: "RFC 1035 section 4.1.1", over: udp,
			query: nil, silent: true},
		{number: 42, title: "an empty message over TCP is passed over", reason: "RFC 1035 section 4.2.2", over: tcp,
			query: nil, silent: true},
		{number: 46, title: "a loop of compression pointers: FORMERR", reason: "RFC 1035 section 4.1.4", over: both,
			// The name is a label and a pointer back to it.
			query: query(count(0, 1), raw(1, 'a', 0xc0, 12), raw(in...)), expect: formErr},
		{number: 46, title: "a pointer forward in a record's owner: FORMERR", reason: "RFC 1035 section 4.1.4", over: both,
			query: query(soa, record(3, rr{owner: []byte{0xc0, 0xff}, typ: dns.TypeOPT, class: 1232})), expect: formErr},
		{number: 47, title: "a name of 256 octets: FORMERR", reason: "RFC 1035 section 2.3.4", over: both,
			query: query(long), expect: formErr},
	}
}

func notRcode(unwanted ...int) check {
	return func(x *exchange) error {
		if rcode(unwanted...)(x) == nil {
			return rcode()(x)
		}
		return nil
	}
}

// soaRecord is a zone's SOA as a secondary with serial 1 sends it.
func soaRecord(zone string) rr {
	rdata := append(wireName("ns."+zone), wireName("hostmaster."+zone)...)
	for _, n := range []uint32{1, 7200, 1800, 86400, 1} {
		rdata = binary.BigEndian.AppendUint32(rdata, n)
	}
	return rr{owner: wireName(zone), typ: dns.TypeSOA, class: dns.ClassINET, rdata: rdata}
}

// tsigRecord is a TSIG record by a key that no server has, with a MAC that
// nobody can check.
func tsigRecord() rr {
	rdata := wireName("hmac-sha256.")
	rdata = append(rdata, 0, 0, 0x6a, 0, 0, 0) // 48 bits of time signed
	rdata = append(rdata, 1, 44)               // a fudge of 300 seconds
	rdata = append(rdata, 0, 32)
	rdata = append(rdata, make([]byte, 32)...)
	rdata = append(rdata, 0, 0, 0, 0, 0, 0) // original id, no error, no other data
	return rr{owner: wireName("stranger.invalid."), typ: dns.TypeTSIG, class: dns.ClassANY, rdata: rdata}
}

func badKey(x *exchange) error {
	if err := rcode(dns.RcodeNotAuth)(x); err != nil {
		return err
	}
	signature := x.msg.IsTsig()
	if signature == nil {
		return errors.New("NOTAUTH without a TSIG record")
	}
	if signature.Error != dns.RcodeBadKey || signature.MACSize != 0 {
		return fmt.Errorf("its TSIG error is %d, with a MAC of %d octets", signature.Error, signature.MACSize)
	}
	return nil
}

// refusedRows are well-formed questions that a server has no answer to.
func refusedRows(s server) []row {
	var classes [][]byte
	for _, class := range []uint16{dns.ClassHESIOD, 5, dns.ClassNONE, 0} {
		classes = append(classes, query(askClass(s.zone, dns.TypeSOA, class)))
	}
	var meta [][]byte
	for _, t := range []uint16{dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY} {
		meta = append(meta, query(ask(s.zone, t)))
	}
	var identity [][]byte
	for _, name := range []string{"version.bind.", "id.server.", "hostname.bind.", "version.server."} {
		identity = append(identity, query(askClass(name, dns.TypeTXT, dns.ClassCHAOS)))
	}
	refused := all(rcode(dns.RcodeRefused), empty, unset(flagAA), withQuestion)
	return []row{
		{number: 39, title: "other classes are refused", reason: "RFC 1035 section 4.1.1; RFC 8914 section 4.22", over: both,
			talk: replies(refused, classes...)},
		{number: 39, title: "class CH has nothing of the zone", reason: "RFC 1034 section 3.6", over: both,
			query: query(askClass(s.zone, dns.TypeSOA, dns.ClassCHAOS)), expect: refused},
		{number: 39, title: "class ANY is refused", reason: "RFC 1035 section 3.2.5; RFC 8906 section 3.1.1", over: both,
			query: query(askClass(s.zone, dns.TypeSOA, dns.ClassANY)), expect: refused},
		{number: 39, title: "to refuse a class says why", reason: "RFC 8914 section 4.22", over: both,
			query: query(askClass(s.zone, dns.TypeSOA, dns.ClassHESIOD), edns(1232)), expect: all(refused, opt, ede(dns.ExtendedErrorCodeNotSupported, dns.ExtendedErrorCodeProhibited, dns.ExtendedErrorCodeNotAuthoritative))},
		{number: 39, title: "the server's identity: its own text, or a refusal", reason: "RFC 4892 section 2", over: both,
			talk: replies(either(all(rcode(dns.RcodeSuccess), answersChaos), refused), identity...)},
		{number: 40, title: "OPT, TSIG and TKEY are no types to ask for", reason: "RFC 6895 section 3.1", over: both,
			talk: replies(all(rcode(dns.RcodeFormatError, dns.RcodeNotImplemented), empty), meta...)},
		{number: 41, title: "FORMERR to an EDNS query has an OPT record", reason: "RFC 6891 section 7", over: both,
			query: query(ask(s.zone, dns.TypeTSIG), edns(1232)), expect: all(rcode(dns.RcodeFormatError, dns.RcodeNotImplemented), opt)},
		{number: 41, title: "NOTIMP to an EDNS query has an OPT record", reason: "RFC 6891 section 7", over: both,
			query: query(opcode(15), ask(s.zone, dns.TypeSOA), edns(1232)), expect: all(rcode(dns.RcodeNotImplemented), opt)},
	}
}

// answersChaos wants TXT records of class CH alone.
func answersChaos(x *exchange) error {
	if len(x.msg.Answer) == 0 {
		return fmt.Errorf("%s came", describe(x.msg))
	}
	for _, r := range x.msg.Answer {
		if h := r.Header(); h.Rrtype != dns.TypeTXT || h.Class != dns.ClassCHAOS {
			return fmt.Errorf("a record of class %s", dns.Class(h.Class))
		}
	}
	return nil
}
