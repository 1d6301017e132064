package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// shape tells a reply by its counts, without the OPT record, and its TC.
func shape(m *dns.Msg) string {
	extra := len(m.Extra)
	if m.IsEdns0() != nil {
		extra--
	}
	s := fmt.Sprint(len(m.Answer), len(m.Ns), extra)
	if m.Truncated {
		s += " tc"
	}
	return s
}

func TestSetMessageFits(t *testing.T) {
	const soa = "LOCAL. 5 IN SOA ns.example. host.example. 1 2 3 4 5"
	ns := "LOCAL. 5 IN NS ns.LOCAL.\n"
	cname := webName + " 5 IN CNAME x.LOCAL.\n"
	nxdomain := func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }
	big := theirs(t, TypeTXT, nil, strings.Repeat(webName+` 5 IN TXT "`+strings.Repeat("x", 200)+"\"\n", 307), "", addresses(6))
	tests := []struct {
		name    string
		msg     []byte
		size    uint16 // of EDNS; 0 for none
		stream  bool
		minimal bool
		want    string // answers, authorities, additionals
		reason  string
	}{
		{"all", theirs(t, TypeA, nil, addresses(3), ns, addresses(2)), 0, false, false, "3 1 2", "it fits"},
		{"TC", theirs(t, TypeA, func(m *dns.Msg) { m.Truncated = true }, addresses(3)), 0, false, false, "3 0 0 tc", "what the other server left out is still missing"},
		{"answer", theirs(t, TypeA, nil, addresses(100), ns), 0, false, false, "29 0 0 tc", "RFC 2181 section 9: whole records, and TC"},
		{"answer, OPT", theirs(t, TypeA, nil, addresses(100), ns), 512, false, false, "28 0 0 tc", "RFC 6891: the OPT record stays"},
		{"answer, 1232", theirs(t, TypeA, nil, addresses(100), ns), 4096, false, false, "73 0 0 tc", "what crosses any path whole"},
		{"answer, stream", theirs(t, TypeA, nil, addresses(100), ns), 512, true, false, "100 1 0", "RFC 6891 section 6.2.5: a stream has no such limit"},
		{"authority", theirs(t, TypeA, nil, addresses(28), strings.Repeat(ns, 3)), 0, false, false, "28 1 0 tc", "RFC 2181 section 9"},
		{"additional", theirs(t, TypeA, nil, addresses(20), ns, addresses(20)), 0, false, false, "20 1 0", "RFC 2181 section 9: left out as a whole, without TC"},
		{"additional at the limit", theirs(t, TypeA, nil, addresses(20), "", addresses(9)), 0, false, false, "20 0 9", "all of it fits"},
		{"glue", theirs(t, TypeA, nil, "", ns, addresses(40)), 0, false, false, "0 1 0 tc", "RFC 9471 section 3.1: glue of a referral is no extra"},
		{"SOA and more", theirs(t, TypeA, nil, "", soa, addresses(40)), 0, false, false, "0 1 0", "what stands beside a SOA record is no glue"},
		{"64 KiB", big, 0, true, false, "307 0 6", "all that a stream carries"},
		{"64 KiB, OPT", big, 512, true, false, "307 0 0", "a record more than that"},
		{"minimal", theirs(t, TypeA, nil, addresses(3), ns, addresses(2)), 0, false, true, "3 0 0", "what was not asked for"},
		{"minimal, NODATA", theirs(t, TypeA, nil, "", soa), 0, false, true, "0 1 0", "RFC 2308 section 3: the SOA record is the answer"},
		{"minimal, alias without data", theirs(t, TypeA, nil, cname, soa), 0, false, true, "1 1 0", "RFC 2308 section 2.2"},
		{"minimal, alias without name", theirs(t, TypeA, nxdomain, cname, soa), 0, false, true, "1 1 0", "RFC 2308 section 2.1"},
		{"minimal, referral", theirs(t, TypeA, nil, "", ns, addresses(2)), 0, false, true, "0 1 2", "RFC 1034 section 4.3.2, step 3b: it is all there is"},
		{"nothing", theirs(t, TypeA, nxdomain), 0, false, false, "0 0 0", "an rcode alone"},
	}
	if n := len(big); n <= MaxTCP-optFixed || n > MaxTCP {
		t.Fatalf("the message has %d octets, which prove nothing", n)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var additional [][]byte
			if tt.size > 0 {
				additional = append(additional, opt(tt.size, 0, 0, ""))
			}
			var r Reply
			r.Start(ask(t, 0, TypeA, additional...), nil, tt.stream)
			r.Minimal = tt.minimal
			m := mustRead(t, tt.msg)
			if !r.SetMessage(m, Fresh) {
				t.Fatal("SetMessage = false")
			}
			r.SetEDE(StaleAnswer, strings.Repeat("x", 60))
			size, flags, answers := r.Size(), r.Flags(), r.Count(Answer)
			out := r.Finish()
			reply := mustUnpack(t, out)
			if got := shape(reply); got != tt.want {
				t.Errorf("%s, want %s\nreason: %s", got, tt.want, tt.reason)
			}
			if reply.Rcode != int(m.Rcode) || r.Truncated() != reply.Truncated {
				t.Errorf("rcode %d, TC %v; the message has %d, the reply says TC %v", reply.Rcode, reply.Truncated, m.Rcode, r.Truncated())
			}
			if size != len(out) || size > r.limit || answers != len(reply.Answer) || (flags&FlagTC != 0) != reply.Truncated {
				t.Errorf("Size %d of %d octets, the limit %d; Count %d of %d; Flags %x", size, len(out), r.limit, answers, len(reply.Answer), flags)
			}
		})
	}
}

// TestSetMessageNames sees that the question comes back as the client wrote it,
// and that names that lead to it still do.
func TestSetMessageNames(t *testing.T) {
	msg := theirs(t, TypeA, nil, strings.ToLower(webName)+" 5 IN CNAME a.svc.cluster.local.\na.svc.cluster.local. 5 IN A 10.0.0.1",
		"cluster.local. 5 IN NS ns.svc.cluster.local.")
	copy(msg[HeaderLen:], strings.ToLower(wireWeb))
	var r Reply
	r.Start(ask(t, 0, TypeA), []byte("kept"), false)
	if !r.SetMessage(mustRead(t, msg), Fresh) {
		t.Fatal("SetMessage = false of a name in another case")
	}
	m := mustUnpack(t, r.Finish()[len("kept"):])
	if m.Question[0].Name != webName {
		t.Errorf("question %s, want the client's %s", m.Question[0].Name, webName)
	}
	for _, tt := range []struct{ name, reason string }{
		{"\x02wE\x03bNs\x03svc\x07cluster\x05LOCAL\x00", "as long, but pointers would lead into its labels"},
		{"\x03weC\x02Ns\x03svc\x07cluster\x05LOCAL\x00", "as long, but another"},
		{"\x02Ns\x03svc\x07cluster\x05LOCAL\x00", "shorter"},
	} {
		var q Query
		if q.Parse(message(header(0, 1, 0, 0, 0), question(tt.name, TypeA, ClassIN))) != Accept {
			t.Fatalf("%q is no question", tt.name)
		}
		r.Start(&q, nil, false)
		r.Records(Answer, Question, records(2))
		if r.SetMessage(mustRead(t, msg), Fresh) || r.Count(Answer) != 2 {
			t.Errorf("the message was taken for an answer to %q, or the reply changed: %s", tt.name, tt.reason)
		}
	}
}

func TestSetMessageFlags(t *testing.T) {
	both := func(m *dns.Msg) { m.Authoritative, m.AuthenticatedData, m.RecursionAvailable = true, true, true }
	none := func(*dns.Msg) {}
	tests := []struct {
		name   string
		edit   func(*dns.Msg)
		flags  uint16
		opt    []byte
		want   uint16
		reason string
	}{
		{"neither", none, FlagAD, nil, FlagQR, "it has none"},
		{"plain", both, 0, nil, FlagQR | FlagAA, "RFC 6840 section 5.8: no AD to who did not ask; RA is our own"},
		{"AD", both, FlagAD, nil, FlagQR | FlagAA | FlagAD, "RFC 6840 section 5.7: AD in a query asks for it"},
		{"DO", both, 0, opt(1232, 0, 0x8000, ""), FlagQR | FlagAA | FlagAD, "RFC 6840 section 5.8: so does DO"},
		{"EDNS", both, 0, opt(1232, 0, 0, ""), FlagQR | FlagAA, "EDNS alone does not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var additional [][]byte
			if tt.opt != nil {
				additional = append(additional, tt.opt)
			}
			var r Reply
			r.Start(ask(t, tt.flags, TypeA, additional...), nil, false)
			r.SetMessage(mustRead(t, theirs(t, TypeA, tt.edit, addresses(1))), Fresh)
			if got := r.Flags(); got != tt.want {
				t.Errorf("flags %x, want %x\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// TestSetMessageAgain sees that nothing of a message is left when another is set,
// or the reply is cleared.
func TestSetMessageAgain(t *testing.T) {
	q := ask(t, FlagAD, TypeA, opt(1232, 0, 0, ""))
	full := mustRead(t, theirs(t, TypeA, func(m *dns.Msg) {
		m.Authoritative, m.AuthenticatedData, m.Truncated, m.Rcode = true, true, true, dns.RcodeRefused
	}, addresses(100)))
	finish := func(then func(*Reply)) string {
		var r Reply
		r.Start(q, nil, false)
		then(&r)
		return string(r.Finish())
	}
	dirty := func(r *Reply) {
		r.SetMessage(full, Fresh)
		r.SetEDE(NotReady, "x")
	}
	empty := mustRead(t, theirs(t, TypeA, nil))
	plain := finish(func(*Reply) {})
	if got := finish(func(r *Reply) { dirty(r); r.Clear() }); got != plain {
		t.Errorf("after Clear: % x, want % x", got, plain)
	}
	if got := finish(func(r *Reply) { dirty(r); r.SetMessage(empty, Fresh) }); got != plain {
		t.Errorf("after a message without anything: % x, want % x", got, plain)
	}
}

func TestSetMessageRotate(t *testing.T) {
	const six = "six.LOCAL. %d IN AAAA fd00::%d\n"
	answer := webName + " 9 IN CNAME six.LOCAL.\n"
	for i := range 4 {
		answer += fmt.Sprintf(six, i+1, i+1)
	}
	answer += "six.LOCAL. 5 IN A 10.0.0.1\nsix.LOCAL. 5 IN A 10.0.0.2\nsix.LOCAL. 5 IN TXT a\nsix.LOCAL. 5 IN TXT b\n"
	const extra = "z.LOCAL. 5 IN A 10.0.0.1\nz.LOCAL. 5 IN A 10.0.0.2"
	m := mustRead(t, theirs(t, TypeANY, nil, answer, "", extra))
	var plain []string
	for by := range uint32(5) {
		var r Reply
		r.Rotate = by
		r.Start(ask(t, 0, TypeANY), nil, false)
		r.SetMessage(m, Aging{Most: 100, Age: 1})
		reply := mustUnpack(t, r.Finish())
		got := text(reply.Answer)
		if by == 0 {
			plain = got
		}
		want := append([]string(nil), plain...)
		for i := range 4 { // each with its own TTL
			want[1+i] = plain[1+(i+int(by))%4]
		}
		for i := range 2 {
			want[5+i] = plain[5+(i+int(by))%2]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("turned by %d (-want +got):\n%s", by, diff)
		}
		if reply.Extra[0].(*dns.A).A.String() != "10.0.0.1" {
			t.Error("additional records are turned")
		}
	}
}

func TestSetMessageAllocations(t *testing.T) {
	q, m := ask(t, 0, TypeA, opt(1232, 0, 0, "")), mustRead(t, theirs(t, TypeA, nil, addresses(100)))
	buf := make([]byte, 0, MaxUDP)
	r := Reply{Rotate: 3}
	if n := testing.AllocsPerRun(100, func() {
		r.Start(q, buf, false)
		r.SetMessage(m, Fresh)
		r.Finish()
	}); n != 0 {
		t.Errorf("allocates %v times, want 0", n)
	}
	msg := theirs(t, TypeA, nil, addresses(100))
	if n := testing.AllocsPerRun(100, func() { mustRead(t, msg) }); n > 2 {
		t.Errorf("reading allocates %v times, want 2: the message and its places", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := ReadReply(msg); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("reading a reply allocates %v times, want 2", n)
	}
}

func TestExtendedRcode(t *testing.T) {
	const badCookie = 23
	for _, tt := range []struct {
		opt    [][]byte
		want   int
		reason string
	}{
		{[][]byte{opt(1232, 0, 0, "")}, badCookie, "RFC 6891 section 6.1.3: its upper bits are in the OPT record"},
		{nil, dns.RcodeServerFailure, "without that, its lower bits mean YXRRSET"},
	} {
		var r Reply
		r.Start(ask(t, 0, TypeA, tt.opt...), nil, false)
		r.SetRcode(badCookie)
		if got := mustUnpack(t, r.Finish()).Rcode; got != tt.want {
			t.Errorf("rcode %d, want %d\nreason: %s", got, tt.want, tt.reason)
		}
	}
}
