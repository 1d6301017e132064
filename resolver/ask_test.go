package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// asking has a handler called with a query for m, as a transport would.
func asking(t *testing.T, m *dns.Msg, ctx context.Context, h resolver.HandlerFunc) {
	t.Helper()
	called := false
	responder := resolver.Responder{
		Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			called = true
			return h(q, r)
		}),
		Panicked: func(_ *resolver.Query, reason any) { t.Errorf("panic: %v", reason) },
	}
	x := dnstest.Exchange()
	x.Query.Context = ctx
	responder.Respond(x, dnstest.Pack(t, m), nil)
	if !called {
		t.Fatal("the handler was not called")
	}
}

// TestAskQuestion asks a question on the way to another, and looks at how it
// arrives.
func TestAskQuestion(t *testing.T) {
	plain := func() *dns.Msg { return dnstest.Question("name.example.", dns.TypeTXT) }
	option := func(m *dns.Msg, do bool) *dns.Msg {
		m.SetEdns0(1232, do)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}}
		return m
	}
	other := netip.MustParseAddrPort("[2001:db8::1]:53")
	tests := []struct {
		name   string
		msg    *dns.Msg
		ask    resolver.Question
		want   string
		reason string
	}{
		{"plain", plain(), resolver.Question{Name: "Other.example.", Type: dns.TypeA}, "other.example. 1 1 rd 192.0.2.1:5353", "no EDNS, as the client"},
		{"flags", func() *dns.Msg {
			m := plain()
			m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = false, true, true
			return m
		}(), resolver.Question{Name: "other.example.", Type: dns.TypeA}, "other.example. 1 1 ad cd 192.0.2.1:5353", "the client's"},
		{"class", plain(), resolver.Question{Name: "other.example.", Type: dns.TypeA, Class: dns.ClassCHAOS}, "other.example. 1 3 rd 192.0.2.1:5353", "another class"},
		{"client", plain(), resolver.Question{Name: "other.example.", Type: dns.TypeA, Client: other}, "other.example. 1 1 rd [2001:db8::1]:53", "in another's place"},
		{"options", option(plain(), false), resolver.Question{Name: "other.example.", Type: dns.TypeA}, "other.example. 1 1 rd edns fde9000178 192.0.2.1:5353", "the client's"},
		{"DO", option(plain(), true), resolver.Question{Name: "other.example.", Type: dns.TypeA}, "other.example. 1 1 rd edns do fde9000178 192.0.2.1:5353", "the client's"},
		{"other options", option(plain(), true), resolver.Question{Name: "other.example.", Type: dns.TypeA, Options: []byte{0, 3, 0, 0}}, "other.example. 1 1 rd edns do 00030000 192.0.2.1:5353", "in the place of the client's"},
		{"no options", option(plain(), true), resolver.Question{Name: "other.example.", Type: dns.TypeA, Options: []byte{}}, "other.example. 1 1 rd edns do 192.0.2.1:5353", "none in the place of the client's"},
		{"first options", plain(), resolver.Question{Name: "other.example.", Type: dns.TypeA, Options: []byte{0, 3, 0, 0}}, "other.example. 1 1 rd edns 00030000 192.0.2.1:5353", "options need EDNS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			inner := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				words := []string{wire.Name(q.Name()).String(), fmt.Sprint(q.Type), fmt.Sprint(q.Class)}
				for _, f := range []struct {
					set  bool
					name string
				}{{q.Flags&wire.FlagRD != 0, "rd"}, {q.Flags&wire.FlagAD != 0, "ad"}, {q.Flags&wire.FlagCD != 0, "cd"}, {q.HasEDNS, "edns"}, {q.DO, "do"}, {len(q.Options) > 0, fmt.Sprintf("%x", q.Options)}} {
					if f.set {
						words = append(words, f.name)
					}
				}
				got = strings.Join(append(words, q.Client.String()), " ")
				return resolver.NameError
			})
			asking(t, tt.msg, nil, func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
				m, o, err := resolver.Ask(inner, q, tt.ask)
				if err != nil || o != resolver.NameError || m.Rcode != dns.RcodeNameError || m.Question[0].Name != tt.ask.Name || m.IsEdns0() != nil {
					t.Errorf("Ask = %v, %d, %v; want NXDOMAIN to the question, without OPT", m, o, err)
				}
				return o
			})
			if got != tt.want {
				t.Errorf("asked %s, want %s\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// TestAskCarries sees what a question of our own has of the query.
func TestAskCarries(t *testing.T) {
	asking(t, dnstest.Question("name.example.", dns.TypeTXT), t.Context(), func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		q.Labels, q.Trusted = map[string]string{}, true
		inner := resolver.HandlerFunc(func(own *resolver.Query, r *resolver.Reply) resolver.Outcome {
			own.Note("a/b", "c")
			if own.Context != q.Context || !own.MayWait() || own.Head == nil || own.Depth != 1 || own.Local != q.Local ||
				own.Received != q.Received || own.Turn != q.Turn || own.Shard != q.Shard || own.Transport != q.Transport || own.ID != q.ID || !r.Large {
				t.Errorf("a question of our own is %+v", own)
			}
			if own.Trusted != (own.Client == dnstest.Client) {
				t.Errorf("trusted %v from %v: the cookie was of %v", own.Trusted, own.Client, dnstest.Client)
			}
			return resolver.NoData
		})
		resolver.Ask(inner, q, resolver.Question{Name: "a.", Type: dns.TypeA})
		resolver.Ask(inner, q, resolver.Question{Name: "a.", Type: dns.TypeA, Client: netip.MustParseAddrPort("192.0.2.9:53")})
		if q.Labels["a/b"] != "c" {
			t.Errorf("labels %v, want what the inner handler told", q.Labels)
		}
		return resolver.NoData
	})
}

func TestAskOutcomes(t *testing.T) {
	failure := errors.New("on purpose")
	ends := func(o resolver.Outcome, err error) resolver.HandlerFunc {
		return func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
			r.SetRcode(23)
			r.Err = err
			return o
		}
	}
	tests := []struct {
		name   string
		ask    resolver.Question
		h      resolver.HandlerFunc
		want   string // outcome, the rcode of a message, error
		err    error
		reason string
	}{
		{"answered", resolver.Question{Name: "a.", Type: 1}, ends(resolver.Answered, nil), "0 rcode 0", nil, "the rcode is the outcome's"},
		{"coded", resolver.Question{Name: "a.", Type: 1}, ends(resolver.Coded, nil), "7 rcode 23", nil, "RFC 6891 section 6.1.3: all bits of it"},
		{"servfail", resolver.Question{Name: "a.", Type: 1}, ends(resolver.ServFail, nil), "4 rcode 2", nil, "a failure without a reason is a reply"},
		{"failure", resolver.Question{Name: "a.", Type: 1}, ends(resolver.ServFail, failure), "4 no message", failure, "with errors the message is nil"},
		{"later", resolver.Question{Name: "a.", Type: 1}, ends(resolver.Later, nil), "8 no message", nil, "the caller's outcome, too"},
		{"dropped", resolver.Question{Name: "a.", Type: 1}, ends(resolver.Dropped, nil), "6 no message", nil, "the caller's outcome, too"},
		{"relative name", resolver.Question{Name: "a", Type: 1}, ends(resolver.Answered, nil), "4 no message", dns.ErrFqdn, "names are absolute"},
		{"no type", resolver.Question{Name: "a."}, ends(resolver.Answered, nil), "4 no message", resolver.ErrAsk, "RFC 6895 section 3.1: no question"},
		{"bad options", resolver.Question{Name: "a.", Type: 1, Options: []byte{0}}, ends(resolver.Answered, nil), "4 no message", resolver.ErrAsk, "RFC 6891 section 6.1.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asking(t, dnstest.Question("name.example.", dns.TypeTXT), nil, func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
				m, o, err := resolver.Ask(tt.h, q, tt.ask)
				got := fmt.Sprint(uint8(o)) + " no message"
				if m != nil {
					got = fmt.Sprintf("%d rcode %d", o, m.Rcode)
				}
				if got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("%s, %v; want %s, %v\nreason: %s", got, err, tt.want, tt.err, tt.reason)
				}
				return resolver.NoData
			})
		})
	}
}

// TestAskDepth has a handler ask itself without end.
func TestAskDepth(t *testing.T) {
	calls := 0
	var h resolver.HandlerFunc
	h = func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		calls++
		m, o, err := resolver.Ask(h, q, resolver.Question{Name: "a.", Type: dns.TypeA})
		if m != nil {
			t.Errorf("at depth %d: %v", q.Depth, m)
		}
		r.Err = err
		return o
	}
	asking(t, dnstest.Question("name.example.", dns.TypeTXT), nil, func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		o := h(q, r)
		if o != resolver.ServFail || !errors.Is(r.Err, resolver.ErrDepth) || calls != 9 {
			t.Errorf("outcome %d, %v after %d calls, want SERVFAIL for %v after 9", o, r.Err, calls, resolver.ErrDepth)
		}
		return o
	})
}

// TestAskIsWhole asks for more than the client's transport carries, and for more
// than any does.
func TestAskIsWhole(t *testing.T) {
	for _, tt := range []struct {
		records, want int
		tc            bool
	}{{2000, 2000, false}, {5000, 4094, true}} {
		inner := resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
			var set []byte
			for range tt.records {
				set = wire.AppendRR(set, wire.TypeA, 5, []byte{10, 0, 0, 1})
			}
			r.Records(wire.Answer, wire.Question, set)
			return resolver.Answered
		})
		asking(t, dnstest.Question("name.example.", dns.TypeA), nil, func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			m, o, err := resolver.Ask(inner, q, resolver.Question{Name: "a.example.", Type: dns.TypeA})
			if err != nil || len(m.Answer) != tt.want || m.Truncated != tt.tc {
				t.Fatalf("%d of %d records, TC %v, %v; want %d, TC %v", len(m.Answer), tt.records, m.Truncated, err, tt.want, tt.tc)
			}
			return o
		})
	}
}

// TestSetMsg puts a message in as a handler has it.
func TestSetMsg(t *testing.T) {
	rrs := func(lines ...string) (list []dns.RR) {
		for _, line := range lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, rr)
		}
		return list
	}
	relayed := new(wire.Message)
	asking(t, dnstest.Question("Name.example.", dns.TypeA), nil, func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		m := dnstest.Question("name.example.", dns.TypeA)
		m.Rcode = 23
		m.Authoritative = true
		m.Answer = rrs("name.example. 5 IN A 10.0.0.1")
		m.SetEdns0(4096, true)
		m.Extra = append(m.Extra, rrs("x.example. 5 IN A 10.0.0.2")...)
		m.SetTsig("key.", dns.HmacSHA256, 300, 0)
		if err := r.SetMsg(m); err != nil || r.Relayed != nil {
			t.Fatalf("%v; relayed %v, want nothing", err, r.Relayed)
		}
		got, err := r.Msg()
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"Name.example. 5 IN A 10.0.0.1", "x.example. 5 IN A 10.0.0.2"}
		if diff := cmp.Diff(want, dnstest.Text(slices.Concat(got.Answer, got.Ns, got.Extra))); diff != "" || got.Rcode != 23 || !got.Authoritative {
			t.Errorf("%v\n(-want +got):\n%s", got, diff)
		}
		if e, ok := r.EDE(); ok {
			t.Errorf("Extended DNS Error %v, want none", e)
		}
		if len(m.Extra) != 3 || m.Rcode != 23 {
			t.Errorf("the message was changed: %v", m)
		}
		said := wire.ExtendedError{Code: wire.Blocked, Text: "by a list"}
		r.SetEDE(said.Code, said.Text)
		if got, err = r.Msg(); err != nil || r.SetMsg(got) != nil {
			t.Fatalf("%v: %v", err, got)
		}
		if e, ok := r.EDE(); !ok || e != said || got.Rcode != 23 {
			t.Errorf("Extended DNS Error %v, want %v as before", e, said)
		}
		r.Relayed = relayed
		if err := r.SetMsg(m); err != nil || r.Relayed == nil || r.Relayed == relayed || r.Relayed.Count(wire.Answer) != 1 {
			t.Errorf("%v; relayed %v, want the message as it is now", err, r.Relayed)
		}
		if r.Clear(); r.Relayed != nil || r.Rcode() != 0 || r.Authoritative || r.Count(wire.Answer) != 0 {
			t.Error("something is left after Clear")
		}
		for _, name := range []string{"other.example.", "eman.example."} {
			if err := r.SetMsg(dnstest.Question(name, dns.TypeA)); !errors.Is(err, wire.ErrMessage) {
				t.Errorf("%s: %v, want %v: of another name", name, err, wire.ErrMessage)
			}
		}
		for range 5000 {
			m.Answer = append(m.Answer, m.Answer[0])
		}
		whole, err := resolver.Pack(m)
		if err != nil || !whole.Truncated || whole.Count(wire.Answer) < 4000 {
			t.Errorf("%v, %v: want what 64 KiB hold, with TC", whole, err)
		}
		if _, err := resolver.Pack(new(dns.Msg)); !errors.Is(err, wire.ErrMessage) {
			t.Errorf("without a question: %v, want %v", err, wire.ErrMessage)
		}
		return resolver.Coded
	})
}

func TestOutcomeOf(t *testing.T) {
	tests := []struct {
		name   string
		rcode  int
		typ    uint16
		answer string
		want   resolver.Outcome
		reason string
	}{
		{"answer", dns.RcodeSuccess, dns.TypeA, "a. 5 IN A 10.0.0.1", resolver.Answered, "it has what was asked"},
		{"alias", dns.RcodeSuccess, dns.TypeA, "a. 5 IN CNAME b.\nb. 5 IN A 10.0.0.1", resolver.Answered, "so it has, behind an alias"},
		{"alias asked for", dns.RcodeSuccess, dns.TypeCNAME, "a. 5 IN CNAME b.", resolver.Answered, "so it has"},
		{"ANY", dns.RcodeSuccess, dns.TypeANY, "a. 5 IN CNAME b.", resolver.Answered, "anything will do"},
		{"alias alone", dns.RcodeSuccess, dns.TypeA, "a. 5 IN CNAME b.", resolver.NoData, "RFC 2308 section 2.2"},
		{"nothing", dns.RcodeSuccess, dns.TypeA, "", resolver.NoData, "RFC 2308 section 2.2"},
		{"no name", dns.RcodeNameError, dns.TypeA, "", resolver.NameError, "RFC 2308 section 2.1"},
		{"failure", dns.RcodeServerFailure, dns.TypeA, "", resolver.ServFail, "RFC 1035 section 4.1.1"},
		{"refused", dns.RcodeRefused, dns.TypeA, "", resolver.Refused, "RFC 1035 section 4.1.1"},
		{"not implemented", dns.RcodeNotImplemented, dns.TypeA, "", resolver.Coded, "passed on"},
		{"bad version", dns.RcodeBadVers, dns.TypeA, "", resolver.ServFail, "RFC 6891 section 6.1.3: of the hop, not of the client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Question("a.", tt.typ)
			m.Rcode = tt.rcode
			for line := range strings.Lines(tt.answer) {
				rr, err := dns.NewRR(line)
				if err != nil {
					t.Fatal(err)
				}
				m.Answer = append(m.Answer, rr)
			}
			whole, err := resolver.Pack(m)
			if err != nil {
				t.Fatal(err)
			}
			q := new(resolver.Query)
			q.Type = tt.typ
			if got := resolver.OutcomeOf(whole, q); got != tt.want {
				t.Errorf("outcome %d, want %d\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// TestLater serves a query that would have to wait, and again with a Context.
func TestLater(t *testing.T) {
	var panics []any
	calls := 0
	responder := resolver.Responder{
		Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			calls++
			named("x").Serve(q, r)
			if !q.MayWait() || q.ID == 2 {
				return resolver.Later
			}
			return resolver.Answered
		}),
		Panicked: func(_ *resolver.Query, reason any) { panics = append(panics, reason) },
	}
	x := dnstest.Exchange()
	m := dnstest.EDNS(dnstest.Question("name.example.", dns.TypeTXT), 1232)
	packet := dnstest.Pack(t, m)
	if out := responder.Respond(x, packet, []byte("before")); string(out) != "before" || !x.Later() {
		t.Fatalf("%x, later %v: want no reply yet", out, x.Later())
	}
	x.Query.Context = t.Context()
	reply := dnstest.Unpack(t, responder.Respond(x, packet, nil))
	if x.Later() || calls != 2 || reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 1 || reply.IsEdns0() == nil {
		t.Errorf("later %v, %d calls:\n%v", x.Later(), calls, reply)
	}
	if len(panics) > 0 {
		t.Errorf("panics %v", panics)
	}

	m.Id = 2 // still Later with a Context: it would never be answered
	reply = dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
	if x.Later() || reply.Rcode != dns.RcodeServerFailure || len(reply.Answer) > 0 || len(panics) != 1 {
		t.Errorf("later %v, panics %v:\n%v", x.Later(), panics, reply)
	}
}
