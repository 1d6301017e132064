package resolver_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// errorCodes returns the Extended DNS Errors of a message.
func errorCodes(m *dns.Msg) (codes []string) {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				codes = append(codes, fmt.Sprint(e.InfoCode))
			}
		}
	}
	return codes
}

// outcome is a handler that always ends so, with a record and AA.
func outcome(o resolver.Outcome) resolver.Handler {
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.Authoritative = true
		named("x").Serve(q, r)
		return o
	})
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		outcome resolver.Outcome
		want    int // -1 for no reply
		reason  string
	}{
		{resolver.Answered, dns.RcodeSuccess, "RFC 1035 section 4.1.1"},
		{resolver.NoData, dns.RcodeSuccess, "RFC 2308 section 2.2: NODATA is NOERROR"},
		{resolver.NameError, dns.RcodeNameError, "RFC 2308 section 2.1"},
		{resolver.Refused, dns.RcodeRefused, "RFC 1035 section 4.1.1"},
		{resolver.ServFail, dns.RcodeServerFailure, "RFC 1035 section 4.1.1"},
		{resolver.Dropped, -1, "silence is an outcome too"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.outcome), func(t *testing.T) {
			m := dnstest.Serve(t, outcome(tt.outcome), dnstest.Question("Name.example.", dns.TypeTXT))
			got := -1
			if m != nil {
				got = m.Rcode
				if m.Id != 1 || !m.Response || !m.RecursionDesired || m.RecursionAvailable || m.Question[0].Name != "Name.example." {
					t.Errorf("header or question:\n%v", m)
				}
			}
			if got != tt.want {
				t.Errorf("%s: rcode %d, want %d", tt.reason, got, tt.want)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	accepted := dnstest.Pack(t, dnstest.Question("name.example.", dns.TypeTXT))
	edit := func(f func(m *dns.Msg)) []byte {
		m := dnstest.EDNS(dnstest.Question("name.example.", dns.TypeTXT), 1232)
		f(m)
		return dnstest.Pack(t, m)
	}
	tests := []struct {
		name   string
		packet []byte
		want   int // -1 for no reply
		reason string
	}{
		{"query", accepted, dns.RcodeSuccess, "a handler's"},
		{"empty", nil, -1, "nothing to answer"},
		{"short", accepted[:11], -1, "no header: RFC 1035 section 4.1.1"},
		{"response", edit(func(m *dns.Msg) { m.Response = true }), -1, "answering replies lets servers loop"},
		{"opcode", edit(func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus }), dns.RcodeNotImplemented, "RFC 8906 section 3.1.4"},
		{"notify", edit(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotAuth, "RFC 1996 section 3.10: no zone is a secondary"},
		{"no question", edit(func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError, "RFC 9619"},
		{"two questions", edit(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError, "RFC 9619"},
		{"answer", edit(func(m *dns.Msg) { m.Answer = m.Extra }), dns.RcodeFormatError, "RFC 1035 section 4.1: a query has none"},
		{"EDNS 1", edit(func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }), dns.RcodeBadVers, "RFC 6891 section 6.1.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked, rejected := 0, []string{}
			responder := resolver.Responder{
				Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
					asked++
					return named("x").Serve(q, r)
				}),
				Rejected: func(q *resolver.Query, _ *resolver.Reply, o resolver.Outcome, size int) {
					rejected = append(rejected, fmt.Sprint(o, q.Reject, size))
				},
			}
			before := []byte("before")
			out := responder.Respond(dnstest.Exchange(), tt.packet, before)
			if string(out[:len(before)]) != "before" {
				t.Error("dst was not appended to")
			}
			reply := out[len(before):]
			got, want, calls := -1, []string{}, 0
			switch tt.want {
			case -1:
				want = append(want, fmt.Sprint(resolver.Dropped, wire.NoError, 0))
			case dns.RcodeSuccess:
				calls = 1
			default:
				want = append(want, fmt.Sprint(resolver.Rejected, wire.Rcode(tt.want), len(reply)))
			}
			if len(reply) > 0 {
				got = dnstest.Unpack(t, reply).Rcode
			}
			if got != tt.want || asked != calls {
				t.Errorf("%s: rcode %d, want %d; the handler was asked %d times, want %d", tt.reason, got, tt.want, asked, calls)
			}
			if diff := cmp.Diff(want, rejected); diff != "" {
				t.Errorf("what Rejected was told (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nobody told", func(t *testing.T) {
		responder := resolver.Responder{Handler: resolver.Refuse{}}
		if out := responder.Respond(dnstest.Exchange(), accepted[:11], nil); out != nil {
			t.Errorf("a reply to a short packet: %x", out)
		}
	})
}

func TestPanic(t *testing.T) {
	failure := errors.New("on purpose")
	var reasons []any
	responder := resolver.Responder{
		Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			r.Authoritative = true
			named("x").Serve(q, r)
			if q.ID == 1 {
				panic(failure)
			}
			return resolver.Answered
		}),
		Panicked: func(_ *resolver.Query, reason any) { reasons = append(reasons, reason) },
	}
	x := dnstest.Exchange()
	ask := func(id uint16) *dns.Msg {
		m := dnstest.Question("name.example.", dns.TypeTXT)
		m.Id = id
		return dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
	}
	if m := ask(1); m.Rcode != dns.RcodeServerFailure || m.Authoritative || len(m.Answer) != 0 || len(m.Question) != 1 {
		t.Errorf("a panic must leave nothing of the answer, nor AA:\n%v", m)
	}
	if len(reasons) != 1 || reasons[0] != failure {
		t.Errorf("Panicked was told %v", reasons)
	}
	if m := ask(2); m.Rcode != dns.RcodeSuccess || !m.Authoritative || len(m.Answer) != 1 {
		t.Errorf("the next query has something of the panic:\n%v", m)
	}
	responder.Panicked = nil
	if m := ask(1); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("with nobody to be told:\n%v", m)
	}
}

// TestExchangeForgets uses an Exchange again: nothing of a query may show in
// the next one's reply.
func TestExchangeForgets(t *testing.T) {
	var before resolver.Reply
	responder := resolver.Responder{Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		before = *r
		r.Handler, r.Err, r.Authoritative, r.Rotate = "x", errors.New("x"), true, 1
		r.SetEDE(wire.NotReady, "x")
		return resolver.ServFail
	})}
	x := dnstest.Exchange()
	packet := dnstest.Pack(t, dnstest.EDNS(dnstest.Question("name.example.", dns.TypeA), 1232))
	responder.Respond(x, packet, nil)
	first := before
	responder.Respond(x, packet, nil)
	if before.Handler != first.Handler || before.Err != nil || before.Authoritative || before.Rotate != 0 || before.Rcode() != 0 {
		t.Errorf("the second query's reply starts as %+v", before)
	}
	responder.Handler = resolver.Refuse{}
	if codes := errorCodes(dnstest.Unpack(t, responder.Respond(x, packet, nil))); len(codes) != 1 || codes[0] != "20" {
		t.Errorf("Extended DNS Errors %v, want those of the second query", codes)
	}
}

func TestTransportString(t *testing.T) {
	if udp, tcp := resolver.UDP.String(), resolver.TCP.String(); udp != "udp" || tcp != "tcp" {
		t.Errorf("transports are %q and %q: metrics and logs have them as udp and tcp", udp, tcp)
	}
}

func ExampleResponder() {
	// A chain answers the names of a zone; the Mux refuses all others.
	apex, err := zone.ParseName("example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := resolver.Mux{Otherwise: resolver.Refuse{}}
	mux.Handle(apex, resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.Authoritative = true
		return resolver.NameError
	}))
	responder := resolver.Responder{Handler: &mux}
	var x resolver.Exchange
	for _, name := range []string{"www.example.org.", "www.example.com."} {
		packet, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
		if err != nil {
			fmt.Println(err)
			return
		}
		var reply dns.Msg
		if err := reply.Unpack(responder.Respond(&x, packet, nil)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, dns.RcodeToString[reply.Rcode], reply.Authoritative)
	}
	// Output:
	// www.example.org. NXDOMAIN true
	// www.example.com. REFUSED false
}

// TestPrepareAllocations sees that getting ready for a batch allocates nothing,
// and that a panic there ends nothing but the getting ready.
func TestPrepareAllocations(t *testing.T) {
	names := [][]byte{[]byte("\x01a\x00"), []byte("\x01b\x00")}
	warmed := 0
	responder := resolver.Responder{Warm: func(names [][]byte) { warmed += len(names) }}
	if allocs := testing.AllocsPerRun(100, func() { responder.Prepare(names) }); allocs != 0 || warmed == 0 {
		t.Errorf("%v allocations, %d names", allocs, warmed)
	}
	told := 0
	responder = resolver.Responder{
		Warm:     func([][]byte) { panic("on purpose") },
		Panicked: func(*resolver.Query, any) { told++ },
	}
	responder.Prepare(names)
	responder.Prepare(names[:1]) // nothing to do together
	if told != 1 {
		t.Errorf("told of %d panics, want 1", told)
	}
}
