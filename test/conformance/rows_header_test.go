package conformance

import "github.com/miekg/dns"

// headerRows are about the header's flags and codes (RFC 1035 section 4.1.1),
// without EDNS.
func headerRows(s server) []row {
	soa := ask(s.zone, dns.TypeSOA)
	plain := all(soaAnswer, noOpt, unset(flagAD|flagZ|flagTC))
	var others [][]byte // opcodes that nobody implements, or that are obsolete
	for _, n := range []uint16{1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15} {
		others = append(others, query(opcode(n), soa))
	}
	var types [][]byte
	for t := dns.TypeA; t <= 110; t++ {
		switch t {
		case dns.TypeA, dns.TypeSRV, dns.TypeOPT, dns.TypeSIG, dns.TypeRRSIG, dns.TypeKEY, dns.TypeNXT, dns.TypeNULL:
			// Asked for elsewhere, or with meanings of their own.
		case dns.TypeMD, dns.TypeMF, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypeMINFO:
			// Obsolete: RFC 6895 lets servers refuse them.
		default:
			types = append(types, query(ask(s.svc("web"), t)))
		}
	}
	return []row{
		{number: 1, title: "a query without EDNS is answered without it", reason: "RFC 6891 section 7", over: udp,
			query: query(soa), expect: all(plain, unset(flagRD|flagCD))},
		{number: 2, title: "AA in a query is ignored", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(flags(flagAA), soa), expect: plain},
		{number: 3, title: "AD in a query does not make data authentic", reason: "RFC 6840 section 5.7", over: both,
			query: query(flags(flagAD), soa), expect: plain},
		{number: 4, title: "CD is copied from the query", reason: "RFC 4035 section 3.1.6", over: both,
			query: query(flags(flagCD), soa), expect: all(plain, set(flagCD))},
		{number: 5, title: "RA in a query is ignored", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(flags(flagRA), soa), expect: plain},
		{number: 6, title: "RD is copied from the query", reason: "RFC 1035 section 4.1.1", over: both,
			query: query(flags(flagRD), soa), expect: all(plain, set(flagRD))},
		{number: 7, title: "TC in a query is ignored", reason: "RFC 8906 section 3.1.4", over: both,
			query: query(flags(flagTC), soa), expect: plain},
		{number: 8, title: "the reserved bit Z is ignored, and not copied", reason: "RFC 8906 section 3.1.4", over: both,
			query: query(flags(flagZ), soa), expect: plain},
		{number: 9, title: "opcode 15, a header alone: NOTIMP", reason: "RFC 8906 section 8.1.4", over: both,
			query:  query(opcode(15)),
			expect: all(rcode(dns.RcodeNotImplemented), empty, noQuestion, unset(flagAA|flagRA|flagRD|flagAD|flagCD))},
		{number: 9, title: "opcodes that nobody implements: NOTIMP", reason: "RFC 8906 section 3.1.3", over: both,
			talk: replies(all(rcode(dns.RcodeNotImplemented), empty, unset(flagAA|flagAD)), others...)},
		{number: 10, title: "opcode 15 with all flags: NOTIMP, no flag that claims something", reason: "RFC 8906 section 8.1.4", over: both,
			query:  query(opcode(15), flags(flagAA|flagTC|flagRD|flagRA|flagZ|flagAD|flagCD)),
			expect: all(rcode(dns.RcodeNotImplemented), empty, noQuestion, unset(flagAA|flagTC|flagRA|flagAD))},
		{number: 11, title: "an unknown type at the apex is NODATA", reason: "RFC 3597 section 5; RFC 8906 section 3.1.1", over: both,
			query: query(ask(s.zone, 666)), expect: noData},
		{number: 11, title: "types 1 to 110 that a name does not have are NODATA", reason: "RFC 8906 section 3.1.1", over: udp,
			talk: replies(noData, types...)},
		{number: 12, title: "the SOA comes over TCP as over UDP", reason: "RFC 7766 section 5", over: tcp,
			query: query(soa), expect: all(plain, unset(flagRD|flagCD))},
	}
}
