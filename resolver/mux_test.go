package resolver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// named is a handler that says its name by appending a TXT record.
func named(name string) resolver.Handler {
	return resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		text := append([]byte{byte(len(name))}, name...)
		r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeTXT, 0, text))
		return resolver.Answered
	})
}

// who returns the name that a named handler said, "REFUSED" and the like if none did.
func who(m *dns.Msg) string {
	if len(m.Answer) == 1 {
		return m.Answer[0].(*dns.TXT).Txt[0]
	}
	return dns.RcodeToString[m.Rcode]
}

func TestMux(t *testing.T) {
	var inner, whole resolver.Mux
	for _, apex := range []string{"local", "cluster.local", "a.cluster.local", "b.cluster.local", "10.in-addr.arpa"} {
		inner.Handle(dnstest.Name(t, apex), named(apex))
	}
	inner.Otherwise = resolver.Refuse{}
	whole.Handle(dnstest.Name(t, "cluster.local"), named("cluster.local"))
	whole.Handle(dnstest.Name(t, "."), named("."))
	whole.Otherwise = resolver.Refuse{}
	tests := []struct {
		mux        *resolver.Mux
		name, want string
		class      uint16
		reason     string
	}{
		{&inner, "cluster.local.", "cluster.local", dns.ClassINET, "an apex is in its own zone"},
		{&inner, "x.y.cluster.local.", "cluster.local", dns.ClassINET, "RFC 1034 section 4.3.2 step 2: the nearest ancestor"},
		{&inner, "x.a.cluster.local.", "a.cluster.local", dns.ClassINET, "the longest of several, though it was handled later"},
		{&inner, "X.A.Cluster.LOCAL.", "a.cluster.local", dns.ClassINET, "RFC 4343: case is ignored"},
		{&inner, "xa.cluster.local.", "cluster.local", dns.ClassINET, "suffixes are of labels, not of letters"},
		{&inner, "xcluster.local.", "local", dns.ClassINET, "suffixes are of labels, not of letters"},
		{&inner, "1.0.0.10.in-addr.arpa.", "10.in-addr.arpa", dns.ClassINET, "reverse zones are zones"},
		{&inner, "example.com.", "REFUSED", dns.ClassINET, "a name in no zone"},
		{&inner, ".", "REFUSED", dns.ClassINET, "the root is in no zone but itself"},
		{&inner, "cluster.local.", "REFUSED", dns.ClassCHAOS, "zones are of class IN"},
		{&inner, "cluster.local.", "REFUSED", dns.ClassANY, "zones are of class IN"},
		{&whole, "x.cluster.local.", "cluster.local", dns.ClassINET, "the root is the shortest"},
		{&whole, "example.com.", ".", dns.ClassINET, "every name is below the root"},
		{&whole, ".", ".", dns.ClassINET, "the root itself"},
		{&whole, "version.bind.", "REFUSED", dns.ClassCHAOS, "zones are of class IN"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.ClassToString[tt.class], func(t *testing.T) {
			m := dnstest.Question(tt.name, dns.TypeTXT)
			m.Question[0].Qclass = tt.class
			if got := who(dnstest.Serve(t, tt.mux, m)); got != tt.want {
				t.Errorf("%s: answered by %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	tests := []struct {
		name   string
		class  uint16
		edns   bool
		want   []string // Extended DNS Errors
		reason string
	}{
		{"name", dns.ClassINET, true, []string{"20"}, "RFC 8914 section 4.21: Not Authoritative"},
		{"class", dns.ClassCHAOS, true, []string{"21"}, "RFC 8914 section 4.22: Not Supported"},
		{"without EDNS", dns.ClassINET, false, nil, "RFC 6891 section 7: no OPT where the query had none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Question("example.com.", dns.TypeA)
			m.Question[0].Qclass = tt.class
			if tt.edns {
				dnstest.EDNS(m, 1232)
			}
			r := dnstest.Serve(t, resolver.Refuse{}, m)
			if r.Rcode != dns.RcodeRefused || r.Authoritative || len(r.Answer)+len(r.Ns) != 0 {
				t.Errorf("not a plain REFUSED:\n%v", r)
			}
			if diff := cmp.Diff(tt.want, errorCodes(r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
