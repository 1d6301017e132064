package rewrite_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
)

func TestOptions(t *testing.T) {
	const other, nsid = "\x00\x09\x00\x01z", "\x00\x03\x00\x00"
	tests := []struct {
		rules, sent, want string
		client            string
		reason            string
	}{
		{"local set 0xffee abcd", "", "\xff\xee\x00\x04abcd", "", "text; the client has no option"},
		{"local set 0xffee 0x61626364", other, other + "\xff\xee\x00\x04abcd", "", "octets; others stay"},
		{"local set 65518 x", "\xff\xee\x00\x01a" + other + "\xff\xee\x00\x01b", other + "\xff\xee\x00\x01x", "", "one is there then"},
		{"local replace 0xffee x", other, other, "", "nothing to replace"},
		{"local replace 0xffee x", "\xff\xee\x00\x01a", "\xff\xee\x00\x01x", "", "replaced"},
		{"local append 0xffee x", "\xff\xee\x00\x01a", "\xff\xee\x00\x01a", "", "there already"},
		{"local append 0xffee x revert", "", "\xff\xee\x00\x01x", "", "appended; revert is taken"},
		{"local unset 0xffee", other + "\xff\xee\x00\x01a", other, "", "taken away"},
		{"local set 1 {qname}", "", "\x00\x01\x00\x02a.", "", "the name as text"},
		{"local set 1 {qtype}", "", "\x00\x01\x00\x02\x00\x01", "", "two octets"},
		{"local set 1 {client_ip}", "", "\x00\x01\x00\x04\xc0\x00\x02\x01", "", "four octets"},
		{"local set 1 {client_ip}", "", "\x00\x01\x00\x04\xc0\x00\x02\x07", "[::ffff:192.0.2.7]:1", "an IPv4 client of an IPv6 socket"},
		{"local set 1 {client_ip}", "", "\x00\x01\x00\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "[2001:db8::1]:1", "sixteen octets"},
		{"local set 1 {client_port}", "", "\x00\x01\x00\x02\x14\xe9", "", "two octets"},
		{"local set 1 {protocol}", "", "\x00\x01\x00\x03udp", "", "text"},
		{"local set 1 {server_ip}", "", "\x00\x01\x00\x04\x7f\x00\x00\x01", "", "four octets"},
		{"local set 1 {server_port}", "", "\x00\x01\x00\x02\x00\x35", "", "two octets"},
		{"local set 1 {test/label}", "", "\x00\x01\x00\x05value", "", "what a handler told"},
		{"nsid set", other, other + nsid, "", "NSID"},
		{"nsid append revert", nsid, nsid, "", "there already"},
		{"nsid replace", "\x00\x03\x00\x01x", nsid, "", "RFC 5001 section 2.1: empty in a question"},
		{"nsid unset", nsid, "", "", "taken away"},
		{"subnet set 24 56", "", "\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02", "", "RFC 7871 section 6: as many octets as bits need"},
		{"subnet set 24 56", "", "\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02", "[::ffff:192.0.2.7]:1", "an IPv4 client of an IPv6 socket"},
		{"subnet set 20 56", "", "\x00\x08\x00\x07\x00\x01\x14\x00\xc0\x00\x00", "", "bits beyond are 0"},
		{"subnet set 0 0 revert", "", "\x00\x08\x00\x04\x00\x01\x00\x00", "", "none"},
		{"subnet set 24 56", "", "\x00\x08\x00\x0b\x00\x02\x38\x00\x20\x01\x0d\xb8\x00\x00\x00", "[2001:db8::1]:1", "IPv6"},
		{"subnet append 24 56", "\x00\x08\x00\x04\x00\x01\x00\x00", "\x00\x08\x00\x04\x00\x01\x00\x00", "", "a client that asks for none has its way"},
		{"subnet replace 24 56", "\x00\x08\x00\x04\x00\x01\x00\x00", "\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02", "", "or not"},
		{"subnet unset", other + "\x00\x08\x00\x04\x00\x01\x00\x00", other, "", "taken away"},
	}
	for _, tt := range tests {
		t.Run(tt.rules, func(t *testing.T) {
			m := dnstest.Question("a.", dns.TypeA)
			if tt.sent != "" {
				dnstest.EDNS(m, 1232)
			}
			x := dnstest.Exchange()
			if tt.client != "" {
				x.Query.Client = netip.MustParseAddrPort(tt.client)
			}
			packet := dnstest.Pack(t, m)
			if n := len(tt.sent); n > 0 {
				packet = append(packet, tt.sent...)
				packet[len(packet)-n-1] = byte(n)
			}
			next := new(spy)
			h := before(t, "rewrite edns0 "+tt.rules, next)
			responder := resolver.Responder{Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				q.Labels = map[string]string{"test/label": "value"}
				return h.Serve(q, r)
			})}
			got := dnstest.Unpack(t, responder.Respond(x, packet, nil))
			if diff := cmp.Diff([]seen{{"a.", dns.TypeA, dns.ClassINET, tt.want}}, next.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if opt := got.IsEdns0(); (opt != nil) != (tt.sent != "") || opt != nil && len(opt.Option) > 0 {
				t.Errorf("the reply has the OPT record %v: want what the client asked for, no more", opt)
			}
		})
	}
}

// An option for which a question has no room is left out.
func TestNoRoom(t *testing.T) {
	m := dnstest.EDNS(dnstest.Question("a.", dns.TypeA), 1232)
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: 9, Data: make([]byte, 65000)})
	next := new(spy)
	h := before(t, "rewrite continue edns0 local set 0xffee "+strings.Repeat("x", 1000)+"\nrewrite name a. b.", next)
	x := dnstest.Exchange()
	x.Query.Transport = resolver.TCP
	responder := resolver.Responder{Handler: h}
	got := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
	if len(next.got) != 1 || len(next.got[0].Options) != 65004 || next.got[0].Name != "b." || got.Rcode != dns.RcodeSuccess {
		t.Errorf("asked %d times, rcode %d: want the question without the option", len(next.got), got.Rcode)
	}
}
