package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// nameRows are about how names are compared, compressed and bounded.
func nameRows(s server) []row {
	mixed := "wEb.CoNfOrMaNcE.sVc." + s.zone
	a := func(name []byte) []byte { return query(askRaw(name, dns.TypeA, dns.ClassINET)) }
	web := all(rcode(dns.RcodeSuccess), set(flagAA), answers(dns.TypeA, 1))
	below := s.n("conformance.svc")
	srv := query(ask(s.n("_sql._tcp.few.conformance.svc"), dns.TypeSRV), edns(1232))
	return []row{
		{number: 43, title: "the question and the answer's owner keep the query's case", reason: "RFC 4343 section 4.1; RFC 1035 section 2.3.3", over: both,
			query: query(ask(mixed, dns.TypeA)), expect: all(web, withQuestion, ownedBy(mixed))},
		{number: 43, title: "a denial keeps the question's case", reason: "RFC 1035 section 2.3.3", over: both,
			query: query(ask("NoThInG.cOnFoRmAnCe.SvC."+s.zone, dns.TypeA)), expect: all(nameError, withQuestion)},
		{number: 44, title: "names match whatever their ASCII case", reason: "RFC 4343 section 3", over: both,
			query: query(ask(strings.ToUpper(s.svc("web")), dns.TypeA)), expect: web},
		{number: 44, title: "an octet above 127 is not the letter without its high bit", reason: "RFC 4343 section 2", over: both,
			query: a(nameOf(below, "\xf7eb")), expect: nameError},
		{number: 44, title: "a dot within a label does not part it", reason: "RFC 1035 section 2.3.1; RFC 2181 section 11", over: both,
			query: a(nameOf(s.n("svc"), "web.conformance")), expect: nameError},
		{number: 44, title: "a zero octet in a label does not end it", reason: "RFC 2181 section 11", over: both,
			query: a(nameOf(below, "web\x00")), expect: nameError},
		{number: 44, title: "any octets may stand in a label", reason: "RFC 2181 section 11", over: both,
			query: a(nameOf(below, "\x00\\\".;@ \xff")), expect: nameError},
		{number: 45, title: "an SRV record's target is not compressed", reason: "RFC 2782; RFC 3597 section 4", over: both,
			query: srv, expect: all(rcode(dns.RcodeSuccess), answers(dns.TypeSRV, fewPeers), wholeTargets)},
		{number: 45, title: "pointers lead to what was written, within 16 KiB", reason: "RFC 1035 section 4.1.4", over: tcp,
			// Records beyond the reach of a pointer are among these.
			query: query(ask(s.n("_sql._tcp.huge.conformance.svc"), dns.TypeSRV)), expect: all(rcode(dns.RcodeSuccess), allOwnedBy("_sql._tcp.huge.conformance.svc."+s.zone))},
		{number: 47, title: "a name of 255 octets does not exist", reason: "RFC 1035 section 2.3.4", over: both,
			query: a(nameOf(s.zone, paddedTo(255, 63, s.zone)...)), expect: nameError},
		{number: 47, title: "nor does one of as many labels as there can be", reason: "RFC 1035 section 2.3.4", over: both,
			query: a(nameOf(s.zone, paddedTo(255, 1, s.zone)...)), expect: nameError},
		{number: 47, title: "nor one with a label of 63 octets", reason: "RFC 1035 section 2.3.4", over: both,
			query: a(nameOf(below, strings.Repeat("w", 63))), expect: nameError},
		{number: 48, title: "no record twice, and one TTL in each set", reason: "RFC 2181 sections 5 and 5.2", over: both,
			talk: replies(all(rcode(dns.RcodeSuccess), consistent), srv,
				query(ask(s.svc("many"), dns.TypeA), edns(1232)), query(ask(s.zone, dns.TypeNS), edns(1232)), query(ask(s.svc("dual"), dns.TypeANY), edns(1232)))},
	}
}

func ownedBy(name string) check {
	return func(x *exchange) error {
		for _, r := range x.msg.Answer {
			if r.Header().Name != name {
				return fmt.Errorf("the owner is %s", r.Header().Name)
			}
		}
		return nil
	}
}

// allOwnedBy wants the name, in whatever case, as the owner of all answers.
func allOwnedBy(name string) check {
	return func(x *exchange) error {
		for i, r := range x.msg.Answer {
			if !strings.EqualFold(r.Header().Name, name) {
				return fmt.Errorf("answer %d is owned by %s", i, r.Header().Name)
			}
		}
		return nil
	}
}

func wholeTargets(x *exchange) error {
	for _, r := range x.records {
		if r.typ != dns.TypeSRV {
			continue
		}
		const fixed = 6 // priority, weight and port
		rdata := x.reply[r.rdata:r.end]
		if n, ok := uncompressed(rdata[fixed:]); !ok || fixed+n != len(rdata) {
			return errors.New("a target is compressed")
		}
	}
	return nil
}

// denialRows are about what does not exist (RFC 2308, RFC 8020), and the apex.
func denialRows(s server) []row {
	var ents, reverse [][]byte
	for _, name := range []string{
		s.n("svc"), s.n("conformance.svc"), s.n("_tcp.web.conformance.svc"), s.n("_tcp.few.conformance.svc"), s.n("dns"),
	} {
		ents = append(ents, query(ask(name, dns.TypeA)), query(ask(name, dns.TypeTXT)))
	}
	for _, name := range []string{"10.in-addr.arpa.", "96.10.in-addr.arpa.", "1.96.10.in-addr.arpa."} {
		reverse = append(reverse, query(ask(name, dns.TypePTR)))
	}
	var missing [][]byte
	for _, t := range []uint16{dns.TypeAAAA, dns.TypeTXT, dns.TypeHTTPS, dns.TypeDS, dns.TypeNS, dns.TypeMX, dns.TypeSOA, dns.TypeCNAME} {
		missing = append(missing, query(ask(s.svc("web"), t)))
	}
	return []row{
		{number: 49, title: "a name that does not exist: NXDOMAIN, and how long that is so", reason: "RFC 2308 sections 2.1 and 3", over: both,
			query: query(ask(s.svc("nothing"), dns.TypeA)), expect: nameError},
		{number: 50, title: "a type that a name does not have: NODATA, and how long that is so", reason: "RFC 2308 sections 2.2 and 3", over: both,
			query: query(ask(s.svc("web"), dns.TypeAAAA)), expect: noData},
		{number: 51, title: "a name with others below it is NODATA", reason: "RFC 8020 section 2; RFC 4592 section 2.2.2", over: udp,
			talk: replies(noData, ents...)},
		{number: 51, title: "so it is in the reverse zone", reason: "RFC 8020 section 2", over: udp,
			talk: replies(noData, reverse...)},
		{number: 52, title: "nothing exists below a name that does not", reason: "RFC 8020 section 2", over: udp,
			talk: ancestors},
		{number: 53, title: "a headless Service without endpoints does not exist, for A and AAAA alike", reason: "DNS-Based Service Discovery 1.1.0, section 2.4.1", over: both,
			talk: replies(nameError, query(ask(s.svc("none"), dns.TypeA)), query(ask(s.svc("none"), dns.TypeAAAA)))},
		{number: 54, title: "a name that exists does so for every type", reason: "RFC 2308 section 2.2; RFC 8020 section 2", over: udp,
			talk: replies(noData, missing...)},
		{number: 54, title: "of two families each has its own answer", reason: "RFC 4074 section 3", over: both,
			talk: func(ctx context.Context, s server, tcp bool) error {
				if err := replies(all(rcode(0), answers(dns.TypeA, 1)), query(ask(s.svc("dual"), dns.TypeA)))(ctx, s, tcp); err != nil {
					return err
				}
				return replies(all(rcode(0), answers(dns.TypeAAAA, 1)), query(ask(s.svc("dual"), dns.TypeAAAA)))(ctx, s, tcp)
			}},
		{number: 57, title: "a name of nobody's zone is refused", reason: "RFC 8906 section 3.1.5; RFC 1035 section 4.1.1", over: both,
			query: query(ask("www.example.com.", dns.TypeA)), expect: all(rcode(dns.RcodeRefused), answers(0, 0), unset(flagAA), withQuestion)},
		{number: 57, title: "that refusal says why", reason: "RFC 8914 section 4.21", over: both,
			query: query(ask("www.example.com.", dns.TypeA), edns(1232)), expect: all(rcode(dns.RcodeRefused), opt, ede(dns.ExtendedErrorCodeNotAuthoritative))},
		{number: 58, title: "the apex has its SOA and NS records", reason: "RFC 1035 section 5.2; RFC 1034 section 4.2.1", over: both,
			query: query(ask(s.zone, dns.TypeNS)), expect: all(rcode(0), set(flagAA), answers(dns.TypeNS, 1))},
		{number: 58, title: "the name server that they name has an address", reason: "RFC 1912 section 2.8", over: both,
			query: query(ask(s.n("ns.dns"), dns.TypeA)), expect: all(rcode(0), set(flagAA), answers(dns.TypeA, 1))},
		{number: 58, title: "DS at the apex is NODATA, not a referral", reason: "RFC 4035 section 3.1.4.1", over: both,
			query: query(ask(s.zone, dns.TypeDS)), expect: noData},
		{number: 59, title: "an asterisk is a name as others are", reason: "RFC 4592 section 2.1.1", over: both,
			talk: replies(nameError, query(ask(s.svc("*"), dns.TypeA)), query(ask(s.n("*.svc"), dns.TypeA)), query(ask(s.n("*"), dns.TypeA)))},
	}
}

// ancestors asks for every name between some that exist and the apex: none may
// be NXDOMAIN.
func ancestors(ctx context.Context, s server, tcp bool) error {
	asked := make(map[string]bool)
	for _, name := range []string{
		s.n("_http._tcp.web.conformance.svc"), s.n("_sql._tcp.few.conformance.svc"), s.n("few-000.few.conformance.svc"), s.n("ns.dns"), s.n("dns-version"),
	} {
		for ; name != s.zone && !asked[name]; _, name, _ = strings.Cut(name, ".") {
			asked[name] = true
			for _, t := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeHTTPS} {
				if err := replies(rcode(dns.RcodeSuccess), query(ask(name, t)), query(ask(name, t), edns(1232)))(ctx, s, tcp); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// aliasRows are about CNAME records, which ExternalName Services are.
func aliasRows(s server) []row {
	first := func(x *exchange) error {
		if len(x.msg.Answer) == 0 || x.msg.Answer[0].Header().Rrtype != dns.TypeCNAME {
			return fmt.Errorf("%s, the CNAME not first", describe(x.msg))
		}
		return nil
	}
	return []row{
		{number: 55, title: "a CNAME comes first, and then what it leads to", reason: "RFC 1034 section 4.3.2 step 3a", over: both,
			query: query(ask(s.svc("alias"), dns.TypeA)), expect: all(rcode(0), set(flagAA), first, chain(s.svc("web"), dns.TypeA))},
		{number: 55, title: "the CNAME itself can be asked for", reason: "RFC 1034 section 3.6.2", over: both,
			query: query(ask(s.svc("alias"), dns.TypeCNAME)), expect: all(rcode(0), set(flagAA), answers(dns.TypeCNAME, 1))},
		{number: 55, title: "a CNAME to a name without the type: NODATA behind it", reason: "RFC 2308 section 2.2", over: both,
			query: query(ask(s.svc("alias"), dns.TypeAAAA)), expect: all(rcode(0), set(flagAA), answers(dns.TypeCNAME, 1), denial)},
		{number: 55, title: "a CNAME to a name that does not exist: NXDOMAIN behind it", reason: "RFC 6604 section 3; RFC 2308 section 2.1", over: both,
			query: query(ask(s.svc("lost"), dns.TypeA)), expect: all(rcode(dns.RcodeNameError), set(flagAA), answers(dns.TypeCNAME, 1), denial)},
		{number: 55, title: "a CNAME that leaves the zones comes alone", reason: "RFC 1034 section 4.3.2 step 3a", over: both,
			query: query(ask(s.svc("away"), dns.TypeA)), expect: all(rcode(0), set(flagAA), answers(dns.TypeCNAME, 1))},
		{number: 56, title: "CNAMEs that lead to one another end", reason: "RFC 1034 section 3.6.2", over: both,
			query: query(ask(s.svc("ping"), dns.TypeA)), expect: either(rcode(dns.RcodeServerFailure), all(rcode(0), atMost(20)))},
	}
}

// chain wants the last record to be one of the target's.
func chain(target string, qtype uint16) check {
	return func(x *exchange) error {
		last := x.msg.Answer[len(x.msg.Answer)-1].Header()
		if !strings.EqualFold(last.Name, target) || last.Rrtype != qtype {
			return fmt.Errorf("%s, the target's record not last", describe(x.msg))
		}
		return nil
	}
}

func atMost(n int) check {
	return func(x *exchange) error {
		if len(x.msg.Answer) > n {
			return fmt.Errorf("%s came", describe(x.msg))
		}
		return nil
	}
}

// sizeRows are about ANY, and answers that don't fit.
func sizeRows(s server) []row {
	many, few, huge := s.n("_sql._tcp.many.conformance.svc"), s.n("_sql._tcp.few.conformance.svc"), s.n("_sql._tcp.huge.conformance.svc")
	return []row{
		{number: 60, title: "ANY over UDP gets one set, or HINFO, or is sent to TCP", reason: "RFC 8482 section 4", over: udp,
			query: query(ask(s.svc("dual"), dns.TypeANY), edns(1232)), expect: all(rcode(dns.RcodeSuccess, dns.RcodeNotImplemented, dns.RcodeRefused), opt, oneType)},
		{number: 60, title: "ANY over TCP is answered", reason: "RFC 8482 section 4.4", over: tcp,
			query: query(ask(s.svc("dual"), dns.TypeANY), edns(1232)), expect: all(rcode(dns.RcodeSuccess), set(flagAA), opt, consistent)},
		{number: 61, title: "what does not fit is cut, with TC, the question and OPT kept", reason: "RFC 2181 section 9; RFC 6891 section 7", over: udp,
			query: query(ask(many, dns.TypeSRV), edns(1232)), expect: all(rcode(dns.RcodeSuccess), set(flagAA|flagTC), opt, withQuestion, consistent)},
		{number: 61, title: "and without EDNS, to 512 octets", reason: "RFC 1035 section 4.2.1", over: udp,
			query: query(ask(many, dns.TypeSRV)), expect: all(rcode(dns.RcodeSuccess), set(flagAA|flagTC), noOpt, withQuestion, consistent)},
		{number: 61, title: "a denial of the longest name fits into 512 octets", reason: "RFC 2308 section 3", over: udp,
			query:  query(askRaw(nameOf(s.zone, paddedTo(255, 63, s.zone)...), dns.TypeA, dns.ClassINET), edns(512)),
			expect: all(nameError, unset(flagTC), opt)},
		{number: 62, title: "additional records are left out before TC is set", reason: "RFC 2181 section 9", over: udp,
			query: query(ask(few, dns.TypeSRV)), expect: all(rcode(dns.RcodeSuccess), set(flagAA), unset(flagTC), answers(dns.TypeSRV, fewPeers))},
		{number: 63, title: "over TCP the answer is whole", reason: "RFC 7766 section 5", over: tcp,
			query: query(ask(many, dns.TypeSRV), edns(1232)), expect: all(rcode(dns.RcodeSuccess), set(flagAA), unset(flagTC), opt, answers(dns.TypeSRV, manyPeers), consistent)},
		{number: 63, title: "an answer of more than 64 KiB is as much of it as fits, the same each time", reason: "RFC 1035 section 4.2.2; RFC 2181 section 9", over: tcp,
			talk: tooMuch(huge)},
	}
}

func oneType(x *exchange) error {
	types := make(map[uint16]bool)
	for _, r := range x.msg.Answer {
		types[r.Header().Rrtype] = true
	}
	if len(types) > 1 {
		return fmt.Errorf("records of %d types came", len(types))
	}
	return nil
}

// tooMuch asks twice for more than a message holds, and wants most of it, sound
// and the same.
func tooMuch(name string) func(context.Context, server, bool) error {
	return func(ctx context.Context, s server, tcp bool) error {
		var before map[string]bool
		for range 2 {
			x, err := s.exchange(ctx, tcp, query(ask(name, dns.TypeSRV), edns(1232)))
			if err != nil {
				return err
			}
			if err := all(rcode(dns.RcodeSuccess), set(flagAA), opt, consistent)(x); err != nil {
				return err
			}
			if n := len(x.msg.Answer); n >= hugePeers || n < hugePeers/2 {
				return fmt.Errorf("%s where %d are too many", describe(x.msg), hugePeers)
			}
			now := make(map[string]bool)
			for _, r := range x.records {
				if r.typ == dns.TypeSRV {
					now[string(bytes.ToLower(x.reply[r.rdata:r.end]))] = true
				}
			}
			for target := range now {
				if before != nil && !before[target] {
					return errors.New("the second answer has others than the first")
				}
			}
			before = now
		}
		return nil
	}
}
