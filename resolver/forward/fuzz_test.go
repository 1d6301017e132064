package forward_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// FuzzReply is of what an upstream may send: either it counts for nothing, or what
// is relayed is well formed, with TTLs in their range. What is read by the fast path
// is what another parser reads.
func FuzzReply(f *testing.F) {
	m := dnstest.Question("www.example.org", dns.TypeA)
	r := reply(dnstest.EDNS(m, 1232), "192.0.2.1")
	for _, text := range []string{
		"www.example.org. 4294967295 IN CNAME a.example.org.",
		"example.org. 60 IN SOA ns.example.org. host.example.org. 1 2 3 4 5",
		`example.org. 60 IN TXT "a" "\000"`,
		"_http._tcp.example.org. 60 IN SRV 0 0 80 www.example.org.",
		"example.org. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		r.Ns = append(r.Ns, rr)
	}
	f.Add(dnstest.Pack(f, r))
	r.Compress = true
	f.Add(dnstest.Pack(f, r))
	r.Ns = nil
	f.Add(dnstest.Pack(f, r)) // as most replies are
	r.Extra = append(r.Extra, &dns.RFC3597{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTKEY}})
	f.Add(dnstest.Pack(f, r)) // without RDATA, which miekg/dns reads, and then writes as no TKEY record may be
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, msg []byte) {
		given := bytes.Clone(msg)
		got, hasOPT, err := forward.ReadAnswer(msg)
		if !bytes.Equal(given, msg) {
			t.Error("the message was changed")
		}
		if (got == nil) != (err != nil) {
			t.Fatalf("message %v, error %v", got, err)
		}
		if got == nil {
			return
		}
		got.Each(func(rr wire.MessageRR) bool {
			if rr.TTL > math.MaxInt32 || rr.Type == dns.TypeOPT || rr.Type == dns.TypeTKEY || rr.Type == dns.TypeTSIG {
				t.Errorf("record of type %d with TTL %d", rr.Type, rr.TTL)
			}
			return true
		})
		other, otherOPT, err := forward.ReadUnusual(msg)
		if err != nil {
			return // an option that is malformed, say, and of no use here
		}
		if diff := cmp.Diff(relayed(t, msg, other), relayed(t, msg, got)); diff != "" {
			t.Errorf("what is relayed (-slow path +fast path):\n%s", diff)
		}
		if diff := cmp.Diff(other.EDE, got.EDE); diff != "" || otherOPT != hasOPT {
			t.Errorf("OPT record: %v by the slow path, %v by the fast one; Extended DNS Error (-slow path +fast path):\n%s", otherOPT, hasOPT, diff)
		}
	})
}

// relayed returns what a client gets of the message in msg, as read, over a stream.
func relayed(t *testing.T, msg []byte, m *wire.Message) string {
	t.Helper()
	asked := new(dns.Msg)
	if err := asked.Unpack(msg); err != nil {
		t.Fatal(err)
	}
	asked = &dns.Msg{Question: asked.Question}
	var q wire.Query
	if q.Parse(dnstest.Pack(t, asked)) != wire.Accept {
		return "not a question that is asked"
	}
	var r wire.Reply
	r.Start(&q, nil, true)
	if !r.SetMessage(m, wire.Fresh) {
		t.Fatal("SetMessage = false for the message's own question")
	}
	got := dnstest.Unpack(t, r.Finish())
	got.Compress = false
	return fmt.Sprint(got, m.Rcode, m.Authentic)
}
