package wire

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestParseOptions(t *testing.T) {
	web := question(wireWeb, TypeA, ClassIN)
	tests := []struct {
		name, options   string
		ok              bool
		cookie          string
		nsid, keepalive bool
		reason          string
	}{
		{"none", "", true, "", false, false, "RFC 6891 section 6.1.2"},
		{"client's cookie", "\x00\x0a\x00\x08abcdefgh", true, "abcdefgh", false, false, "RFC 7873 section 4"},
		{"both cookies", "\x00\x0a\x00\x10abcdefgh12345678", true, "abcdefgh12345678", false, false, "RFC 7873 section 4"},
		{"two cookies", "\x00\x0a\x00\x08abcdefgh\x00\x0a\x00\x08ABCDEFGH", true, "abcdefgh", false, false, "RFC 7873 section 5.2: the first counts"},
		{"cookie of 7", "\x00\x0a\x00\x07abcdefg", false, "", false, false, "RFC 7873 section 5.2.2"},
		{"cookie of 15", "\x00\x0a\x00\x0fabcdefgh1234567", false, "", false, false, "RFC 7873 section 5.2.2"},
		{"cookie of 41", "\x00\x0a\x00\x29abcdefgh123456781234567812345678123456789", false, "", false, false, "RFC 7873 section 5.2.2"},
		{"NSID", "\x00\x03\x00\x00", true, "", true, false, "RFC 5001 section 2.1"},
		{"keepalive", "\x00\x0b\x00\x00", true, "", false, true, "RFC 7828 section 3.2.1"},
		{"keepalive with a time", "\x00\x0b\x00\x02\x00\x64", true, "", false, false, "RFC 7828 section 3.3.1: ignored over UDP; streams judge it"},
		{"unknown", "\x00\x64\x00\x01x", true, "", false, false, "RFC 6891 section 6.1.2: ignored"},
		{"cut", "\x00\x64\x00\x02x", false, "", false, false, "RFC 6891 section 6.1.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q Query
			verdict := q.Parse(message(header(0, 1, 0, 0, 1), web, opt(512, 0, 0, tt.options)))
			if (verdict == Accept) != tt.ok || !tt.ok && q.Reject != FormErr {
				t.Fatalf("Parse = %d, %v, want ok %v\nreason: %s", verdict, q.Reject, tt.ok, tt.reason)
			}
			if tt.ok && (string(q.Cookie) != tt.cookie || q.WantsNSID != tt.nsid || q.WantsKeepalive != tt.keepalive) {
				t.Errorf("cookie %q, NSID %v, keepalive %v\nreason: %s", q.Cookie, q.WantsNSID, q.WantsKeepalive, tt.reason)
			}
		})
	}
}

// TestReplyOptions sees options in the OPT record, and that room for them is
// kept: records go before they do.
func TestReplyOptions(t *testing.T) {
	q := ask(t, 0, TypeA, opt(512, 0, 0, "\x00\x0a\x00\x08abcdefgh"))
	var r Reply
	r.Start(q, nil, false)
	r.SetCookie([]byte("0123456789abcdef"))
	r.SetNSID([]byte("a server of ours"))
	r.SetKeepalive(100)
	r.SetEDE(NotReady, "")
	r.Records(Answer, Question, records(40))
	size := r.Size()
	out := r.Finish()
	if len(out) > 512 || len(out) != size {
		t.Errorf("the reply has %d octets, Size said %d, and 512 are allowed", len(out), size)
	}
	m := mustUnpack(t, out)
	if !m.Truncated || len(m.Answer) < 20 {
		t.Errorf("truncated %v with %d answers", m.Truncated, len(m.Answer))
	}
	want := map[uint16]string{
		dns.EDNS0COOKIE:       hex.EncodeToString([]byte("abcdefgh0123456789abcdef")),
		dns.EDNS0NSID:         hex.EncodeToString([]byte("a server of ours")),
		dns.EDNS0TCPKEEPALIVE: "",
	}
	for _, o := range m.IsEdns0().Option {
		switch o := o.(type) {
		case *dns.EDNS0_COOKIE:
			if o.Cookie != want[dns.EDNS0COOKIE] {
				t.Errorf("cookie %s", o.Cookie)
			}
		case *dns.EDNS0_NSID:
			if o.Nsid != want[dns.EDNS0NSID] {
				t.Errorf("NSID %s", o.Nsid)
			}
		case *dns.EDNS0_TCP_KEEPALIVE:
			if o.Timeout != 100 {
				t.Errorf("keepalive %d", o.Timeout)
			}
		}
		delete(want, o.Option())
	}
	if len(want) > 0 {
		t.Errorf("options missing: %v", want)
	}
}

func TestReplyTSIG(t *testing.T) {
	var q Query
	verdict := q.Parse(message(header(FlagRD, 1, 0, 0, 2), question(wireWeb, TypeA, ClassIN), opt(1232, 0, 0, ""),
		record("\x01k\x00", TypeTSIG, ClassANY, tsigRdata)))
	if verdict != Reject {
		t.Fatalf("Parse = %d", verdict)
	}
	var r Reply
	r.Start(&q, nil, false)
	r.SetRcode(q.Reject)
	size := r.Size()
	out := r.Finish()
	if len(out) != size {
		t.Errorf("the reply has %d octets, Size said %d", len(out), size)
	}
	m := mustUnpack(t, out)
	sig := m.IsTsig()
	if sig == nil || m.Rcode != dns.RcodeNotAuth || len(m.Answer) > 0 || m.IsEdns0() == nil {
		t.Fatalf("reply %v", m)
	}
	if sig.Hdr.Name != "k." || sig.Algorithm != "h." || sig.Error != dns.RcodeBadKey || sig.MACSize != 0 ||
		sig.OrigId != q.ID || sig.TimeSigned != 0x65000001 || sig.Fudge != 300 {
		t.Errorf("TSIG %v: want key k., algorithm h., BADKEY, no MAC, and the query's time", sig)
	}
}

// TestReplyTSIGTooLong sees that names, of the question, the key and the
// algorithm, can't make the reply too long.
func TestReplyTSIGTooLong(t *testing.T) {
	name := func(octets int) string { // in wire form, of labels of 50 octets and a rest
		var b strings.Builder
		for ; octets > MaxLabel+2; octets -= 51 {
			b.WriteString("\x32" + strings.Repeat("k", 50))
		}
		b.WriteByte(byte(octets - 2))
		return b.String() + strings.Repeat("r", octets-2) + "\x00"
	}
	for _, asked := range []int{20, 120, MaxName} {
		for key := 20; key <= MaxName; key++ {
			var q Query
			q.Parse(message(header(0, 1, 0, 0, 2), question(name(asked), TypeA, ClassIN), opt(512, 0, 0, "\x00\x0a\x00\x08cookie12"),
				record(name(key), TypeTSIG, ClassANY, name(20)+tsigRdata[3:])))
			if q.Reject != NotAuth {
				t.Fatalf("names of %d and %d octets: rejected with %v", asked, key, q.Reject)
			}
			var r Reply
			r.Start(&q, nil, false)
			r.SetCookie([]byte("0123456789abcdef"))
			r.SetRcode(q.Reject)
			size, out := r.Size(), r.Finish()
			if m := mustUnpack(t, out); len(out) > MinUDP || len(out) != size || m.Rcode != dns.RcodeNotAuth {
				t.Fatalf("names of %d and %d octets: a reply of %d, Size said %d: %v", asked, key, len(out), size, m)
			}
		}
	}
}
