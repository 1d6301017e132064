package forward_test

import (
	"math"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// FuzzReply is of what an upstream may send: either it counts for nothing, or what
// is relayed is well formed, with TTLs in their range.
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
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, msg []byte) {
		got, err := forward.ReadAnswer(msg)
		if (got == nil) != (err != nil) {
			t.Fatalf("message %v, error %v", got, err)
		}
		if got == nil {
			return
		}
		got.Each(func(rr wire.MessageRR) bool {
			if rr.TTL > math.MaxInt32 || rr.Type == dns.TypeOPT || rr.Type == dns.TypeTSIG {
				t.Errorf("record of type %d with TTL %d", rr.Type, rr.TTL)
			}
			return true
		})
	})
}
