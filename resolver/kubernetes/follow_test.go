package kubernetes_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// others answers for names outside of the zones.
func others(outcome resolver.Outcome, err error, records ...string) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		m := new(dns.Msg)
		m.SetQuestion("example.com.", q.Type)
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, rr)
			} else {
				m.Answer = append(m.Answer, rr)
			}
		}
		if outcome == resolver.NameError {
			m.Rcode = dns.RcodeNameError
		}
		r.Err = err
		if outcome == resolver.Answered || outcome == resolver.NoData || outcome == resolver.NameError {
			if err := r.SetMsg(m); err != nil {
				panic(err)
			}
		}
		return outcome
	})
}

// TestFollow asks for a Service that is an alias of example.com, beside a handler
// for that.
func TestFollow(t *testing.T) {
	const (
		cname = "ext.default.svc.cluster.local. 5 IN CNAME example.com."
		soa   = "com. 60 IN SOA a. b. 1 2 3 4 60"
	)
	tests := []struct {
		name    string
		handler resolver.Handler
		rcode   int
		answer  []string
		ns      int
		reason  string
	}{
		{"found", others(resolver.Answered, nil, "example.com. 60 IN A 192.0.2.1", "example.com. 60 IN A 192.0.2.2"), dns.RcodeSuccess,
			[]string{cname, "example.com. 60 IN A 192.0.2.1", "example.com. 60 IN A 192.0.2.2"}, 0, "RFC 1034 section 4.3.2: the CNAME first, and what it leads to"},
		{"a chain", others(resolver.Answered, nil, "example.com. 60 IN CNAME example.net.", "example.net. 60 IN A 192.0.2.1"), dns.RcodeSuccess,
			[]string{cname, "example.com. 60 IN CNAME example.net.", "example.net. 60 IN A 192.0.2.1"}, 0, "as it came"},
		{"no data", others(resolver.NoData, nil, soa), dns.RcodeSuccess, []string{cname}, 1, "RFC 2308 section 2.2"},
		{"no name", others(resolver.NameError, nil, soa), dns.RcodeNameError, []string{cname}, 1, "RFC 6604 section 3: the rcode is the last name's"},
		{"nobody's", resolver.Refuse{}, dns.RcodeSuccess, []string{cname}, 0, "the client may know who answers for it"},
		{"failing", others(resolver.ServFail, errors.New("no upstream")), dns.RcodeServerFailure, nil, 0, "an answer without the address would say that there is none"},
		{"itself", nil, dns.RcodeServerFailure, nil, 0, "an alias that comes back by another name is cut"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next := tt.handler
			if next == nil {
				next = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
					_, o, err := resolver.Ask(q.Head, q, resolver.Question{Name: "ext.default.svc.cluster.local.", Type: q.Type})
					r.Err = err
					return o
				})
			}
			h := &kubernetes.Handler{Zone: dnstest.Zone(t), Recursive: true, Next: next}
			m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("ext.default.svc.cluster.local.", dns.TypeA), 1232))
			if m.Rcode != tt.rcode || len(m.Ns) != tt.ns || !m.RecursionAvailable && tt.rcode != dns.RcodeServerFailure {
				t.Errorf("%s: %v", tt.reason, m)
			}
			if diff := cmp.Diff(tt.answer, dnstest.Text(m.Answer)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestFollowExtendedError has the other handler say why (RFC 8914).
func TestFollowExtendedError(t *testing.T) {
	for _, o := range []resolver.Outcome{resolver.NameError, resolver.ServFail} {
		answer := others(o, nil)
		h := &kubernetes.Handler{Zone: dnstest.Zone(t), Recursive: true, Next: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			defer r.SetEDE(15, "by a list")
			return answer.Serve(q, r)
		})}
		m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("ext.default.svc.cluster.local.", dns.TypeA), 1232))
		if e := resolver.ExtendedError(m); e == nil || e.Code != 15 || e.Text != "by a list" {
			t.Errorf("outcome %v: Extended DNS Error %v, want 15\n%v", o, e, m)
		}
	}
}

// TestFollowLater has the target's handler wait: the query comes again.
func TestFollowLater(t *testing.T) {
	answer := others(resolver.Answered, nil, "example.com. 60 IN A 192.0.2.1")
	h := &kubernetes.Handler{Zone: dnstest.Zone(t), Recursive: true, Next: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if !q.MayWait() {
			return resolver.Later
		}
		return answer.Serve(q, r)
	})}
	responder := resolver.Responder{Handler: h}
	packet := dnstest.Pack(t, dnstest.Question("ext.default.svc.cluster.local.", dns.TypeA))
	x := dnstest.Exchange()
	if out := responder.Respond(x, packet, nil); len(out) > 0 || !x.Later() {
		t.Fatalf("answered by who must not wait: %v", dnstest.Unpack(t, out))
	}
	x.Query.Context = t.Context()
	if m := dnstest.Unpack(t, responder.Respond(x, packet, nil)); len(m.Answer) != 2 || !m.Authoritative {
		t.Errorf("the second time: %v", m)
	}
}
