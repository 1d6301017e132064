package resolver_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// FuzzRespond sends any packet through a whole chain over a zone, by UDP and by
// TCP. It asserts what holds of every reply: the ID, QR, the question octet by
// octet, a size within the limit, flags that follow from the rcode, nothing
// echoed of the client's EDNS, and that it can be read.
func FuzzRespond(f *testing.F) {
	names := []string{
		"web.default.svc.cluster.local.", "DB.default.svc.cluster.local.", "_sql._tcp.db.default.svc.cluster.local.",
		"ext.default.svc.cluster.local.", "in.default.svc.cluster.local.", "gone.default.svc.cluster.local.",
		"a.default.svc.cluster.local.", "default.svc.cluster.local.", "cluster.local.", "dns-version.cluster.local.",
		"2.0.0.10.in-addr.arpa.", "nothing.cluster.local.", "example.com.", ".",
	}
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeSOA, dns.TypeNS, dns.TypeANY, dns.TypeAXFR, 666}
	for i, name := range names {
		m := dnstest.Question(name, types[i%len(types)])
		f.Add(dnstest.Pack(f, m))
		m.SetEdns0(uint16(i)*512, i%2 == 0)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"}, &dns.EDNS0_LOCAL{Code: 100, Data: []byte("x")}}
		f.Add(dnstest.Pack(f, m))
	}
	panicked := func(_ *resolver.Query, reason any) { panic(reason) }
	responders := []resolver.Responder{
		{Handler: chain(f, dnstest.Zone(f)), Panicked: panicked},
		{Handler: chain(f, dnstest.Unsynced(f)), Panicked: panicked},
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		for i := range responders {
			for _, transport := range []resolver.Transport{resolver.UDP, resolver.TCP} {
				x := dnstest.Exchange()
				x.Query.Transport = transport
				given := bytes.Clone(packet)
				out := responders[i].Respond(x, packet, nil)
				if !bytes.Equal(given, packet) {
					t.Fatal("the packet was changed")
				}
				checkReply(t, x, packet, out)
				if synced := i == 0; !synced && len(out) > 0 && x.Query.Reject == 0 {
					checkUnsynced(t, dnstest.Unpack(t, out))
				}
			}
		}
	})
}

// checkUnsynced asserts that before the first sync nothing is said to be, or
// not to be.
func checkUnsynced(t *testing.T, m *dns.Msg) {
	t.Helper()
	if m.Rcode != dns.RcodeServerFailure && m.Rcode != dns.RcodeRefused || len(m.Answer)+len(m.Ns) > 0 || m.Authoritative {
		t.Fatalf("before the sync:\n%v", m)
	}
}

// checkReply asserts the invariants of the reply out to a packet.
func checkReply(t *testing.T, x *resolver.Exchange, packet, out []byte) {
	t.Helper()
	q := &x.Query
	if len(packet) < wire.HeaderLen || packet[2]&0x80 != 0 {
		if len(out) != 0 {
			t.Fatalf("a reply to what is no query: %x", out)
		}
		return
	}
	limit := wire.MinUDP
	switch {
	case q.Transport != resolver.UDP:
		limit = wire.MaxTCP
	case q.HasEDNS:
		limit = min(max(int(q.UDPSize), wire.MinUDP), wire.MaxUDP)
	}
	if len(out) < wire.HeaderLen || len(out) > limit {
		t.Fatalf("the reply has %d octets, the limit is %d", len(out), limit)
	}
	flags := binary.BigEndian.Uint16(out[2:])
	if !bytes.Equal(out[:2], packet[:2]) || flags&wire.FlagQR == 0 || flags&(wire.FlagRA|wire.FlagAD|1<<6) != 0 {
		t.Fatalf("header % x to % x", out[:wire.HeaderLen], packet[:wire.HeaderLen])
	}
	if n := len(q.RawName()); n > 0 && !bytes.HasPrefix(out[wire.HeaderLen:], packet[wire.HeaderLen:wire.HeaderLen+n+4]) {
		t.Fatal("the question is not the client's")
	}
	m := dnstest.Unpack(t, out)
	switch authority := m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError; {
	case m.Authoritative != authority:
		t.Fatalf("AA goes with an answer of ours, and with no other:\n%v", m)
	case authority && len(m.Answer) == 0 && len(m.Ns) == 0 && !m.Truncated:
		t.Fatalf("a negative answer without SOA (RFC 2308 section 3):\n%v", m)
	case !authority && len(m.Answer)+len(m.Ns) > 0:
		t.Fatalf("an error with records:\n%v", m)
	}
	opt := m.IsEdns0()
	if (opt != nil) != q.HasEDNS {
		t.Fatalf("OPT %v, the client's %t", opt, q.HasEDNS)
	}
	if opt == nil {
		return
	}
	if opt.Version() != 0 || opt.UDPSize() != wire.MaxUDP || opt.Do() != q.DO || opt.Z() != 0 {
		t.Fatalf("OPT is not ours: %v", opt)
	}
	for _, o := range opt.Option {
		if o.Option() != dns.EDNS0EDE {
			t.Fatalf("an option that is not ours: %v", o)
		}
	}
}
