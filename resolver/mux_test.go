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

// in is the handler of a server block that is only for questions of one type.
func in(typ uint16, next resolver.Handler) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if q.Type != typ {
			return resolver.Elsewhere
		}
		return next.Serve(q, r)
	})
}

func TestMuxElsewhere(t *testing.T) {
	org, sub, root := dnstest.Name(t, "example.org"), dnstest.Name(t, "sub.example.org"), dnstest.Name(t, ".")
	var mux resolver.Mux
	mux.Handle(root, in(dns.TypeTXT, named("root TXT")))
	mux.Handle(org, in(dns.TypeTXT, named("org TXT")))
	mux.Handle(sub, in(dns.TypeMX, named("sub MX")))
	mux.Handle(org, in(dns.TypeAAAA, named("org AAAA")))
	mux.Handle(sub, in(dns.TypeAAAA, named("sub AAAA")))
	mux.Handle(sub, in(dns.TypeMX, named("nobody's")))
	mux.Otherwise = resolver.Refuse{}
	tests := []struct {
		name   string
		typ    uint16
		want   string
		reason string
	}{
		{"sub.example.org.", dns.TypeMX, "sub MX", "the first of the longest zone"},
		{"a.sub.example.org.", dns.TypeAAAA, "sub AAAA", "the second of the longest zone"},
		{"a.example.org.", dns.TypeAAAA, "org AAAA", "the second of another zone, though handled between"},
		{"a.sub.example.org.", dns.TypeTXT, "org TXT", "none of the longest zone: as in CoreDNS a shorter one"},
		{"example.com.", dns.TypeTXT, "root TXT", "the root is the shortest"},
		{"a.example.org.", dns.TypeMX, "REFUSED", "no block is for it"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			if got := who(dnstest.Serve(t, &mux, dnstest.Question(tt.name, tt.typ))); got != tt.want {
				t.Errorf("%s: answered by %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
	t.Run("no Mux", func(t *testing.T) {
		if got := who(dnstest.Serve(t, in(dns.TypeMX, resolver.Refuse{}), dnstest.Question("a.", dns.TypeA))); got != "REFUSED" {
			t.Errorf("%s, want REFUSED: there is no other block", got)
		}
	})
}

// TestMuxLabels has a server block tell of a query that it then leaves to the next.
func TestMuxLabels(t *testing.T) {
	var seen []map[string]string
	look := func(o resolver.Outcome, label string) resolver.Handler {
		return resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
			seen = append(seen, q.Labels)
			if label != "" {
				q.Labels = map[string]string{"block": label}
			}
			return o
		})
	}
	var mux resolver.Mux
	mux.Handle(dnstest.Name(t, "a"), look(resolver.Elsewhere, "first"))
	mux.Handle(dnstest.Name(t, "."), look(resolver.Elsewhere, "second"))
	mux.Otherwise = look(resolver.Refused, "")
	dnstest.Serve(t, &mux, dnstest.Question("a.", dns.TypeA))
	if diff := cmp.Diff([]map[string]string{nil, nil, nil}, seen); diff != "" {
		t.Errorf("labels as each handler sees them (-want +got):\n%s", diff)
	}
}

func TestBufSize(t *testing.T) {
	tests := []struct {
		name      string
		size      uint16 // 0: no OPT record
		transport resolver.Transport
		want      uint16
		reason    string
	}{
		{"plain", 0, resolver.UDP, 512, "RFC 1035 section 4.2.1"},
		{"EDNS", 1232, resolver.UDP, 1232, "RFC 6891 section 6.2.3"},
		{"small", 100, resolver.UDP, 512, "RFC 6891 section 6.2.3: below 512 is 512"},
		{"TCP", 1232, resolver.TCP, 65535, "RFC 1035 section 4.2.2: the size is of UDP"},
		{"plain TCP", 0, resolver.TCP, 65535, "RFC 1035 section 4.2.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Question("a.", dns.TypeA)
			if tt.size > 0 {
				dnstest.EDNS(m, tt.size)
			}
			q := resolver.Query{Transport: tt.transport}
			if q.Parse(dnstest.Pack(t, m)) != wire.Accept {
				t.Fatal("not a query")
			}
			if got := q.BufSize(); got != tt.want {
				t.Errorf("%s: %d, want %d", tt.reason, got, tt.want)
			}
		})
	}
}
