package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"
)

// FuzzParse gives any octets to Parse, and answers what it accepts or rejects
// with more records than fit. It asserts what holds of every reply: the ID, QR
// and opcode, the question octet by octet, a size within the limit, no option
// of the client's, and that two parsers which are not ours find it well formed.
func FuzzParse(f *testing.F) {
	web := question(wireWeb, TypeSRV, ClassIN)
	f.Add(message(header(0, 1, 0, 0, 0), web), false)
	f.Add(message(header(FlagRD, 1, 0, 0, 1), web, opt(1232, 0, 0x8000, "\x00\x0a\x00\x08cookie12")), true)
	f.Add(message(header(0, 1, 0, 1, 1), question("\x00", TypeIXFR, ClassIN), record("\xc0\x0c", TypeSOA, ClassIN, "x"), opt(0, 1, 0, "")), false)
	f.Add(message(header(15<<11, 2, 0, 0, 0), web, web), false)
	f.Add(message(header(0, 1, 0, 0, 0), []byte("\xc0\x0c\x00\x01\x00\x01")), false)
	target := MustParseName("pod.web.ns.svc.cluster.local")
	srv := AppendRR(AppendRR(nil, TypeSRV, 5, append([]byte{0, 0, 0, 1, 0, 80}, target...)), TypeSRV, 5, append([]byte{0, 0, 0, 1, 0, 81}, target...))
	f.Fuzz(func(t *testing.T, msg []byte, stream bool) {
		var q Query
		given := bytes.Clone(msg)
		verdict := q.Parse(msg)
		if !bytes.Equal(given, msg) {
			t.Fatal("Parse changed the packet")
		}
		if verdict == Drop {
			if len(msg) >= HeaderLen && msg[2]&0x80 == 0 {
				t.Fatal("a query was dropped")
			}
			return
		}
		checkAccepted(t, &q, verdict)

		var r Reply
		r.Start(&q, nil, stream)
		r.SetRcode(q.Reject)
		r.SetEDE(NotReady, "text")
		if verdict == Accept {
			place := r.NextRDATA()
			r.Records(Answer, Question, AppendRR(nil, TypeCNAME, 5, []byte(target)))
			r.Records(Answer, place, srv)
			r.Records(Answer, place, records(20))
			r.Record(Authority, RR{Name: MustParseName("cluster.local"), Type: TypeSOA, TTL: 5, Names: [2]Name{target, Root}, Tail: make([]byte, 20)})
			r.EachTarget(func(owner Owner, _ []byte) bool { return r.Records(Additional, owner, records(2)) })
		}
		truncated := r.Truncated()
		checkReply(t, &q, r.Finish(), stream, truncated)
	})
}

// checkAccepted asserts that Parse accepts and rejects as the parser of
// golang.org/x/net does, where that can tell.
func checkAccepted(t *testing.T, q *Query, verdict Verdict) {
	t.Helper()
	var p dnsmessage.Parser
	h, err := p.Start(q.msg)
	if err != nil || h.Response {
		t.Fatalf("accepted or rejected what has no query's header: %v", err)
	}
	if verdict != Accept {
		return
	}
	// golang.org/x/net takes no name with a dot in a label; miekg/dns does.
	if _, _, err := dns.UnpackDomainName(q.msg, HeaderLen); err != nil {
		t.Fatalf("accepted a question whose name is none: %v", err)
	}
	for _, err := range []error{p.SkipAllQuestions(), p.SkipAllAnswers(), p.SkipAllAuthorities(), p.SkipAllAdditionals()} {
		if err != nil {
			t.Fatalf("accepted a message that is malformed: %v", err)
		}
	}
	if n := len(q.Name()); n == 0 || n > MaxName || Name(q.Name()).Labels() != q.nlabels {
		t.Fatalf("Name() = %q", q.Name())
	}
}

// checkReply asserts the invariants of a reply.
func checkReply(t *testing.T, q *Query, reply []byte, stream, truncated bool) {
	t.Helper()
	limit := MinUDP
	switch {
	case stream:
		limit = MaxTCP
	case q.HasEDNS:
		limit = min(max(int(q.UDPSize), MinUDP), MaxUDP)
	}
	if len(reply) > limit {
		t.Fatalf("reply has %d octets, want at most %d", len(reply), limit)
	}
	flags := binary.BigEndian.Uint16(reply[2:])
	if !bytes.Equal(reply[:2], q.msg[:2]) || flags&FlagQR == 0 || flags&opcodeMask != q.Flags&opcodeMask {
		t.Fatalf("header % x to % x", reply[:HeaderLen], q.msg[:HeaderLen])
	}
	if flags&(FlagAA|FlagRA|FlagAD|1<<6) != 0 || (flags&FlagTC != 0) != truncated {
		t.Fatalf("flags %x, truncated %v", flags, truncated)
	}
	if q.HasQuestion() {
		if !bytes.HasPrefix(reply[HeaderLen:], q.msg[HeaderLen:q.end]) {
			t.Fatal("the question is not the client's")
		}
	}
	var m dns.Msg
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("reply is malformed: %v\n% x", err, reply)
	}
	opt := m.IsEdns0()
	if (opt != nil) != q.HasEDNS {
		t.Fatalf("OPT %v, the client's %v", opt, q.HasEDNS)
	}
	if opt != nil && (opt.Version() != 0 || opt.Z() != 0 || len(opt.Option) > 1) {
		t.Fatalf("OPT %v", opt)
	}
	var theirs dnsmessage.Parser
	if _, err := theirs.Start(reply); err != nil {
		t.Fatalf("reply is malformed: %v", err)
	}
	for _, err := range []error{theirs.SkipAllQuestions(), theirs.SkipAllAnswers(), theirs.SkipAllAuthorities(), theirs.SkipAllAdditionals()} {
		if err != nil {
			t.Fatalf("reply is malformed: %v\n% x", err, reply)
		}
	}
	if _, err := theirs.Additional(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		t.Fatal("octets after the reply")
	}
}

// FuzzParseName: text that is a name is one in wire form within the limits, and
// its presentation form is the same name.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", ".", "a.b.", `a\.b`, `\000\255.x`, "a..b", `\`, "WWW.Example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			if n != "" {
				t.Fatalf("an error and a name: %q", n)
			}
			return
		}
		if len(n) > MaxName || n[len(n)-1] != 0 {
			t.Fatalf("ParseName(%q) = %q", s, n)
		}
		if _, off, err := dns.UnpackDomainName([]byte(n), 0); err != nil || off != len(n) {
			t.Fatalf("ParseName(%q) = %q, malformed: %v", s, n, err)
		}
		if again, err := ParseName(n.String()); again != n || err != nil {
			t.Fatalf("ParseName(%q) = %q, %v, want %q", n.String(), again, err, n)
		}
		if n != Root && !n.IsBelow(n.Parent()) {
			t.Fatalf("%q is not below its parent", n)
		}
	})
}
