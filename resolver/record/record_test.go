package record_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/record"
)

// does has each outcome, by the first label of the name that is asked for.
var does = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	switch q.Name()[1] {
	case 'a':
		r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeA, 0, []byte{192, 0, 2, 1}))
		return resolver.Answered
	case 'n':
		return resolver.NameError
	case 'd':
		return resolver.Dropped
	case 'l':
		return resolver.Later
	case 'c':
		r.SetRcode(wire.NotImp)
		return resolver.Coded
	}
	return resolver.NoData
})

func TestQueries(t *testing.T) {
	tests := []struct {
		name   string
		typ    uint16
		want   []record.Query
		reason string
	}{
		{"A.example", dns.TypeA, []record.Query{{Name: "a.example.", Type: "A", Rcode: "NOERROR", Answers: 1}}, "an answer; the name in lower case"},
		{"none.example", dns.TypeAAAA, []record.Query{{Name: "none.example.", Type: "AAAA", Rcode: "NXDOMAIN"}}, "none"},
		{"dropped.example", dns.TypeSRV, []record.Query{{Name: "dropped.example.", Type: "SRV"}}, "no reply has no rcode"},
		{"coded.example", 65400, []record.Query{{Name: "coded.example.", Type: "TYPE65400", Rcode: "NOTIMP"}}, "an rcode of the handler's, and a type without name"},
		{"later.example", dns.TypeA, nil, "it comes once more"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			recorder := record.New(0)
			dnstest.Serve(t, recorder.Handler(does), dnstest.Question(tt.name, tt.typ))
			got := recorder.Queries()
			for _, q := range got {
				if q.Client != dnstest.Client || q.Transport != "udp" || q.Time.IsZero() {
					t.Errorf("who asked, how and when: %v", q)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(record.Query{}, "Client", "Transport", "Time")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestBounded: the last ones are kept, in order.
func TestBounded(t *testing.T) {
	recorder := record.New(3)
	h := recorder.Handler(does)
	names := func() (all []string) {
		for _, q := range recorder.Queries() {
			all = append(all, q.Name)
		}
		return all
	}
	for i := range 5 {
		dnstest.Serve(t, h, dnstest.Question(fmt.Sprintf("a%d.", i), dns.TypeA))
		want := []string{"a0.", "a1.", "a2.", "a3.", "a4."}[max(0, i-2) : i+1]
		if diff := cmp.Diff(want, names()); diff != "" {
			t.Errorf("after %d (-want +got):\n%s", i+1, diff)
		}
	}
	recorder.Clear()
	dnstest.Serve(t, h, dnstest.Question("a9.", dns.TypeA))
	if diff := cmp.Diff([]string{"a9."}, names()); diff != "" {
		t.Errorf("after a clear (-want +got):\n%s", diff)
	}
}
