package whoami_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/whoami"
)

func TestParse(t *testing.T) { dnstest.Bare(t, "whoami", whoami.Parse) }

func TestServe(t *testing.T) {
	label := strings.Repeat("x", 62) + "."
	long := label + label + label + strings.Repeat("x", 60) + "." // 251 octets
	tests := []struct {
		name      string
		typ       uint16
		client    string
		transport resolver.Transport
		want      []string
		reason    string
	}{
		{"Example.org.", dns.TypeA, "192.0.2.7:4321", resolver.UDP,
			[]string{"Example.org. 0 IN A 192.0.2.7", "_udp.Example.org. 0 IN SRV 0 0 4321 ."}, "IPv4 by UDP"},
		{"example.org.", dns.TypeTXT, "[2001:db8::7]:65535", resolver.TCP,
			[]string{"example.org. 0 IN AAAA 2001:db8::7", "_tcp.example.org. 0 IN SRV 0 0 65535 ."}, "IPv6 by TCP; any type"},
		{"example.org.", dns.TypeAAAA, "[::ffff:192.0.2.7]:53", resolver.UDP,
			[]string{"example.org. 0 IN A 192.0.2.7", "_udp.example.org. 0 IN SRV 0 0 53 ."}, "IPv4 on a socket of both families"},
		{"example.org.", dns.TypeA, "[fe80::1%lo]:53", resolver.UDP,
			[]string{"example.org. 0 IN AAAA fe80::1", "_udp.example.org. 0 IN SRV 0 0 53 ."}, "an address with a zone"},
		{".", dns.TypeA, "192.0.2.7:53", resolver.UDP, []string{". 0 IN A 192.0.2.7", "_udp. 0 IN SRV 0 0 53 ."}, "the root"},
		{long, dns.TypeA, "192.0.2.7:53", resolver.UDP, []string{long + " 0 IN A 192.0.2.7"}, "no room for a label"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			x := dnstest.Exchange()
			x.Query.Client, x.Query.Transport = netip.MustParseAddrPort(tt.client), tt.transport
			responder := resolver.Responder{Handler: whoami.Handler{}}
			r := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, dnstest.Question(tt.name, tt.typ)), nil))
			if diff := cmp.Diff(tt.want, dnstest.Text(r.Extra)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.Rcode != dns.RcodeSuccess || !r.Authoritative || len(r.Answer)+len(r.Ns) > 0 {
				t.Errorf("NOERROR, AA, and no answer:\n%v", r)
			}
		})
	}
}
