package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// ask parses a question for web's A records, with further records.
func ask(t *testing.T, flags, typ uint16, additional ...[]byte) *Query {
	t.Helper()
	q := new(Query)
	q.Parse(message(header(flags, 1, 0, 0, uint16(len(additional))), question(wireWeb, typ, ClassIN), message(additional...)))
	return q
}

// records returns n prepared A records.
func records(n int) (b []byte) {
	for i := range n {
		b = AppendRR(b, TypeA, 5, []byte{10, 0, byte(i >> 8), byte(i)})
	}
	return b
}

// text returns the records of a section as zone-file text.
func text(rrs []dns.RR) (lines []string) {
	for _, rr := range rrs {
		if rr.Header().Rrtype != TypeOPT {
			lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return lines
}

func TestReplyFlags(t *testing.T) {
	const all = FlagAA | FlagTC | FlagRD | FlagRA | 1<<6 | FlagAD | FlagCD
	tests := []struct {
		name   string
		flags  uint16
		set    func(*Reply)
		want   string // as dig writes them
		reason string
	}{
		{"none", 0, func(*Reply) {}, "qr", "RFC 8906 section 8.1.2"},
		{"RD", FlagRD, func(*Reply) {}, "qr rd", "RFC 1035 section 4.1.1: RD is copied"},
		{"CD", FlagCD, func(*Reply) {}, "qr cd", "RFC 4035 section 3.2.2: CD is copied"},
		{"all", all, func(*Reply) {}, "qr rd cd", "RFC 8906 section 8.1.3: AA, TC, RA, Z and AD are the answer's own"},
		{"AA", 0, func(r *Reply) { r.Authoritative = true }, "qr aa", "RFC 1035 section 4.1.1"},
		{"RA", 0, func(r *Reply) { r.Recursive = true }, "qr ra", "RFC 1035 section 4.1.1"},
		{"opcode 15", 15<<11 | all, func(r *Reply) { r.SetRcode(r.Query().Reject) }, "qr opcode=15 rcode=4", "RFC 8906 section 8.1.1: all clear, the opcode copied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Reply
			r.Start(ask(t, tt.flags, TypeA), nil, false)
			tt.set(&r)
			msg := r.Finish()
			if msg[0] != 0x12 || msg[1] != 0x34 {
				t.Errorf("ID = %x, want 1234", msg[:2])
			}
			m := mustUnpack(t, msg)
			var got []string
			for _, f := range []struct {
				set  bool
				name string
			}{{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"},
				{m.RecursionAvailable, "ra"}, {m.Zero, "z"}, {m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"},
				{m.Opcode != 0, fmt.Sprint("opcode=", m.Opcode)}, {m.Rcode != 0, fmt.Sprint("rcode=", m.Rcode)}} {
				if f.set {
					got = append(got, f.name)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("flags (-want +got):\n%s\nreason: %s", diff, tt.reason)
			}
		})
	}
}

func TestReplyEDNS(t *testing.T) {
	const none = "no OPT"
	tests := []struct {
		name   string
		opt    []byte
		set    func(*Reply)
		want   string
		reason string
	}{
		{"none", nil, func(*Reply) {}, none, "RFC 6891 section 6.1.1: none to a client that sent none"},
		{"plain", opt(4096, 0, 0, ""), func(*Reply) {}, "v0 1232", "RFC 6891 section 6.2.3: our own size"},
		{"DO", opt(4096, 0, 0x8000, ""), func(*Reply) {}, "v0 1232 do", "RFC 3225 section 3: DO is copied"},
		{"flags", opt(4096, 0, 0x7fff, ""), func(*Reply) {}, "v0 1232", "RFC 6891 section 6.1.4: Z is 0"},
		{"options", opt(4096, 0, 0, "\x00\x64\x00\x00\x00\x0a\x00\x08cookie12\x00\x03\x00\x00"), func(*Reply) {}, "v0 1232", "RFC 6891 section 6.1.2: what is not implemented is not echoed"},
		{"version 1", opt(4096, 1, 0, ""), func(r *Reply) { r.SetRcode(r.Query().Reject) }, "v0 1232 rcode=16", "RFC 6891 section 6.1.3: BADVERS, and our own version"},
		{"version 1, DO", opt(4096, 1, 0x8000, ""), func(r *Reply) { r.SetRcode(r.Query().Reject) }, "v0 1232 do rcode=16", "RFC 6891 section 6.1.3"},
		{"EDE", opt(4096, 0, 0, ""), func(r *Reply) { r.SetEDE(NotReady, "") }, "v0 1232 ede=14", "RFC 8914 section 2"},
		{"EDE with text", opt(4096, 0, 0, ""), func(r *Reply) { r.SetEDE(NotOurs, "not here") }, "v0 1232 ede=20:not here", "RFC 8914 section 2"},
		{"EDE without EDNS", nil, func(r *Reply) { r.SetEDE(NotReady, "") }, none, "RFC 8914 section 2: in an OPT record alone"},
		{"EDE too long", opt(512, 0, 0, ""), func(r *Reply) { r.SetEDE(NotReady, strings.Repeat("x", 512)) }, "v0 1232", "RFC 8914 section 3: what does not fit is left out"},
		{"malformed option", opt(4096, 0, 0, "\x00"), func(r *Reply) { r.SetRcode(r.Query().Reject) }, "v0 1232 rcode=1", "RFC 6891 section 7: OPT in an error, too"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var additional [][]byte
			if tt.opt != nil {
				additional = append(additional, tt.opt)
			}
			var r Reply
			r.Start(ask(t, 0, TypeA, additional...), nil, false)
			tt.set(&r)
			m := mustUnpack(t, r.Finish())
			got := none
			if o := m.IsEdns0(); o != nil {
				got = fmt.Sprintf("v%d %d", o.Version(), o.UDPSize())
				if o.Do() {
					got += " do"
				}
				if o.Z() != 0 {
					got += fmt.Sprint(" z=", o.Z())
				}
				for _, option := range o.Option {
					if e, ok := option.(*dns.EDNS0_EDE); ok {
						got += strings.TrimSuffix(fmt.Sprintf(" ede=%d:%s", e.InfoCode, e.ExtraText), ":")
						continue
					}
					got += " " + option.String()
				}
			}
			if m.Rcode != 0 {
				got += fmt.Sprint(" rcode=", m.Rcode)
			}
			if got != tt.want {
				t.Errorf("OPT: %s, want %s\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

func TestReplyLimit(t *testing.T) {
	tests := []struct {
		name   string
		stream bool
		size   int // that the client announces; 0 for no EDNS
		want   int
		reason string
	}{
		{"no EDNS", false, 0, 512, "RFC 1035 section 4.2.1"},
		{"too small", false, 100, 512, "RFC 6891 section 6.2.3: below 512 is 512"},
		{"800", false, 800, 800, "RFC 6891 section 6.2.5"},
		{"65535", false, 65535, 1232, "what crosses any path whole"},
		{"stream", true, 0, 65535, "RFC 1035 section 4.2.2"},
		{"stream, 512", true, 512, 65535, "RFC 6891 section 6.2.5: a UDP size is not TCP's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var additional [][]byte
			if tt.size > 0 {
				additional = append(additional, opt(uint16(tt.size), 0, 0, ""))
			}
			var r Reply
			r.Start(ask(t, 0, TypeA, additional...), nil, tt.stream)
			if r.Records(Answer, Question, records(5000)) || !r.Truncated() {
				t.Fatal("5,000 records fit")
			}
			msg := r.Finish()
			if len(msg) > tt.want || len(msg) <= tt.want-16 {
				t.Errorf("reply has %d octets, want as many of %d as records fill\nreason: %s", len(msg), tt.want, tt.reason)
			}
			m := mustUnpack(t, msg)
			if !m.Truncated || len(m.Answer) != r.Count(Answer) || (m.IsEdns0() != nil) != (tt.size > 0) || len(m.Question) != 1 {
				t.Errorf("TC %v, %d answers of %d, %d questions\nreason: %s", m.Truncated, len(m.Answer), r.Count(Answer), len(m.Question), tt.reason)
			}
		})
	}
}

func TestReplyTruncation(t *testing.T) {
	fill := func(r *Reply, left int) { // leaves room for so many octets
		for r.Fits(left + 16) {
			r.Records(Answer, Question, records(1))
		}
	}
	tests := []struct {
		name   string
		add    func(*Reply) bool
		tc     bool
		reason string
	}{
		{"answer set", func(r *Reply) bool { return r.Records(Answer, Question, records(3)) }, true, "RFC 2181 section 9: TC if required data is left out"},
		{"authority set", func(r *Reply) bool { return r.Records(Authority, Question, records(3)) }, true, "RFC 2181 section 9: TC if required data is left out"},
		{"additional set", func(r *Reply) bool { return r.Records(Additional, Question, records(3)) }, false, "RFC 2181 section 9: no TC if only additional data is left out"},
		{"answer record", func(r *Reply) bool {
			_, ok := r.Record(Answer, RR{Owner: Question, Type: TypeTXT, Data: make([]byte, 40)})
			return ok
		}, true, "RFC 2181 section 9"},
		{"additional record", func(r *Reply) bool {
			_, ok := r.Record(Additional, RR{Owner: Question, Type: TypeTXT, Data: make([]byte, 40)})
			return ok
		}, false, "RFC 2181 section 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Reply
			r.Start(ask(t, 0, TypeA), nil, false)
			fill(&r, 20)
			before := r.Count(Additional)
			if tt.add(&r) {
				t.Fatal("it fit")
			}
			if r.Count(Additional) != before {
				t.Error("a part of an additional set went in (RFC 2181 section 5)")
			}
			if m := mustUnpack(t, r.Finish()); m.Truncated != tt.tc {
				t.Errorf("TC = %v, want %v\nreason: %s", m.Truncated, tt.tc, tt.reason)
			}
			r.Clear()
			r.SetRcode(ServFail)
			m := mustUnpack(t, r.Finish())
			if len(m.Answer)+len(m.Extra) > 0 || m.Truncated || len(m.Question) != 1 || m.Rcode != int(ServFail) {
				t.Errorf("after Clear: %v", m)
			}
		})
	}
}

func TestReplyRecords(t *testing.T) {
	var r Reply
	const prefix = "kept"
	r.Start(ask(t, 0, TypeSRV), []byte(prefix), false)
	target := MustParseName("a.web.ns.svc.cluster.local")
	place := r.NextRDATA()
	r.Records(Answer, Question, AppendRR(nil, TypeCNAME, 7, []byte(target)))
	for _, port := range []byte{80, 81} {
		r.Records(Answer, place, AppendRR(nil, TypeSRV, 5, append([]byte{0, 0, 0, 100, 0, port}, target...)))
	}
	r.Record(Authority, RR{
		Name: MustParseName("cluster.local"), Type: TypeSOA, TTL: 1,
		Names: [2]Name{MustParseName("ns.dns.cluster.local"), MustParseName("hostmaster.example.")},
		Tail:  make([]byte, 20),
	})
	at, ok := r.Record(Authority, RR{Owner: Question, Type: TypeNS, TTL: 2, Names: [2]Name{MustParseName("x.svc.cluster.local")}})
	if !ok {
		t.Fatal("NS record did not fit")
	}
	r.Record(Additional, RR{Owner: at, Type: TypeA, TTL: 3, Data: []byte{10, 0, 0, 1}})
	r.EachTarget(func(owner Owner, name []byte) bool {
		if string(name) != string(target) {
			t.Errorf("EachTarget gives %q, want %q", name, target)
		}
		return r.Records(Additional, owner, AppendRR(nil, TypeAAAA, 5, make([]byte, 16))) && false
	})
	whole := r.Finish()
	if !bytes.HasPrefix(whole, []byte(prefix)) {
		t.Errorf("Finish returns %q…, want what Start was given before the message", whole[:8])
	}
	msg := whole[len(prefix):]
	if got := string(msg[HeaderLen : HeaderLen+len(wireWeb)]); got != wireWeb {
		t.Errorf("question = %q, want the client's own octets %q", got, wireWeb)
	}
	m := mustUnpack(t, msg)
	// The question's suffixes are the client's own, in the case it used.
	want := []string{
		"wEb.Ns.svc.cluster.LOCAL. 7 IN CNAME a.web.ns.svc.cluster.local.",
		"a.web.ns.svc.cluster.local. 5 IN SRV 0 100 80 a.web.ns.svc.cluster.local.",
		"a.web.ns.svc.cluster.local. 5 IN SRV 0 100 81 a.web.ns.svc.cluster.local.",
		"cluster.LOCAL. 1 IN SOA ns.dns.cluster.LOCAL. hostmaster.example. 0 0 0 0 0",
		"wEb.Ns.svc.cluster.LOCAL. 2 IN NS x.svc.cluster.LOCAL.",
		"x.svc.cluster.LOCAL. 3 IN A 10.0.0.1",
		"a.web.ns.svc.cluster.local. 5 IN AAAA ::",
	}
	if diff := cmp.Diff(want, text(append(append(m.Answer, m.Ns...), m.Extra...))); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	// RFC 2782, RFC 3597 section 4: an SRV record's target is not compressed.
	if n := bytes.Count(msg, []byte(target)); n != 3 {
		t.Errorf("the CNAME's and the SRV records' target stands %d times in the message, want 3", n)
	}
}

// A target that no pointer can reach has no glue, and the message stays well
// formed (RFC 1035 section 4.1.4: a pointer has 14 bits).
func TestReplyTargetOutOfReach(t *testing.T) {
	var r Reply
	r.Start(ask(t, 0, TypeSRV), nil, true)
	const count = 1000
	for i := range count {
		r.Records(Answer, Question, AppendRR(nil, TypeSRV, 5, append([]byte{0, 0, 0, 100, byte(i >> 8), byte(i)}, MustParseName(fmt.Sprintf("pod-%d.cluster.local", i))...)))
	}
	seen := 0
	r.EachTarget(func(owner Owner, target []byte) bool {
		seen++
		return r.Records(Additional, owner, AppendRR(nil, TypeA, 5, []byte{10, 0, byte(seen >> 8), byte(seen)}))
	})
	if seen == 0 || seen == count {
		t.Errorf("EachTarget gave %d of %d targets, want those in reach", seen, count)
	}
	m := mustUnpack(t, r.Finish())
	for i, rr := range m.Extra {
		if want := m.Answer[i].(*dns.SRV).Target; rr.Header().Name != want {
			t.Fatalf("glue %d is of %s, want %s", i, rr.Header().Name, want)
		}
	}
}

func TestReplyAllocations(t *testing.T) {
	q, set, buf := ask(t, 0, TypeA, opt(1232, 0, 0, "")), records(3), make([]byte, 0, MaxUDP)
	packet := bytes.Clone(q.msg)
	var r Reply
	if n := testing.AllocsPerRun(100, func() {
		q.Parse(packet)
		r.Start(q, buf, false)
		r.Records(Answer, Question, set)
		r.SetEDE(NotReady, "text")
		r.Finish()
	}); n != 0 {
		t.Errorf("a question parsed and answered allocates %v times, want 0", n)
	}
}
