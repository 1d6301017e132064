package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// webName is wireWeb as text.
const webName = "wEb.Ns.svc.cluster.LOCAL."

// theirs returns a message about webName's records of a type, as a packer that is
// not ours makes it. Each of sections has a record a line.
func theirs(t testing.TB, typ uint16, edit func(*dns.Msg), sections ...string) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(webName, typ)
	m.Response, m.Compress = true, true
	for i, section := range sections {
		to := []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra}[i]
		for line := range strings.Lines(section) {
			rr, err := dns.NewRR(line)
			if err != nil || rr == nil {
				t.Fatalf("record %q: %v", line, err)
			}
			*to = append(*to, rr)
		}
	}
	if edit != nil {
		edit(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustRead returns the message in msg.
func mustRead(t testing.TB, msg []byte) *Message {
	t.Helper()
	m, err := ReadMessage(msg)
	if err != nil {
		t.Fatalf("ReadMessage(% x): %v", msg, err)
	}
	return m
}

// addresses returns n A records of webName, a line each.
func addresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s 300 IN A 10.0.%d.%d\n", webName, i>>8, i&255)
	}
	return b.String()
}

func TestReadMessage(t *testing.T) {
	web := question(wireWeb, TypeA, ClassIN)
	after := HeaderLen + len(web) // where the first record stands
	to := func(at int) string { return string([]byte{0xc0 | byte(at>>8), byte(at)}) }
	chain := func(pointers int) []byte { // of one pointer to another
		b := message(header(0, 1, uint16(pointers), 0, 0), web)
		at := HeaderLen
		for range pointers {
			next := len(b)
			b = append(b, record(to(at), TypeTXT, ClassIN, "\x00")...)
			at = next
		}
		return b
	}
	label := "\x3f" + strings.Repeat("x", 63)
	tests := []struct {
		name   string
		msg    []byte
		ok     bool
		reason string
	}{
		{"no records", message(header(0, 1, 0, 0, 0), web), true, "an empty reply"},
		{"pointer", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeA, ClassIN, "abcd")), true, "RFC 1035 section 4.1.4"},
		{"pointer to the name's end", message(header(0, 1, 1, 0, 0), web, record(to(after-5), TypeA, ClassIN, "abcd")), true, "the root, by a pointer"},
		{"pointer to a pointer", message(header(0, 1, 2, 0, 0), web, record(to(12), TypeTXT, ClassIN, ""), record(to(after), TypeTXT, ClassIN, "")), true, "RFC 1035 section 4.1.4"},
		{"pointer into RDATA's name", message(header(0, 1, 2, 0, 0), web, record(to(12), TypeCNAME, ClassIN, "\x01x"+to(16)), record(to(after+12), TypeA, ClassIN, "abcd")), true, "a CNAME's target owns what follows"},
		{"octets after", message(header(0, 1, 0, 0, 0), web, []byte("more")), true, "they are ignored"},
		{"unknown type", message(header(0, 1, 1, 0, 0), web, record(to(12), 65280, ClassIN, to(9999))), true, "RFC 3597 section 3: octets"},
		{"NAPTR", message(header(0, 1, 1, 0, 0), web, record(to(12), 35, ClassIN, "\x00\x01\x00\x01\x01s\x00\x02ab"+to(12))), true, "RFC 3403 section 4.1"},
		{"RRSIG", message(header(0, 1, 1, 0, 0), web, record(to(12), 46, ClassIN, strings.Repeat("x", 18)+"\x00signature")), true, "RFC 4034 section 3.1"},
		{"127 pointers", chain(127), true, "each is read"},

		{"empty", nil, false, "no header"},
		{"header alone", header(0, 1, 0, 0, 0), false, "no question"},
		{"no question", header(0, 0, 0, 0, 0), false, "nothing to compare with"},
		{"two questions", message(header(0, 2, 0, 0, 0), web, web), false, "RFC 9619"},
		{"question cut", message(header(0, 1, 0, 0, 0), web[:len(web)-1]), false, "no class"},
		{"question by pointer", message(header(0, 1, 0, 0, 0), []byte(to(4)), web), false, "nothing stands before it"},
		{"question too long", message(header(0, 1, 0, 0, 0), question(strings.Repeat(label, 4)+"\x00", TypeA, ClassIN)), false, "RFC 1035 section 2.3.4"},
		{"long label", message(header(0, 1, 0, 0, 0), question("\x40"+strings.Repeat("x", 64)+"\x00", TypeA, ClassIN)), false, "RFC 1035 section 2.3.4"},
		{"fewer records than counted", message(header(0, 1, 2, 0, 0), web, record(to(12), TypeA, ClassIN, "abcd")), false, "a record is missing"},
		{"most records", message(header(0, 1, 65535, 65535, 65535), web), false, "no memory is taken for what is not there"},
		{"record cut", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeA, ClassIN, "abcd")[:11]), false, "its length is cut"},
		{"RDATA cut", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeA, ClassIN, "abcd")[:15]), false, "its data is cut"},
		{"pointer cut", message(header(0, 1, 1, 0, 0), web, []byte{0xc0}), false, "half of it"},
		{"pointer into the header", message(header(0, 1, 1, 0, 0), web, record(to(4), TypeTXT, ClassIN, "")), false, "a reply has another header"},
		{"pointer into a label", message(header(0, 1, 1, 0, 0), web, record(to(13), TypeTXT, ClassIN, "")), false, "no name begins there"},
		{"pointer into the type", message(header(0, 1, 1, 0, 0), web, record(to(after-4), TypeTXT, ClassIN, "")), false, "a reply has another question type"},
		{"pointer to itself", message(header(0, 1, 1, 0, 0), web, record(to(after), TypeTXT, ClassIN, "")), false, "without end"},
		{"pointer to its own label", message(header(0, 1, 1, 0, 0), web, record("\x01x"+to(after), TypeTXT, ClassIN, "")), false, "without end"},
		{"pointer ahead", message(header(0, 1, 2, 0, 0), web, record(to(after+12), TypeTXT, ClassIN, ""), record(to(12), TypeTXT, ClassIN, "")), false, "what is there may be cut off"},
		{"pointer into a TTL", message(header(0, 1, 2, 0, 0), web, record(to(12), TypeA, ClassIN, "abcd"), record(to(after+6), TypeTXT, ClassIN, "")), false, "TTLs change"},
		{"pointer into an address", message(header(0, 1, 2, 0, 0), web, record(to(12), TypeA, ClassIN, "\x01x\x00\x00"), record(to(after+12), TypeTXT, ClassIN, "")), false, "addresses are turned"},
		{"128 pointers", chain(128), false, "more than any name needs"},
		{"too long by a pointer", message(header(0, 1, 1, 0, 0), web, record(strings.Repeat(label, 3)+"\x28"+strings.Repeat("y", 40)+to(12), TypeTXT, ClassIN, "")), false, "RFC 1035 section 2.3.4"},
		{"OPT", message(header(0, 1, 0, 0, 1), web, opt(1232, 0, 0, "")), false, "RFC 6891 section 6.2.6: of one hop"},
		{"TSIG", message(header(0, 1, 0, 0, 1), web, record("\x00", TypeTSIG, ClassANY, "")), false, "RFC 8945 section 5.5: of one hop"},
		{"TKEY", message(header(0, 1, 0, 0, 1), web, record("\x00", TypeTKEY, ClassANY, "")), false, "RFC 2930 section 2: of one hop"},
		{"A of 3 octets", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeA, ClassIN, "abc")), false, "RFC 1035 section 3.4.1"},
		{"A without RDATA", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeA, ClassIN, "")), false, "RFC 1035 section 3.4.1"},
		{"AAAA of 4 octets", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeAAAA, ClassIN, "abcd")), false, "RFC 3596 section 2.2"},
		{"SOA cut", message(header(0, 1, 0, 1, 0), web, record(to(12), TypeSOA, ClassIN, "\x00\x00"+strings.Repeat("x", 19))), false, "RFC 1035 section 3.3.13"},
		{"MX without a name", message(header(0, 1, 1, 0, 0), web, record(to(12), 15, ClassIN, "ab")), false, "RFC 1035 section 3.3.9"},
		{"CNAME and more", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeCNAME, ClassIN, "\x00\x00")), false, "RFC 1035 section 3.3.1"},
		{"name past its RDATA", message(header(0, 1, 1, 0, 0), web, record(to(12), TypeCNAME, ClassIN, "\x04"), []byte("abcd\x00")), false, "it ends in another record"},
		{"NAPTR past its RDATA", message(header(0, 1, 1, 0, 0), web, record(to(12), 35, ClassIN, "\x00\x01\x00\x01\xff")), false, "a string is cut"},
		{"over 64 KiB", append(message(header(0, 1, 0, 0, 0), web), make([]byte, MaxTCP)...), false, "no stream carries it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ReadMessage(tt.msg)
			if (err == nil) != tt.ok || (m != nil) != tt.ok || err != nil && !errors.Is(err, ErrMessage) {
				t.Errorf("ReadMessage = %v, %v; want a message: %v\nreason: %s", m, err, tt.ok, tt.reason)
			}
		})
	}
}

// TestMessage reads what a message says of itself.
func TestMessage(t *testing.T) {
	msg := theirs(t, TypeA, func(m *dns.Msg) {
		m.Authoritative, m.AuthenticatedData, m.Truncated, m.Rcode = true, true, true, dns.RcodeNameError
	}, webName+" 7 IN CNAME x.example.\nx.example. 8 IN A 10.0.0.1", "example. 9 IN NS ns.example.", "ns.example. 10 IN A 10.0.0.2")
	m := mustRead(t, msg)
	if !m.Authoritative || !m.Authentic || !m.Truncated || m.Rcode != NXDomain {
		t.Errorf("AA %v, AD %v, TC %v, %v; want all of them, and NXDOMAIN", m.Authoritative, m.Authentic, m.Truncated, m.Rcode)
	}
	if size := m.Size(); size < len(msg) || size > len(msg)+1000 {
		t.Errorf("Size = %d of a message of %d octets", size, len(msg))
	}
	var got []string
	m.Each(func(rr MessageRR) bool {
		got = append(got, fmt.Sprint(rr.Section, rr.Type, rr.TTL, len(rr.RDATA)))
		return len(got) < 3
	})
	if diff := cmp.Diff([]string{"0 5 7 11", "0 1 8 4", "1 2 9 5"}, got); diff != "" {
		t.Errorf("records until the third (-want +got):\n%s", diff)
	}
	if m.Count(Answer) != 2 || m.Count(Authority) != 1 || m.Count(Additional) != 1 {
		t.Errorf("counts %v", m.count)
	}
}

func TestAging(t *testing.T) {
	tests := []struct {
		name   string
		age    Aging
		ttl    uint32
		want   uint32
		reason string
	}{
		{"fresh", Fresh, 300, 300, "as it came"},
		{"aged", Aging{Most: math.MaxInt32, Age: 100}, 300, 200, "RFC 1035 section 3.2.1: time that it was kept for is over"},
		{"over", Aging{Most: math.MaxInt32, Age: 301}, 300, 0, "no less than 0"},
		{"capped", Aging{Most: 60, Age: 10}, 300, 50, "the cap is of when it came"},
		{"stale", Aging{}, 300, 0, "nothing may be kept of it"},
		{"most", Fresh, math.MaxUint32, math.MaxInt32, "RFC 2181 section 8: 31 bits"},
		{"all", Aging{Most: math.MaxUint32, Age: math.MaxUint32}, math.MaxUint32, 0, "no less than 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg := message(header(0, 1, 1, 0, 0), question(wireWeb, TypeA, ClassIN), record("\xc0\x0c", TypeA, ClassIN, "abcd"))
			binary.BigEndian.PutUint32(msg[len(msg)-10:], tt.ttl)
			given := bytes.Clone(msg)
			var r Reply
			r.Start(ask(t, 0, TypeA), nil, false)
			r.SetMessage(mustRead(t, msg), tt.age)
			if got := mustUnpack(t, r.Finish()).Answer[0].Header().Ttl; got != tt.want {
				t.Errorf("TTL %d is %d, want %d\nreason: %s", tt.ttl, got, tt.want, tt.reason)
			}
			if !bytes.Equal(given, msg) {
				t.Error("the message changed")
			}
		})
	}
}
