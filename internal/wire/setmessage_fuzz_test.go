package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Ways in which FuzzSetMessage replies.
const (
	wayStream = 1 << iota
	wayEDNS
	wayDO
	wayAD
	wayMinimal
	wayError // with an Extended DNS Error
	wayOption
)

// fuzzReply is how FuzzSetMessage replies.
type fuzzReply struct {
	ways   uint8
	size   uint16 // of EDNS
	rotate uint32
	age    Aging
}

// FuzzSetMessage replies with any octets that are a message. It asserts that the
// question comes back, that the reply is within its limit, and that what Size said
// was so; that the records are the first ones of the message, aged, but for the
// order of addresses, and TC if some that matter are missing. A parser that is not
// ours, if it can read the message, can read the reply; and what that packs anew is
// a message again.
func FuzzSetMessage(f *testing.F) {
	seed := func(msg []byte) {
		for i, ways := range []uint8{0, wayStream, wayEDNS | wayDO | wayError, wayMinimal | wayAD | wayEDNS | wayOption} {
			f.Add(msg, ways, uint16(i*400), uint32(i), uint32(1<<31-1), uint32(i*100))
		}
	}
	ns := "LOCAL. 5 IN NS ns.LOCAL."
	soa := "LOCAL. 5 IN SOA ns.example. host.example. 1 2 3 4 5"
	seed(theirs(f, TypeA, nil, addresses(40), ns, addresses(3)))
	seed(theirs(f, TypeA, func(m *dns.Msg) { m.Rcode, m.Authoritative = dns.RcodeNameError, true }, webName+" 5 IN CNAME x.LOCAL.", soa))
	seed(theirs(f, TypeA, func(m *dns.Msg) { m.Truncated, m.AuthenticatedData = true, true }, "", ns, addresses(40)))
	seed(theirs(f, TypeANY, nil, strings.Join([]string{
		webName + " 5 IN CNAME x.LOCAL.", "x.LOCAL. 5 IN AAAA fd00::1", "x.LOCAL. 6 IN AAAA fd00::2", "x.LOCAL. 5 IN A 10.0.0.1",
		"x.LOCAL. 5 IN MX 1 x.LOCAL.", "x.LOCAL. 5 IN SRV 1 2 3 y.x.LOCAL.", "y.x.LOCAL. 5 IN HTTPS 1 . alpn=h2",
		`x.LOCAL. 5 IN NAPTR 1 2 "s" "http" "" y.x.LOCAL.`, "y.x.LOCAL. 5 IN RP a.x.LOCAL. b.x.LOCAL.", "x.LOCAL. 5 IN TXT a b",
		"x.LOCAL. 5 IN RRSIG A 8 2 5 20300101000000 20200101000000 1 LOCAL. AAAA", "x.LOCAL. 5 IN NSEC y.x.LOCAL. A AAAA",
	}, "\n")))
	f.Fuzz(func(t *testing.T, msg []byte, ways uint8, size uint16, rotate, most, age uint32) {
		how := fuzzReply{ways, size, rotate, Aging{most, age}}
		var parsed *dns.Msg
		if m := new(dns.Msg); m.Unpack(msg) == nil {
			parsed = m
		}
		replyWith(t, msg, parsed, how)
		if parsed == nil || len(parsed.Question) != 1 || slices.ContainsFunc(slices.Concat(parsed.Answer, parsed.Ns, parsed.Extra), unpackable) {
			return
		}
		parsed.Compress = true
		parsed.Rcode &= 0xf
		packed, err := parsed.Pack()
		if err != nil || len(packed) > MaxTCP || parsed.Unpack(packed) != nil {
			return
		}
		if !replyWith(t, packed, parsed, how) {
			t.Fatalf("not a message, though packed anew:\n%v\n% x", parsed, packed)
		}
	})
}

// unpackable reports whether a record is none for ReadMessage: of one hop, with
// RDATA that ends early, which the other parser lets pass but can't write as text,
// or of a type whose names others should not be compressed against.
func unpackable(rr dns.RR) bool {
	switch rr.(type) {
	case *dns.OPT, *dns.TSIG, *dns.HIP, *dns.IPSECKEY, *dns.AMTRELAY, *dns.TKEY:
		return true
	}
	again, err := dns.NewRR(rr.String())
	return err != nil || again == nil || !dns.IsDuplicate(rr, again)
}

// replyWith replies with msg to its own question, and asserts what must hold of
// that. parsed is msg as another parser reads it, nil if it can't. It reports
// whether msg is a message.
func replyWith(t *testing.T, msg []byte, parsed *dns.Msg, how fuzzReply) bool {
	t.Helper()
	given := bytes.Clone(msg)
	m, err := ReadMessage(msg)
	if err != nil {
		return false
	}
	var flags uint16
	if how.ways&wayAD != 0 {
		flags = FlagAD
	}
	parts := [][]byte{header(flags, 1, 0, 0, 0), question(string(m.question), TypeA, ClassIN)}
	if how.ways&wayEDNS != 0 {
		parts[0] = header(flags, 1, 0, 0, 1)
		parts = append(parts, opt(how.size, 0, uint16(how.ways&wayDO)<<13, ""))
	}
	var q Query
	if q.Parse(message(parts...)) != Accept {
		t.Fatalf("the question of a message is none: % x", msg)
	}
	var r Reply
	r.Rotate = how.rotate
	r.Start(&q, nil, how.ways&wayStream != 0)
	r.Minimal = how.ways&wayMinimal != 0
	if how.ways&wayOption != 0 {
		r.SetNSID([]byte("a server of ours"))
	}
	if !r.SetMessage(m, how.age) {
		t.Fatal("SetMessage = false for the message's own question")
	}
	if how.ways&wayError != 0 {
		r.SetEDE(StaleAnswer, "text")
	}
	if _, err := ReadMessage(r.Plain()); err != nil {
		t.Fatalf("a reply with a message is none itself: % x", r.Plain())
	}
	for rest := r.AppendAliases(nil); len(rest) > 0; {
		var target []byte
		if target, rest = CutName(rest); len(target) > MaxName {
			t.Fatalf("the target of a CNAME record has %d octets", len(target))
		}
	}
	size, out := r.Size(), r.Finish()
	if len(out) != size || size > r.limit || !bytes.HasPrefix(out[HeaderLen:], parts[1]) || !bytes.Equal(out[:2], parts[0][:2]) {
		t.Fatalf("a reply of %d octets, Size said %d, the limit is %d:\n% x", len(out), size, r.limit, out)
	}
	if !bytes.Equal(given, msg) {
		t.Fatal("the message was changed")
	}
	if parsed != nil {
		checkRecords(t, m, parsed, out, how)
	}
	return true
}

// checkRecords asserts that the reply out has the first records of a message, and
// TC if ones that matter are missing.
func checkRecords(t *testing.T, m *Message, parsed *dns.Msg, out []byte, how fuzzReply) {
	t.Helper()
	got := mustUnpack(t, out)
	got.Extra = slices.DeleteFunc(got.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == TypeOPT })
	whole := true // so far
	missing := m.Truncated
	given := [][]dns.RR{parsed.Answer, parsed.Ns, parsed.Extra}
	for s, section := range [][]dns.RR{got.Answer, got.Ns, got.Extra} {
		if len(section) > len(given[s]) || !whole && len(section) > 0 {
			t.Fatalf("section %d has %d records of %d, and one before it is cut", s, len(section), len(given[s]))
		}
		want := text(aged(given[s][:len(section)], how.age))
		have := text(section)
		if how.rotate != 0 && s == int(Answer) {
			slices.Sort(want)
			slices.Sort(have)
		}
		if !slices.Equal(want, have) {
			t.Fatalf("section %d has\n%s\nwant\n%s", s, strings.Join(have, "\n"), strings.Join(want, "\n"))
		}
		if len(section) == len(given[s]) {
			continue
		}
		whole = false
		switch minimal := how.ways&wayMinimal != 0 && len(given[0]) > 0 && !m.negative; {
		case minimal && s > int(Answer) && len(section) == 0:
		case s == int(Additional) && len(section) == 0:
			missing = missing || len(given[0]) == 0 && len(given[1]) > 0 && !m.negative && !minimal
		case s == int(Additional):
			t.Fatalf("%d of %d additional records", len(section), len(given[s]))
		default:
			missing = true
		}
	}
	if got.Truncated != missing || got.Rcode != int(m.Rcode) || got.Authoritative != m.Authoritative {
		t.Fatalf("TC %v, want %v; rcode %d, AA %v; the message has %d, %v", got.Truncated, missing, got.Rcode, got.Authoritative, m.Rcode, m.Authoritative)
	}
	if want := m.Authentic && (how.ways&wayAD != 0 || how.ways&(wayEDNS|wayDO) == wayEDNS|wayDO); got.AuthenticatedData != want {
		t.Fatalf("AD %v, want %v", got.AuthenticatedData, want)
	}
}

// aged returns copies of records with the TTLs that age leaves them.
func aged(records []dns.RR, age Aging) (list []dns.RR) {
	for _, rr := range records {
		rr = dns.Copy(rr)
		h := rr.Header()
		h.Ttl = min(h.Ttl, age.Most)
		h.Ttl -= min(h.Ttl, age.Age)
		list = append(list, rr)
	}
	return list
}
