package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tsigRdata is that of a signature with a MAC of 4 octets.
const tsigRdata = "\x01h\x00" + "\x00\x00\x65\x00\x00\x01" + "\x01\x2c" + "\x00\x04MACS" + "\x12\x34" + "\x00\x00" + "\x00\x00"

func TestParse(t *testing.T) {
	signed := record("\x01k\x00", TypeTSIG, ClassANY, tsigRdata)
	a := func(name string) []byte { return question(name, TypeA, ClassIN) }
	web := a(wireWeb)
	labels127 := strings.Repeat("\x01a", 127) + "\x00"
	name255 := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3) + "\x3d" + strings.Repeat("b", 61) + "\x00"
	name256 := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3) + "\x3e" + strings.Repeat("b", 62) + "\x00"
	soa := record("\xc0\x0c", TypeSOA, ClassIN, strings.Repeat("\x00", 22))
	tests := []struct {
		name    string
		msg     []byte
		verdict Verdict
		rcode   Rcode
		reason  string
	}{
		{"plain", message(header(0, 1, 0, 0, 0), web), Accept, NoError, "RFC 1035 section 4.1"},
		{"every flag", message(header(FlagAA|FlagTC|FlagRD|FlagRA|1<<6|FlagAD|FlagCD, 1, 0, 0, 0), web), Accept, NoError, "RFC 8906 section 8.1.3: flags that mean nothing in a query are ignored"},
		{"rcode in query", message(header(0xf, 1, 0, 0, 0), web), Accept, NoError, "RFC 1035 section 4.1.1: RCODE is a response's"},
		{"class CH", message(header(0, 1, 0, 0, 0), question(wireWeb, TypeTXT, 3)), Accept, NoError, "what a class gets is for the resolver to say"},
		{"unknown type", message(header(0, 1, 0, 0, 0), question(wireWeb, 666, ClassIN)), Accept, NoError, "RFC 3597 section 3"},
		{"root", message(header(0, 1, 0, 0, 0), question("\x00", TypeNS, ClassIN)), Accept, NoError, "the root is a name"},
		{"127 labels", message(header(0, 1, 0, 0, 0), a(labels127)), Accept, NoError, "RFC 1035 section 2.3.4: 255 octets"},
		{"255 octets", message(header(0, 1, 0, 0, 0), a(name255)), Accept, NoError, "RFC 1035 section 2.3.4: 255 octets"},
		{"odd octets", message(header(0, 1, 0, 0, 0), a("\x04.\x00\xff\\\x00")), Accept, NoError, "RFC 2181 section 11: any octet may be in a label"},
		{"trailing octets", message(header(0, 1, 0, 0, 0), web, []byte("rest")), Accept, NoError, "octets after the message are ignored"},
		{"IXFR", message(header(0, 1, 0, 1, 0), question(wireWeb, TypeIXFR, ClassIN), soa), Accept, NoError, "RFC 1995 section 3: the client's SOA"},
		{"record not known", message(header(0, 1, 0, 0, 1), web, record("\x01k\x00", 65280, ClassIN, "x")), Accept, NoError, "a record that is not understood is skipped"},

		{"empty", nil, Drop, NoError, "nothing to answer"},
		{"11 octets", header(0, 1, 0, 0, 0)[:11], Drop, NoError, "no header"},
		{"response", message(header(FlagQR, 1, 0, 0, 0), web), Drop, NoError, "a reply to a reply lets two servers loop"},

		{"opcode 15, header alone", header(15<<11, 0, 0, 0, 0), Reject, NotImp, "RFC 8906 section 8.1.1"},
		{"opcode 15, with question", message(header(15<<11, 1, 0, 0, 0), web), Reject, NotImp, "RFC 8906 section 8.1.1"},
		{"IQUERY", message(header(1<<11, 1, 0, 0, 0), web), Reject, NotImp, "RFC 3425 section 3"},
		{"STATUS", message(header(2<<11, 1, 0, 0, 0), web), Reject, NotImp, "not implemented"},
		{"UPDATE", message(header(5<<11, 1, 0, 0, 0), web), Reject, NotImp, "nothing here is updated by RFC 2136"},
		{"DSO", header(6<<11, 0, 0, 0, 0), Reject, NotImp, "RFC 8490 section 5.1.1"},
		{"NOTIFY", message(header(4<<11, 1, 0, 0, 0), web), Reject, NotAuth, "RFC 1996 section 3.10: not a secondary"},

		{"no question", header(0, 0, 0, 0, 0), Reject, FormErr, "RFC 9619 section 4"},
		{"two questions", message(header(0, 2, 0, 0, 0), web, web), Reject, FormErr, "RFC 9619 section 4"},
		{"question missing", header(0, 1, 0, 0, 0), Reject, FormErr, "RFC 1035 section 4.1.2"},
		{"name cut", message(header(0, 1, 0, 0, 0), []byte("\x03we")), Reject, FormErr, "RFC 1035 section 4.1.2"},
		{"name without end", message(header(0, 1, 0, 0, 0), []byte("\x03web")), Reject, FormErr, "RFC 1035 section 3.1"},
		{"type cut", message(header(0, 1, 0, 0, 0), web[:len(web)-3]), Reject, FormErr, "RFC 1035 section 4.1.2"},
		{"class cut", message(header(0, 1, 0, 0, 0), web[:len(web)-1]), Reject, FormErr, "RFC 1035 section 4.1.2"},
		{"256 octets", message(header(0, 1, 0, 0, 0), a(name256)), Reject, FormErr, "RFC 1035 section 2.3.4"},
		{"label of 64", message(header(0, 1, 0, 0, 0), a("\x40"+strings.Repeat("a", 64)+"\x00")), Reject, FormErr, "RFC 1035 section 4.1.4: 01 begins no label"},
		{"label type 10", message(header(0, 1, 0, 0, 0), a("\x80\x00")), Reject, FormErr, "RFC 1035 section 4.1.4: 10 begins no label"},
		{"pointer to itself", message(header(0, 1, 0, 0, 0), a("\xc0\x0c")), Reject, FormErr, "RFC 1035 section 4.1.4: a pointer is to a prior occurrence"},
		{"pointer forward", message(header(0, 1, 0, 0, 0), a("\xc0\x10"), []byte("\x00")), Reject, FormErr, "RFC 1035 section 4.1.4: a pointer is to a prior occurrence"},
		{"pointer into the header", message(header(0, 1, 0, 0, 0), a("\xc0\x04")), Reject, FormErr, "no name stands in the header"},
		{"answer in a query", message(header(0, 1, 1, 0, 0), web, record("\xc0\x0c", TypeA, ClassIN, "abcd")), Reject, FormErr, "RFC 1035 section 4.1: a query has none"},
		{"authority in a query", message(header(0, 1, 0, 1, 0), web, soa), Reject, FormErr, "RFC 1035 section 4.1: a query has none"},
		{"IXFR with two", message(header(0, 1, 0, 2, 0), question(wireWeb, TypeIXFR, ClassIN), soa, soa), Reject, FormErr, "RFC 1995 section 3: one SOA"},
		{"IXFR cut", message(header(0, 1, 0, 1, 0), question(wireWeb, TypeIXFR, ClassIN)), Reject, FormErr, "RFC 1995 section 3: one SOA"},
		{"question for none", message(header(0, 1, 0, 0, 0), question(wireWeb, 0, ClassIN)), Reject, FormErr, "RFC 6895 section 3.1: 0 is reserved"},
		{"question for OPT", message(header(0, 1, 0, 0, 0), question(wireWeb, TypeOPT, ClassIN)), Reject, FormErr, "RFC 6895 section 3.1: a meta-type"},
		{"question for TSIG", message(header(0, 1, 0, 0, 0), question(wireWeb, TypeTSIG, ClassIN)), Reject, FormErr, "RFC 6895 section 3.1: a meta-type"},
		{"question for TKEY", message(header(0, 1, 0, 0, 0), question(wireWeb, 249, ClassIN)), Reject, FormErr, "RFC 6895 section 3.1: a meta-type"},
		{"TSIG", message(header(0, 1, 0, 0, 1), web, signed), Reject, NotAuth, "RFC 8945 section 5.2.1: no key is known"},
		{"TSIG and BADVERS", message(header(0, 1, 0, 0, 2), web, opt(512, 1, 0, ""), signed), Reject, NotAuth, "a signature is looked at first"},
		{"TSIG not last", message(header(0, 1, 0, 0, 2), web, signed, opt(512, 0, 0, "")), Reject, FormErr, "RFC 8945 section 5.1: the last record"},
		{"TSIG in authority", message(header(0, 1, 0, 1, 0), question(wireWeb, TypeIXFR, ClassIN), signed), Reject, FormErr, "RFC 8945 section 5.1: in the additional section"},
		{"TSIG of class IN", message(header(0, 1, 0, 0, 1), web, record("\x01k\x00", TypeTSIG, ClassIN, tsigRdata)), Reject, FormErr, "RFC 8945 section 4.2: class ANY"},
		{"TSIG without RDATA", message(header(0, 1, 0, 0, 1), web, record("\x01k\x00", TypeTSIG, ClassANY, "")), Reject, FormErr, "RFC 8945 section 4.2"},
		{"TSIG with its MAC cut", message(header(0, 1, 0, 0, 1), web, record("\x01k\x00", TypeTSIG, ClassANY, tsigRdata[:len(tsigRdata)-1])), Reject, FormErr, "RFC 8945 section 4.2"},
		{"cookie without question", message(header(0, 0, 0, 0, 1), opt(512, 0, 0, "\x00\x0a\x00\x08abcdefgh")), Reject, NoError, "RFC 7873 section 5.4: a client may ask for a cookie alone"},
		{"EDNS without question", message(header(0, 0, 0, 0, 1), opt(512, 0, 0, "")), Reject, FormErr, "RFC 9619 section 4"},
		{"additional missing", message(header(0, 1, 0, 0, 1), web), Reject, FormErr, "RFC 1035 section 4.1"},
		{"additional name cut", message(header(0, 1, 0, 0, 1), web, []byte("\xc0")), Reject, FormErr, "RFC 1035 section 4.1.4"},
		{"additional pointer forward", message(header(0, 1, 0, 0, 1), web, record("\xc0\xff", TypeA, ClassIN, "")), Reject, FormErr, "RFC 1035 section 4.1.4"},
		{"additional label type", message(header(0, 1, 0, 0, 1), web, record("\x40\x00", TypeA, ClassIN, "")), Reject, FormErr, "RFC 1035 section 4.1.4"},
		{"additional rdata cut", message(header(0, 1, 0, 0, 1), web, record("\x00", TypeA, ClassIN, "abcd")[:14]), Reject, FormErr, "RFC 1035 section 4.1.3"},
		{"nine additionals", message(header(0, 1, 0, 0, 9), web, []byte(strings.Repeat(string(record("\x00", TypeA, ClassIN, "")), 9))), Reject, FormErr, "a query has few, and the work for it is bounded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q Query
			if got := q.Parse(tt.msg); got != tt.verdict || q.Reject != tt.rcode {
				t.Errorf("Parse = %d, %v, want %d, %v\nreason: %s", got, q.Reject, tt.verdict, tt.rcode, tt.reason)
			}
		})
	}
}

func TestParseEDNS(t *testing.T) {
	type edns struct {
		Has     bool
		Version uint8
		Size    uint16
		DO      bool
	}
	web := question(wireWeb, TypeA, ClassIN)
	tests := []struct {
		name   string
		ar     uint16
		rest   []byte
		rcode  Rcode
		want   edns
		reason string
	}{
		{"none", 0, nil, NoError, edns{}, "RFC 6891 section 6.1.1: optional"},
		{"plain", 1, opt(4096, 0, 0, ""), NoError, edns{true, 0, 4096, false}, "RFC 6891 section 6.1.2"},
		{"DO", 1, opt(1232, 0, 0x8000, ""), NoError, edns{true, 0, 1232, true}, "RFC 3225 section 3"},
		{"other flags", 1, opt(1232, 0, 0x7fff, ""), NoError, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.4: Z is ignored"},
		{"size 0", 1, opt(0, 0, 0, ""), NoError, edns{true, 0, 0, false}, "RFC 6891 section 6.2.3: Reply takes it for 512"},
		{"options", 1, opt(1232, 0, 0, "\x00\x0a\x00\x08cookie12\x00\x64\x00\x00"), NoError, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.2: unknown ones are ignored"},
		{"after another record", 2, message(record("\xc0\x0c", TypeA, ClassIN, "abcd"), opt(1232, 0, 0, "")), NoError, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.1: anywhere in the additional section"},
		{"version 1", 1, opt(1232, 1, 0, ""), BadVers, edns{true, 1, 1232, false}, "RFC 6891 section 6.1.3"},
		{"version 100, DO, an option", 1, opt(1232, 100, 0x8000, "\x00\x64\x00\x00"), BadVers, edns{true, 100, 1232, true}, "RFC 6891 section 6.1.3"},
		{"two", 2, message(opt(1232, 0, 0, ""), opt(1232, 0, 0, "")), FormErr, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.1: more than one is FORMERR"},
		{"not at the root", 1, record("\x01a\x00", TypeOPT, 1232, ""), FormErr, edns{}, "RFC 6891 section 6.1.2: NAME is the root"},
		{"option's header cut", 1, opt(1232, 0, 0, "\x00\x0a\x00"), FormErr, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.2: options end where RDATA does"},
		{"option's data cut", 1, opt(1232, 0, 0, "\x00\x0a\x00\x08cookie1"), FormErr, edns{true, 0, 1232, false}, "RFC 6891 section 6.1.2: options end where RDATA does"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q Query
			q.Parse(message(header(0, 1, 0, 0, tt.ar), web, tt.rest))
			if q.Reject != tt.rcode {
				t.Errorf("Reject = %v, want %v\nreason: %s", q.Reject, tt.rcode, tt.reason)
			}
			if diff := cmp.Diff(tt.want, edns{q.HasEDNS, q.Version, q.UDPSize, q.DO}); diff != "" {
				t.Errorf("EDNS (-want +got):\n%s\nreason: %s", diff, tt.reason)
			}
		})
	}
	var q Query
	soaIsOPT := message(header(0, 1, 0, 1, 0), question(wireWeb, TypeIXFR, ClassIN), opt(1232, 0, 0, ""))
	if q.Parse(soaIsOPT); q.Reject != FormErr {
		t.Errorf("OPT in the authority section: Reject = %v, want FORMERR (RFC 6891 section 6.1.1)", q.Reject)
	}
}

func TestQueryView(t *testing.T) {
	var q Query
	q.Parse(message(header(0, 1, 0, 0, 1), question(wireWeb, TypeA, ClassIN), opt(1232, 0, 0, "")))
	msg := message(header(FlagRD|FlagCD, 1, 0, 0, 0), question(wireWeb, TypeSRV, ClassIN))
	if v := q.Parse(msg); v != Accept {
		t.Fatalf("Parse = %v", v)
	}
	if q.HasEDNS || q.UDPSize != 0 {
		t.Error("a query used again still has the EDNS of the last message")
	}
	if got, want := string(q.Name()), strings.ToLower(wireWeb); got != want {
		t.Errorf("Name() = %q, want lower case: %q", got, want)
	}
	if got := string(q.RawName()); got != wireWeb {
		t.Errorf("RawName() = %q, want the client's case: %q", got, wireWeb)
	}
	if q.ID != 0x1234 || q.Flags != FlagRD|FlagCD || q.Type != TypeSRV || q.Class != ClassIN || q.Opcode() != 0 {
		t.Errorf("ID, Flags, Type, Class, Opcode = %x, %x, %d, %d, %d", q.ID, q.Flags, q.Type, q.Class, q.Opcode())
	}
	if q.Size() != len(msg) || !q.HasQuestion() {
		t.Errorf("Size, HasQuestion = %d, %v, want %d, true", q.Size(), q.HasQuestion(), len(msg))
	}
	q.Parse(header(4<<11, 0, 0, 0, 0))
	if q.HasQuestion() || q.RawName() != nil || len(q.Name()) != 0 || q.Opcode() != OpcodeNotify || q.Type != 0 {
		t.Error("a query used again still has the question of the last message")
	}
}

func TestQuerySuffix(t *testing.T) {
	var q Query
	q.Parse(message(header(0, 1, 0, 0, 0), question(wireWeb, TypeA, ClassIN)))
	tests := []struct {
		name   string
		want   int
		reason string
	}{
		{"web.ns.svc.cluster.local", 0, "the whole name"},
		{"svc.cluster.local", 7, "a suffix"},
		{"local", 19, "its last label"},
		{"x.web.ns.svc.cluster.local", -1, "a child"},
		{"b.ns.svc.cluster.local", -1, "octets that agree from the middle of a label"},
		{"cluster.example", -1, "another name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := q.suffix(MustParseName(tt.name)); got != tt.want {
				t.Errorf("suffix = %d, want %d\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// TestParseAllocations sees that no packet makes its reader take memory, however
// much it promises: CVE-2026-82399 is 16 thousand questions with compressed names,
// which unpacked took some megabytes.
func TestParseAllocations(t *testing.T) {
	fill := func(head, part []byte) []byte {
		return append(head, bytes.Repeat(part, (MaxTCP-len(head))/len(part))...)
	}
	web := question(wireWeb, TypeA, ClassIN)
	question := []byte{0xc0, 0x0c, 0, byte(TypeA), 0, byte(ClassIN)}
	tests := []struct {
		name    string
		msg     []byte
		verdict Verdict
		reason  string
	}{
		{"questions", fill(message(header(0, 0xffff, 0, 0, 0), web), question), Reject, "RFC 9619: one question"},
		{"answers", fill(message(header(0, 1, 0xffff, 0, 0), web), record("\xc0\x0c", TypeA, ClassIN, "aaaa")), Reject, "a query has none"},
		{"additional records", fill(message(header(0, 1, 0, 0, 5000), web), record("\xc0\x0c", 65280, ClassIN, "")), Reject, "more than a query can have"},
		{"promises", message(header(0, 1, 0xffff, 0xffff, 0xffff), web), Reject, "there is nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q Query
			if got := q.Parse(tt.msg); got != tt.verdict {
				t.Errorf("%s: got %v, want %v", tt.reason, got, tt.verdict)
			}
			if n := testing.AllocsPerRun(10, func() { q.Parse(tt.msg) }); n != 0 {
				t.Errorf("%d octets took %v allocations, want 0", len(tt.msg), n)
			}
		})
	}
}
