package header_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/header"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

func parse(t testing.TB, text string) (header.Config, error) {
	t.Helper()
	return header.Parse(dnstest.Directive(t, text))
}

func TestParse(t *testing.T) {
	const aa, ra, rd = wire.FlagAA, wire.FlagRA, wire.FlagRD
	tests := []struct {
		text   string
		want   header.Config
		err    string
		reason string
	}{
		{"header {\nquery set rd\n}", header.Config{Query: header.Flags{Set: rd}}, "", "a query's"},
		{"header {\nResponse Set RA aa\nresponse clear rd\n}", header.Config{Response: header.Flags{Set: ra | aa, Clear: rd}}, "", "several, in any case"},
		{"header {\nresponse set ra\nresponse clear ra\n}", header.Config{Response: header.Flags{Clear: ra}}, "", "the last counts"},
		{"header {\nresponse clear ra\nresponse set ra\n}", header.Config{Response: header.Flags{Set: ra}}, "", "the last counts"},
		{"header", header.Config{}, `Corefile:2: header: wants lines such as "response set ra" in braces`, "nothing to do"},
		{"header x {\nquery set rd\n}", header.Config{}, `Corefile:2: header: takes no arguments, got "x"`, "no arguments"},
		{"header {\nset rd\n}", header.Config{}, `Corefile:3: header wants one of query, response, got "set"`, "of which message?"},
		{"header {\nquery set\n}", header.Config{}, `Corefile:3: query: wants one of set, clear and then one or more of aa, ra, rd, got "set"`, "no flag"},
		{"header {\nquery foo rd\n}", header.Config{}, `Corefile:3: query: wants one of set, clear and then one or more of aa, ra, rd, got "foo"`, "no action"},
		{"header {\nquery set tc\n}", header.Config{}, `Corefile:3: query: wants one of set, clear and then one or more of aa, ra, rd, got "tc"`, "flags that may not be changed"},
		{"header {\nquery set rd {\nx\n}\n}", header.Config{}, `Corefile:4: query takes no options in braces, got "x"`, "no more braces"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%s: error %v, want %s", tt.reason, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestServe(t *testing.T) {
	tests := []struct {
		lines           string
		aa, ra, rd      bool // of the reply
		seen            bool // RD of the query, to the next handler
		authority, asks bool // what the next handler says, and RD of the client
		reason          string
	}{
		{"response set ra", false, true, true, true, false, true, "RA"},
		{"response set ra aa\nresponse clear rd", true, true, false, true, false, true, "several; the next handler sees RD"},
		{"response clear aa", false, false, true, true, true, true, "AA of a zone of ours"},
		{"query set rd", false, false, true, true, false, false, "the reply repeats it (RFC 1035 section 4.1.1)"},
		{"query clear rd", false, false, false, false, false, true, "the reply repeats it"},
		{"query clear rd\nresponse set rd", false, false, true, false, false, true, "the client need not know"},
		{"query set aa ra", false, false, true, true, false, true, "a reply has its own AA and RA"},
	}
	for _, tt := range tests {
		t.Run(tt.lines, func(t *testing.T) {
			c, err := parse(t, "header {\n"+tt.lines+"\n}")
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				seen, r.Authoritative = q.Flags&wire.FlagRD != 0, tt.authority
				return resolver.NoData
			})
			m := dnstest.Question("a.", dns.TypeA)
			m.RecursionDesired = tt.asks
			got := dnstest.Serve(t, &header.Handler{Config: c, Next: next}, m)
			if got.Authoritative != tt.aa || got.RecursionAvailable != tt.ra || got.RecursionDesired != tt.rd || seen != tt.seen {
				t.Errorf("%s: AA %v, RA %v, RD %v, the next saw RD %v", tt.reason, got.Authoritative, got.RecursionAvailable, got.RecursionDesired, seen)
			}
		})
	}
}

func TestNoReply(t *testing.T) {
	for _, want := range []resolver.Outcome{resolver.Later, resolver.Dropped} {
		h := header.Handler{
			Config: header.Config{Response: header.Flags{Set: wire.FlagAA, Clear: wire.FlagRD}},
			Next:   resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return want }),
		}
		q, r := resolver.Query{}, resolver.Reply{}
		q.Flags = wire.FlagRD
		if o := h.Serve(&q, &r); o != want || r.Authoritative || q.Flags != wire.FlagRD {
			t.Errorf("outcome %d, AA %v: want %d, and nothing done", o, r.Authoritative, want)
		}
	}
}

func TestAllocs(t *testing.T) {
	c, err := parse(t, "header {\nresponse set ra\nquery clear rd\n}")
	if err != nil {
		t.Fatal(err)
	}
	h := &header.Handler{Config: c, Next: &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}}
	responder := resolver.Responder{Handler: h}
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
	buf := make([]byte, 0, 1500)
	if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, buf) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func Example() {
	next := resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData })
	responder := resolver.Responder{Handler: &header.Handler{
		Config: header.Config{Response: header.Flags{Set: wire.FlagRA}},
		Next:   next,
	}}
	reply := responder.Respond(new(resolver.Exchange), []byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), nil)
	fmt.Println("RA:", reply[3]&0x80 != 0)
	// Output: RA: true
}
