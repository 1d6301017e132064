package conformance

import (
	"errors"

	"github.com/miekg/dns"
)

// ednsRows are about EDNS (RFC 6891), as the compliance tests of RFC 8906 section
// 8.2 ask for it.
func ednsRows(s server) []row {
	soa, many := ask(s.zone, dns.TypeSOA), ask(s.svc("many"), dns.TypeA)
	few := ask(s.n("_sql._tcp.few.conformance.svc"), dns.TypeSRV)
	plain := all(soaAnswer, opt)
	unknown := option(optUnknown, 1, 2, 3)
	cookie := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	subnet := []byte{0, 1, 0, 0} // 0.0.0.0/0
	known := [][]byte{option(optNSID), option(optECS, subnet...), option(optExpire), option(optCookie, cookie...)}
	return []row{
		{number: 13, title: "EDNS is answered with EDNS version 0", reason: "RFC 6891 section 6.1.1", over: both,
			query: query(soa, edns(1232)), expect: plain},
		{number: 14, title: "version 1 is BADVERS, with the question and no answer", reason: "RFC 6891 section 6.1.3", over: both,
			query: query(soa, ednsOf(1232, 1, 0)), expect: badVersion},
		{number: 14, title: "version 100 is BADVERS", reason: "RFC 6891 section 6.1.3", over: both,
			query: query(soa, ednsOf(1232, 100, 0)), expect: badVersion},
		{number: 15, title: "512 octets, and not one more, where the client says so", reason: "RFC 6891 section 6.2.3; RFC 2181 section 9", over: udp,
			query: query(many, edns(512)), expect: all(rcode(dns.RcodeSuccess), set(flagAA|flagTC), opt, withQuestion)},
		{number: 16, title: "an unknown option is ignored, and does not come back", reason: "RFC 6891 section 6.1.2", over: both,
			query: query(soa, edns(1232, unknown)), expect: all(plain, without(optUnknown))},
		{number: 17, title: "version 1 with an unknown option is BADVERS", reason: "RFC 8906 section 8.2.4", over: both,
			query: query(soa, ednsOf(1232, 1, 0, unknown)), expect: all(badVersion, without(optUnknown))},
		{number: 18, title: "DO is copied", reason: "RFC 3225 section 3", over: both,
			query: query(soa, ednsOf(1232, 0, doFlag)), expect: all(plain, doSet)},
		{number: 19, title: "version 1 with DO is BADVERS", reason: "RFC 8906 section 8.2.7", over: both,
			query: query(soa, ednsOf(1232, 1, doFlag)), expect: badVersion},
		{number: 20, title: "reserved EDNS flags are ignored, and not copied", reason: "RFC 6891 section 6.1.4", over: both,
			query: query(soa, ednsOf(1232, 0, 0x0080)), expect: plain},
		{number: 21, title: "NSID, client subnet, EXPIRE and COOKIE at once do no harm", reason: "RFC 8906 section 8.2.8", over: both,
			query: query(soa, edns(1232, known...)), expect: either(plain, all(rcode(dns.RcodeBadCookie), opt))},
		{number: 22, title: "NSID is the server's own, if it comes", reason: "RFC 5001 section 2.2", over: both,
			query: query(soa, edns(1232, option(optNSID, 'm', 'e'))), expect: all(plain, notEchoed(optNSID, 'm', 'e'))},
		{number: 22, title: "NSID comes where it is configured", reason: "RFC 5001 section 2.2", over: both,
			query: query(soa, edns(1232, option(optNSID))), expect: all(plain, hasNSID)},
		{number: 23, title: "a cookie is completed, or left out", reason: "RFC 7873 section 5.2", over: both,
			query: query(soa, edns(1232, option(optCookie, cookie...))), expect: all(opt, notEchoed(optCookie, cookie...), soundCookie(cookie))},
		{number: 24, title: "EXPIRE is four octets, if it comes", reason: "RFC 7314 section 2", over: both,
			query: query(soa, edns(1232, option(optExpire))), expect: all(plain, soundExpire)},
		{number: 25, title: "a client subnet does not come back as it was sent", reason: "RFC 7871 section 7.1.2", over: both,
			query: query(soa, edns(1232, option(optECS, 0, 1, 24, 0, 192, 0, 2))), expect: all(plain, notEchoed(optECS, 0, 1, 24, 0, 192, 0, 2))},
		{number: 26, title: "over TCP the UDP size does not count", reason: "RFC 6891 section 6.2.5", over: tcp,
			query: query(many, edns(512)), expect: all(rcode(dns.RcodeSuccess), set(flagAA), unset(flagTC), opt, answers(dns.TypeA, manyPeers))},
		{number: 27, title: "version 1 with known options is BADVERS", reason: "RFC 6891 section 6.1.3", over: both,
			query: query(soa, ednsOf(1232, 1, 0, known...)), expect: badVersion},
		{number: 28, title: "a size below 512 is taken for 512", reason: "RFC 6891 section 6.2.3", over: udp,
			talk: replies(all(rcode(dns.RcodeSuccess), unset(flagTC), opt, answers(dns.TypeA, fewPeers)),
				query(ask(s.svc("few"), dns.TypeA), edns(0)), query(ask(s.svc("few"), dns.TypeA), edns(100)))},
		{number: 28, title: "an answer of almost 512 octets comes whole to a size of 100", reason: "RFC 6891 section 6.2.3", over: udp,
			query: query(few, edns(100)), expect: all(rcode(dns.RcodeSuccess), unset(flagTC), opt, answers(dns.TypeSRV, fewPeers))},
		{number: 29, title: "no reply over 1,232 octets, nor a larger size in it", reason: "RFC 6891 section 6.2.5; DNS flag day 2020", over: udp,
			query: query(many, edns(65535)), expect: all(set(flagTC), opt, modest)},
		{number: 30, title: "two OPT records: FORMERR", reason: "RFC 6891 section 6.1.1", over: both,
			query: query(soa, edns(1232), edns(1232)), expect: formErr},
		{number: 30, title: "an OPT record that is not at the root: FORMERR", reason: "RFC 6891 section 6.1.2", over: both,
			query: query(soa, record(3, rr{owner: wireName("opt"), typ: dns.TypeOPT, class: 1232})), expect: formErr},
		{number: 31, title: "OPT in the answer section: FORMERR", reason: "RFC 6891 section 6.1.1", over: both,
			query: query(soa, record(1, optRR(1232, 0, 0))), expect: formErr},
		{number: 31, title: "OPT in the authority section: FORMERR", reason: "RFC 6891 section 6.1.1", over: both,
			query: query(soa, record(2, optRR(1232, 0, 0))), expect: formErr},
		{number: 31, title: "an option longer than its record: FORMERR", reason: "RFC 6891 section 6.1.2", over: both,
			query: query(soa, edns(1232, []byte{0, 100, 0, 9, 1})), expect: formErr},
		{number: 31, title: "an option cut off in its head: FORMERR", reason: "RFC 6891 section 6.1.2", over: both,
			query: query(soa, edns(1232, []byte{0, 100, 0})), expect: formErr},
	}
}

// How many endpoints the headless Services of testdata have.
const (
	fewPeers  = 7
	manyPeers = 160
	hugePeers = 1100
)

func doSet(x *exchange) error {
	if !x.msg.IsEdns0().Do() {
		return errors.New("DO is not set")
	}
	return nil
}

func hasNSID(x *exchange) error {
	if data, ok := x.optionData(optNSID); !ok || len(data) == 0 {
		return notOffered("NSID")
	}
	return nil
}

func soundExpire(x *exchange) error {
	if data, ok := x.optionData(optExpire); ok && len(data) != 4 {
		return errors.New("EXPIRE is not four octets long")
	}
	return nil
}

// modest wants what passes without fragments: the reply, and what it announces.
func modest(x *exchange) error {
	const most = 1232
	if len(x.reply) > most {
		return errors.New("the reply is longer")
	}
	if x.msg.IsEdns0().UDPSize() > most {
		return errors.New("its OPT record announces a larger size")
	}
	return nil
}
