package extra_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/extra"
)

// cluster has an address at web.cluster.local and at no other name there. It
// refuses names elsewhere.
var cluster = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	switch {
	case string(q.Name()) == string(wire.MustParseName("web.cluster.local")):
		r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeA, 5, []byte{10, 0, 0, 1}))
		return resolver.Answered
	case wire.IsBelow(q.Name(), wire.MustParseName("cluster.local")):
		return resolver.NameError
	}
	return resolver.Refused
})

const records = `
db.example.org.      60 IN A     192.0.2.1
db.example.org.         IN A     192.0.2.2
db.example.org          IN AAAA  2001:db8::1
alias.example.org.      IN CNAME web.cluster.local.
away.example.org.       IN CNAME elsewhere.example.
gone.example.org.       IN CNAME gone.cluster.local.
loop.example.org.        IN CNAME loop.example.org.
a.b.cluster.local.      IN TXT   "hello"
`

func TestAnswers(t *testing.T) {
	all := extra.New()
	if err := all.Add(records); err != nil {
		t.Fatal(err)
	}
	h := all.Handler(cluster)
	tests := []struct {
		name   string
		typ    uint16
		rcode  int
		want   []string
		reason string
	}{
		{"db.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"db.example.org. 60 IN A 192.0.2.1", "db.example.org. 0 IN A 192.0.2.2"}, "in order; no TTL is 0"},
		{"DB.example.org.", dns.TypeAAAA, dns.RcodeSuccess, []string{"db.example.org. 0 IN AAAA 2001:db8::1"}, "a name without final dot is absolute"},
		{"db.example.org.", dns.TypeSRV, dns.RcodeSuccess, nil, "NODATA for other types"},
		{"example.org.", dns.TypeA, dns.RcodeSuccess, nil, "RFC 8020 section 2: what has names below it exists"},
		{"b.cluster.local.", dns.TypeA, dns.RcodeSuccess, nil, "in a zone of others too"},
		{"c.cluster.local.", dns.TypeA, dns.RcodeNameError, nil, "which has its other names as before"},
		{"web.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"web.cluster.local. 5 IN A 10.0.0.1"}, "and its own"},
		{"alias.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"alias.example.org. 0 IN CNAME web.cluster.local.", "web.cluster.local. 5 IN A 10.0.0.1"}, "an alias is followed"},
		{"alias.example.org.", dns.TypeCNAME, dns.RcodeSuccess, []string{"alias.example.org. 0 IN CNAME web.cluster.local."}, "unless it is asked for"},
		{"away.example.org.", dns.TypeA, dns.RcodeSuccess, []string{"away.example.org. 0 IN CNAME elsewhere.example."}, "one that leads to where nobody answers is left to the client"},
		{"gone.example.org.", dns.TypeA, dns.RcodeNameError, []string{"gone.example.org. 0 IN CNAME gone.cluster.local."}, "RFC 6604 section 3"},
		{"loop.example.org.", dns.TypeA, dns.RcodeServerFailure, nil, "one that leads to itself leads nowhere"},
		{"a.b.cluster.local.", dns.TypeANY, dns.RcodeSuccess, []string{`a.b.cluster.local. 0 IN TXT "hello"`}, "ANY is all types"},
		{"other.example.org.", dns.TypeA, dns.RcodeRefused, nil, "everything else is passed on"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			m := dnstest.Serve(t, h, dnstest.Question(tt.name, tt.typ))
			if m.Rcode != tt.rcode {
				t.Errorf("rcode %s, want %s", dns.RcodeToString[m.Rcode], dns.RcodeToString[tt.rcode])
			}
			if diff := cmp.Diff(tt.want, dnstest.Text(m.Answer), cmpopts.EquateEmpty(), cmp.Comparer(strings.EqualFold)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOverrides: names that the cluster has can be had by hand, and given back.
func TestOverrides(t *testing.T) {
	all := extra.New()
	h := all.Handler(cluster)
	answer := func() string {
		return strings.Join(dnstest.Text(dnstest.Serve(t, h, dnstest.Question("web.cluster.local.", dns.TypeA)).Answer), "; ")
	}
	steps := []struct{ add, want string }{
		{"web.cluster.local. A 192.0.2.9", "web.cluster.local. 0 IN A 192.0.2.9"},
		{"web.cluster.local. 30 A 192.0.2.9", "web.cluster.local. 30 IN A 192.0.2.9"},
		{"", "web.cluster.local. 5 IN A 10.0.0.1"},
	}
	for _, step := range steps {
		if step.add == "" {
			all.Clear()
		} else if err := all.Add(step.add); err != nil {
			t.Fatal(err)
		}
		if got := answer(); got != step.want {
			t.Errorf("after %q: %s, want %s", step.add, got, step.want)
		}
	}
}

func TestAddErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "none is given"},
		{"db.example.org. A 192.0.2", "bad A A"},
		{"db.example.org. A 192.0.2.1\nnonsense", "records: "},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			all := extra.New()
			if err := all.Add(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
			if m := dnstest.Serve(t, all.Handler(cluster), dnstest.Question("db.example.org.", dns.TypeA)); m.Rcode != dns.RcodeRefused {
				t.Error("some of it was added")
			}
		})
	}
}
