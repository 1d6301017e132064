package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadReply(t *testing.T) {
	web := question(wireWeb, TypeA, ClassIN)
	address := record("\xc0\x0c", TypeA, ClassIN, "abcd")
	soa := record("\xc0\x17", TypeSOA, ClassIN, "\x00\x00"+strings.Repeat("x", 20))
	long := record("\xc0\x0c", TypeA, ClassIN, "abcd")
	long[6] = 0x80 // of its TTL
	option := func(code, text string) string { return code + string([]byte{0, byte(len(text))}) + text }
	extended := opt(1232, 0, 0, "")
	extended[5] = 1
	tests := []struct {
		name   string
		msg    []byte
		ok     bool
		rcode  Rcode
		hasOPT bool
		ede    *ExtendedError
		reason string
	}{
		{"answer", message(header(0, 1, 1, 0, 0), web, address), true, 0, false, nil, "no OPT record"},
		{"answer, OPT", message(header(0, 1, 1, 0, 1), web, address, opt(1232, 0, 0, "")), true, 0, true, nil, "as most replies are"},
		{"OPT after another", message(header(0, 1, 1, 0, 2), web, address, address, opt(1232, 0, 0, "")), true, 0, true, nil, "it is the last one"},
		{"denial", message(header(3, 1, 0, 1, 1), web, soa, opt(1232, 0, 0, "")), true, NXDomain, true, nil, "RFC 2308 section 2.1"},
		{"the root's denial", message(header(3, 1, 0, 1, 0), web, record("\x00", TypeSOA, ClassIN, "\x00\x00"+strings.Repeat("x", 20))), true, NXDomain, false, nil, "a name that can't be compressed"},
		{"rcode", message(header(7, 1, 0, 0, 1), web, extended), true, 23, true, nil, "RFC 6891 section 6.1.3: its upper bits"},
		{"Extended DNS Error", message(header(2, 1, 0, 0, 1), web, opt(1232, 0, 0, option("\x00\x0a", "12345678")+option("\x00\x0f", "\x00\x16text")+option("\x00\x0f", "\x00\x17"))),
			true, ServFail, true, &ExtendedError{NoReachable, "text"}, "RFC 8914: the first of them"},
		{"Extended DNS Error cut", message(header(2, 1, 0, 0, 1), web, opt(1232, 0, 0, option("\x00\x0f", "\x00"))), true, ServFail, true, nil, "it says nothing"},

		{"malformed", message(header(0, 1, 2, 0, 0), web, address), false, 0, false, nil, "a record is missing"},
		{"OPT before another", message(header(0, 1, 1, 0, 2), web, address, opt(1232, 0, 0, ""), address), false, 0, false, nil, "what follows would have to be moved"},
		{"two OPT", message(header(0, 1, 1, 0, 2), web, address, opt(1232, 0, 0, ""), opt(1232, 0, 0, "")), false, 0, false, nil, "RFC 6891 section 6.1.1"},
		{"OPT as an answer", message(header(0, 1, 1, 0, 0), web, opt(1232, 0, 0, "")), false, 0, false, nil, "RFC 6891 section 6.1.1: it is additional"},
		{"OPT of a name", message(header(0, 1, 0, 0, 1), web, record("\xc0\x0c", TypeOPT, 1232, "")), false, 0, false, nil, "RFC 6891 section 6.1.2: the root's"},
		{"option cut", message(header(0, 1, 0, 0, 1), web, opt(1232, 0, 0, "\x00\x0f\x00\x03ab")), false, 0, false, nil, "it is longer than its record"},
		{"option's length cut", message(header(0, 1, 0, 0, 1), web, opt(1232, 0, 0, "\x00\x0f\x00")), false, 0, false, nil, "it has four octets at least"},
		{"TSIG", message(header(0, 1, 0, 0, 1), web, record("\x00", TypeTSIG, ClassANY, "")), false, 0, false, nil, "RFC 8945 section 5.5: of one hop"},
		{"TXT", message(header(0, 1, 1, 0, 0), web, record("\xc0\x0c", TypeTXT, ClassIN, "\x01a")), false, 0, false, nil, "its RDATA is not looked at"},
		{"RRSIG", message(header(0, 1, 1, 0, 0), web, record("\xc0\x0c", 46, ClassIN, strings.Repeat("x", 18)+"\x00")), false, 0, false, nil, "its RDATA is looked at in part"},
		{"not compressed", message(header(0, 1, 1, 0, 0), web, record(wireWeb, TypeA, ClassIN, "abcd")), false, 0, false, nil, "it can be made to fit more often, and be turned"},
		{"highest TTL", message(header(0, 1, 1, 0, 0), web, long), false, 0, false, nil, "RFC 2181 section 8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, hasOPT, err := ReadReply(tt.msg)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrMessage) {
				t.Fatalf("error %v, want a message: %v\nreason: %s", err, tt.ok, tt.reason)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.ede, m.EDE); diff != "" || hasOPT != tt.hasOPT || m.Rcode != tt.rcode {
				t.Errorf("%v, OPT %v; want %v, OPT %v; Extended DNS Error (-want +got):\n%s\nreason: %s", m.Rcode, hasOPT, tt.rcode, tt.hasOPT, diff, tt.reason)
			}
			var r Reply
			r.Start(ask(t, 0, TypeA), nil, true)
			if !r.SetMessage(m, Fresh) {
				t.Fatal("SetMessage = false")
			}
			if n := len(mustUnpack(t, r.Finish()).Extra); n != m.Count(Additional) {
				t.Errorf("%d additional records, want %d, without the OPT record", n, m.Count(Additional))
			}
		})
	}
}
