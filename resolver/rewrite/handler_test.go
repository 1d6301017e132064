package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// TestQuestion is about what the handler behind the rules is asked.
func TestQuestion(t *testing.T) {
	tests := []struct {
		rules, ask, want string
		reason           string
	}{
		{"rewrite name a.example b.example", "a.example.", "b.example.", "exact is the default, with or without final dots"},
		{"rewrite name exact A.example B.example.", "a.EXAMPLE.", "b.example.", "case does not matter"},
		{"rewrite name a.example b.example", "x.a.example.", "x.a.example.", "exact is the whole name"},
		{"rewrite name prefix foo bar", "foo.example.", "bar.example.", "a prefix is given a final dot"},
		{"rewrite name prefix foo bar", "foot.example.", "foot.example.", "so that it is whole labels at its end"},
		{"rewrite name suffix example test", "a.example.", "a.test.", "a suffix"},
		{"rewrite name suffix .a.example b.test", "x.a.example.", "xb.test.", "of the text, not of labels"},
		{"rewrite name substring b.c d", "a.b.c.e.", "a.d.e.", "a part, with a final dot too"},
		{"rewrite name substring x y", "x.x.a.", "y.y.a.", "wherever it is"},
		{`rewrite name regex (.*)-(us-west-1)\.example\.org {1}.service.{2}.consul`, "ftp-us-west-1.example.org.", "ftp.service.us-west-1.consul.", "groups"},
		{`rewrite name regex ^(x)?(.*)\.$ {2}.{1}y`, "a.b.", "a.b.y.", "a group that took no part is empty"},
		{`rewrite name regex (.*)\.a\. {0}b`, "{1}.a.", "{1}.a.b.", "what a client writes is no reference to a group"},
		{`rewrite name regex (a) b.{7}`, "a.", "b.{7}.", "a group that there is not is text"},
		{"rewrite name regex A x", "a.", "a.", "names are matched in lower case"},
		{`rewrite name regex ^a\\\.b x`, `a\.b.c.`, "x.", "an escaped dot is seen as such"},
		{"rewrite continue name a. b.\nrewrite name b. c.\nrewrite name c. d.", "a.", "c.", "continue goes on with the new name, stop is the default"},
		{"rewrite stop name a. b.\nrewrite name b. c.", "a.", "b.", "stop"},
		{"rewrite name x. y.\nrewrite name a. b.", "a.", "b.", "a rule that is not for it stops nothing"},
		{"rewrite continue {\nname a. b.\n}\nrewrite {\nname exact\nb.\nc.\n}", "a.", "c.", "braces, on any lines"},
		{"rewrite CONTINUE NAME EXACT a. b.", "a.", "b.", "words in any case"},
		{"rewrite ttl a. 5", "A.", "A.", "a name that stays keeps its letters"},
		{"rewrite cname x y\nrewrite name a. b.", "a.", "a.", "a cname rule is for all questions, and stops"},
		{"rewrite edns0 local unset 9\nrewrite name a. b.", "a.", "a.", "so is unset"},
		{"rewrite edns0 local replace 9 x\nrewrite name a. b.", "a.", "b.", "replace only where there is something to replace"},
		{"rewrite edns0 local set 9 {a/b}\nrewrite name a. b.", "a.", "b.", "a label that nobody told is no match"},
	}
	for _, tt := range tests {
		t.Run(tt.rules+" "+tt.ask, func(t *testing.T) {
			next := new(spy)
			m := dnstest.Serve(t, before(t, tt.rules, next), dnstest.Question(tt.ask, dns.TypeA))
			if len(next.got) != 1 || m.Question[0].Name != tt.ask {
				t.Fatalf("%s: asked %v, replied to %s", tt.reason, next.got, m.Question[0].Name)
			}
			if diff := cmp.Diff(tt.want, next.got[0].Name); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestTypeAndClass(t *testing.T) {
	tests := []struct {
		rules              string
		typ, class         uint16
		wantType, wantClas uint16
		reason             string
	}{
		{"rewrite type ANY HINFO", dns.TypeANY, dns.ClassINET, dns.TypeHINFO, dns.ClassINET, "a type"},
		{"rewrite type any hinfo", dns.TypeA, dns.ClassINET, dns.TypeA, dns.ClassINET, "another type stays"},
		{"rewrite class CH IN", dns.TypeA, dns.ClassCHAOS, dns.TypeA, dns.ClassINET, "a class"},
		{"rewrite continue type A AAAA\nrewrite type AAAA TXT", dns.TypeA, dns.ClassINET, dns.TypeTXT, dns.ClassINET, "rules see the new type"},
	}
	for _, tt := range tests {
		t.Run(tt.rules, func(t *testing.T) {
			next := new(spy)
			m := dnstest.Question("a.", tt.typ)
			m.Question[0].Qclass = tt.class
			got := dnstest.Serve(t, before(t, tt.rules, next), m)
			if diff := cmp.Diff([]seen{{"a.", tt.wantType, tt.wantClas, ""}}, next.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(m.Question, got.Question); diff != "" {
				t.Errorf("the question comes back as it was (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReply is about what the client is told.
func TestReply(t *testing.T) {
	tests := []struct {
		rules   string
		ask     string
		records []string
		want    []string
		reason  string
	}{
		{
			"rewrite name prefix foo bar answer auto", "foo.a.", []string{"% 5 IN CNAME x.%", "x.% 5 IN A 192.0.2.1"},
			[]string{"foo.a. 5 IN CNAME x.foo.a.", "x.foo.a. 5 IN A 192.0.2.1"}, "auto: the name and those below it",
		},
		{
			"rewrite name substring foo bar answer auto", "foo.a.", []string{"% 5 IN MX 1 mail.other.", "notbar.a. 5 IN A 192.0.2.1"},
			[]string{"foo.a. 5 IN MX 1 mail.other.", "notbar.a. 5 IN A 192.0.2.1"}, "auto: no other names",
		},
		{
			"rewrite name suffix .old .new answer auto", "x.old.", []string{"x.new. 5 IN CNAME Y.New.", "Y.New. 5 IN A 192.0.2.1"},
			[]string{"x.old. 5 IN CNAME y.old.", "y.old. 5 IN A 192.0.2.1"}, "RFC 4343: without case",
		},
		{
			`rewrite name regex (.*)\.old\. {1}.new answer value (.*)\.new\. {1}.old`, "x.old.", []string{
				"% 5 IN CNAME y.new.", "% 5 IN DNAME y.new.", "% 5 IN SRV 1 2 3 y.new.", "% 5 IN MX 1 y.new.", "% 5 IN NS y.new.",
				"% 5 IN PTR y.new.", `% 5 IN NAPTR 1 1 "" "" "" y.new.`, "% 5 IN SOA y.new. z.new. 1 2 3 4 5", "% 5 IN TXT y.new.",
			},
			[]string{
				"x.new. 5 IN CNAME y.old.", "x.new. 5 IN DNAME y.old.", "x.new. 5 IN SRV 1 2 3 y.old.", "x.new. 5 IN MX 1 y.old.", "x.new. 5 IN NS y.old.",
				"x.new. 5 IN PTR y.old.", `x.new. 5 IN NAPTR 1 1 "" "" "" y.old.`, "x.new. 5 IN SOA y.old. z.new. 1 2 3 4 5", `x.new. 5 IN TXT "y.new."`,
			}, "values of every type that leads to a name, and owners not",
		},
		{
			`rewrite name regex (.*)\.old\. {1}.new answer name (.*)\.new\. {1}.old value ^y\.(.*)\.$ z.{1}`, "x.old.", []string{"% 5 IN CNAME y.new."},
			[]string{"x.old. 5 IN CNAME z.new."}, "several answer rules, the word answer left out",
		},
		{
			"rewrite continue name suffix .a .b answer auto\nrewrite name suffix .b .c answer auto", "x.a.", []string{"% 5 IN A 192.0.2.1"},
			[]string{"x.a. 5 IN A 192.0.2.1"}, "turned back in the opposite order",
		},
		{
			"rewrite continue ttl x. 30\nrewrite name x. y.", "x.", []string{"% 5 IN A 192.0.2.1"},
			[]string{"x. 30 IN A 192.0.2.1"}, "rules of different fields",
		},
		{"rewrite ttl x. -30", "x.", []string{"% 31 IN A 192.0.2.1"}, []string{"x. 30 IN A 192.0.2.1"}, "at most"},
		{"rewrite ttl x. 30-", "x.", []string{"% 29 IN A 192.0.2.1"}, []string{"x. 30 IN A 192.0.2.1"}, "at least"},
		{"rewrite ttl exact x. 30-40", "x.", []string{"% 35 IN A 192.0.2.1"}, []string{"x. 35 IN A 192.0.2.1"}, "between"},
		{"rewrite ttl x. 4294967295", "x.", []string{"% 35 IN A 192.0.2.1"}, []string{"x. 2147483647 IN A 192.0.2.1"}, "RFC 2181 section 8: no TTL is more"},
		{"rewrite ttl y. 30", "x.", []string{"% 35 IN A 192.0.2.1"}, []string{"x. 35 IN A 192.0.2.1"}, "another name"},
		{`rewrite ttl regex ^x\.$ 30`, "x.", []string{"% 35 IN A 192.0.2.1"}, []string{"x. 30 IN A 192.0.2.1"}, "a regular expression"},
	}
	for _, tt := range tests {
		t.Run(tt.rules, func(t *testing.T) {
			m := dnstest.Serve(t, before(t, tt.rules, &spy{records: tt.records}), dnstest.EDNS(dnstest.Question(tt.ask, dns.TypeA), 1232))
			if diff := cmp.Diff(tt.want, dnstest.Text(m.Answer)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if !m.RecursionAvailable || m.Rcode != dns.RcodeSuccess {
				t.Errorf("RA %v, rcode %d: want those of the reply that was revised", m.RecursionAvailable, m.Rcode)
			}
		})
	}
}

var errNext = errors.New("the next handler's")

// TestOutcome is about what the handlers before see.
func TestOutcome(t *testing.T) {
	tests := []struct {
		name, rules string
		next        spy
		want        resolver.Outcome
		rcode       uint16
		err         error
		reason      string
	}{
		{"later", "rewrite name a. b.", spy{outcome: resolver.Later}, resolver.Later, 0, nil, "it is asked again as a whole"},
		{"dropped", "rewrite name a. b.", spy{outcome: resolver.Dropped}, resolver.Dropped, 0, nil, "no reply is made of none"},
		{"no data", "rewrite name a. b.", spy{outcome: resolver.NoData}, resolver.NoData, 0, nil, "the outcome stays"},
		{"error", "rewrite name a. b.", spy{outcome: resolver.ServFail, err: errNext}, resolver.ServFail, 2, errNext, "and why"},
		{"no name", "rewrite name regex a (.)(.)..", spy{}, resolver.ServFail, 2, nil, "a label is empty"},
		{"bare servfail", "rewrite rcode a. SERVFAIL NOERROR", spy{outcome: resolver.ServFail, err: errNext}, resolver.NoData, 0, nil, "a rule is for replies without records too"},
		{"to servfail", "rewrite rcode a. 0 2", spy{}, resolver.ServFail, 2, nil, "numbers"},
		{"to refused", "rewrite rcode a. NOERROR refused", spy{}, resolver.Refused, 5, nil, "any case"},
		{"to nxdomain", "rewrite rcode prefix a NOERROR NXDOMAIN", spy{}, resolver.NameError, 3, nil, "the outcome is what the rcode means"},
		{"to another", "rewrite rcode exact a. NOERROR NOTZONE", spy{}, resolver.Coded, 10, nil, "one that no outcome means"},
		{"to extended", "rewrite rcode exact a. NOERROR BADCOOKIE", spy{}, resolver.Coded, 23, nil, "one that needs EDNS"},
		{"answered", "rewrite rcode a. SERVFAIL NOERROR", spy{outcome: resolver.ServFail, records: []string{"% 5 IN A 192.0.2.1"}}, resolver.Answered, 0, nil, "records stay"},
		{"in turn", "rewrite continue rcode a. NXDOMAIN REFUSED\nrewrite rcode a. NOERROR NXDOMAIN", spy{}, resolver.Refused, 5, nil, "the last rule's first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := dnstest.Exchange()
			var o resolver.Outcome
			h := before(t, tt.rules, &tt.next)
			responder := resolver.Responder{Handler: resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				o = h.Serve(q, r)
				return o
			})}
			responder.Respond(x, dnstest.Pack(t, dnstest.EDNS(dnstest.Question("a.", dns.TypeA), 1232)), nil)
			if o != tt.want || uint16(o.Rcode(&x.Reply)) != tt.rcode {
				t.Errorf("%s: outcome %d with rcode %d, want %d with %d", tt.reason, o, o.Rcode(&x.Reply), tt.want, tt.rcode)
			}
			if tt.err != nil && !errors.Is(x.Reply.Err, tt.err) || (x.Reply.Err != nil && o != resolver.ServFail) {
				t.Errorf("%s: error %v, want %v", tt.reason, x.Reply.Err, tt.err)
			}
			if tt.name == "no data" && x.Reply.Handler != "spy" {
				t.Errorf("the reply is of %q, want of who answered", x.Reply.Handler)
			}
			if tt.name == "no name" && x.Reply.Err == nil {
				t.Error("no error: the log must tell why")
			}
		})
	}
}

func TestAuthentic(t *testing.T) {
	next := resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.Authentic = true
		return resolver.NoData
	})
	for rules, want := range map[string]bool{
		"rewrite name a. b.":            false,
		"rewrite edns0 local set 9 abc": true,
		"rewrite name x. y.":            true,
	} {
		m := dnstest.Question("a.", dns.TypeA)
		m.AuthenticatedData = true
		if got := dnstest.Serve(t, before(t, rules, next), m).AuthenticatedData; got != want {
			t.Errorf("%s: AD %v, want %v: what was validated is the other name", rules, got, want)
		}
	}
}

func TestCNAME(t *testing.T) {
	zone := map[string][]string{
		"app.com.":          {"app.com. 200 IN CNAME app.example.", "app.example. 200 IN CNAME app.cdn.example.net.", "app.cdn.example.net. 300 IN A 192.0.2.1"},
		"app.other.cdn.":    {"app.other.cdn. 100 IN A 192.0.2.2"},
		"plain.":            {"plain. 5 IN A 192.0.2.3"},
		"loop.":             {"loop. 5 IN CNAME app.cdn.example.net."},
		"nothing.cdn.":      nil,
		"to.nothing.":       {"to.nothing. 5 IN CNAME app.cdn.example.net."},
		"app.cdn.example.x": nil,
	}
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		s := spy{outcome: resolver.Answered}
		m := zone[nameText(q)]
		if s.records = m; m == nil {
			s.outcome = resolver.NameError
		}
		return s.Serve(q, r)
	})
	tests := []struct {
		rules, ask string
		want       []string
		rcode      int
		reason     string
	}{
		{
			`rewrite cname regex (.*).cdn.example.net. {1}.other.cdn.`, "app.com.",
			[]string{"app.com. 200 IN CNAME app.example.", "app.example. 200 IN CNAME app.other.cdn.", "app.other.cdn. 100 IN A 192.0.2.2"},
			dns.RcodeSuccess, "records before stay, and those after are of the new target",
		},
		{"rewrite cname app.cdn.example.net app.other.cdn", "app.com.", []string{"app.com. 200 IN CNAME app.example.", "app.example. 200 IN CNAME app.other.cdn.", "app.other.cdn. 100 IN A 192.0.2.2"}, 0, "exact"},
		{"rewrite cname suffix .cdn.example.net .other.cdn", "app.com.", []string{"app.com. 200 IN CNAME app.example.", "app.example. 200 IN CNAME app.other.cdn.", "app.other.cdn. 100 IN A 192.0.2.2"}, 0, "suffix"},
		{"rewrite cname prefix app.cdn.example.ne app.other.c", "plain.", []string{"plain. 5 IN A 192.0.2.3"}, 0, "no CNAME"},
		{"rewrite cname substring .cdn.example.net .other.cdn", "app.com.", []string{"app.com. 200 IN CNAME app.example.", "app.example. 200 IN CNAME app.other.cdn.", "app.other.cdn. 100 IN A 192.0.2.2"}, 0, "a part"},
		{"rewrite cname x.y. z.", "app.com.", zone["app.com."], 0, "another target"},
		{"rewrite cname app.cdn.example.net nowhere", "to.nothing.", []string{"to.nothing. 5 IN CNAME nowhere."}, dns.RcodeNameError, "RFC 6604 section 2: the rcode is of the last name"},
		{"rewrite cname app.cdn.example.net loop", "loop.", nil, dns.RcodeServerFailure, "a loop ends"},
	}
	for _, tt := range tests {
		t.Run(tt.rules, func(t *testing.T) {
			m := dnstest.Serve(t, before(t, tt.rules, next), dnstest.EDNS(dnstest.Question(tt.ask, dns.TypeA), 1232))
			if diff := cmp.Diff(tt.want, dnstest.Text(m.Answer)); diff != "" || m.Rcode != tt.rcode {
				t.Errorf("%s: rcode %d, want %d (-want +got):\n%s", tt.reason, m.Rcode, tt.rcode, diff)
			}
		})
	}
}

// What replaces the end of a chain was not validated with its beginning, and is as
// whole as it came.
func TestCNAMEFlags(t *testing.T) {
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		m := new(dns.Msg)
		m.Question = []dns.Question{{Name: nameText(q), Qtype: q.Type, Qclass: q.Class}}
		rr := &dns.CNAME{Hdr: dns.RR_Header{Name: nameText(q), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 5}, Target: "x."}
		if nameText(q) == "y." {
			m.Truncated = true
		} else {
			m.Answer = []dns.RR{rr}
		}
		m.AuthenticatedData = true
		if err := r.SetMsg(m); err != nil {
			t.Error(err)
		}
		return resolver.Answered
	})
	ask := dnstest.Question("a.", dns.TypeA)
	ask.AuthenticatedData = true
	for rules, want := range map[string][2]bool{"rewrite cname x y": {true, false}, "rewrite cname z y": {false, true}} {
		m := dnstest.Serve(t, before(t, rules, next), ask)
		if got := [2]bool{m.Truncated, m.AuthenticatedData}; got != want {
			t.Errorf("%s: TC and AD %v, want %v", rules, got, want)
		}
	}
}

// The target of a CNAME may take long though what led to it did not.
func TestCNAMELater(t *testing.T) {
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if q.Depth > 0 && !q.MayWait() {
			return resolver.Later
		}
		s := spy{records: []string{"% 5 IN CNAME x."}}
		if q.Depth > 0 {
			s.records = []string{"% 5 IN A 192.0.2.1"}
		}
		return s.Serve(q, r)
	})
	responder := resolver.Responder{Handler: before(t, "rewrite cname x y", next)}
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("a.", dns.TypeA))
	if out := responder.Respond(x, packet, nil); len(out) != 0 || !x.Later() {
		t.Fatalf("got %x, want nothing as it takes long", out)
	}
	x.Query.Context = context.Background()
	got := dnstest.Text(dnstest.Unpack(t, responder.Respond(x, packet, nil)).Answer)
	if diff := cmp.Diff([]string{"a. 5 IN CNAME y.", "y. 5 IN A 192.0.2.1"}, got); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
}

// Nothing is paid for rules that are for other names. What regular expressions keep
// between matches, the race detector has them drop now and then: so there is one,
// and of a simple kind.
func TestAllocs(t *testing.T) {
	const rules = `rewrite name a.example b.example
rewrite continue name prefix c d answer auto
rewrite name suffix .example.com .default.svc.cluster.local answer auto
rewrite name substring e.f g
rewrite name regex ^ftp-(us-west-1)\.example\.org\.$ {1}.test answer name (.*) {1}
rewrite type HINFO A
rewrite class CH IN
rewrite ttl suffix .example 5
rewrite rcode suffix .example 2 0
rewrite edns0 local replace 0xffee abc
rewrite edns0 local unset 0xffee`
	h := before(t, rules, cluster(t))
	x := dnstest.Exchange()
	packet := dnstest.Pack(t, dnstest.EDNS(dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), 1232))
	responder := resolver.Responder{Handler: h}
	buf := make([]byte, 0, 1500)
	var n int
	allocs := testing.AllocsPerRun(1000, func() { n = len(responder.Respond(x, packet, buf)) })
	if allocs != 0 || n <= len(packet) {
		t.Errorf("%v allocations for %d octets, want 0 for an answer", allocs, n)
	}
}

// TestAliasAllocs has rules of CNAME records, which are for all questions: nothing is
// paid for them where no record matches.
func TestAliasAllocs(t *testing.T) {
	others := []string{"% 60 IN CNAME X.example.", "x.example. 60 IN CNAME y.x.example.", "y.x.example. 60 IN A 192.0.2.1"}
	for _, records := range [][]string{{"% 60 IN A 192.0.2.1"}, others} {
		whole := new(dns.Msg)
		whole.SetQuestion("a.example.", dns.TypeA)
		for _, text := range records {
			rr, err := dns.NewRR(strings.ReplaceAll(text, "%", "a.example."))
			if err != nil {
				t.Fatal(err)
			}
			whole.Answer = append(whole.Answer, rr)
		}
		packed, err := resolver.Pack(whole)
		if err != nil {
			t.Fatal(err)
		}
		h := before(t, "rewrite continue cname suffix .cdn.example. other.\nrewrite cname a.example. other.", resolver.HandlerFunc(
			func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
				r.SetMessage(packed, wire.Fresh)
				return resolver.Answered
			}))
		x := dnstest.Exchange()
		packet := dnstest.Pack(t, dnstest.Question("a.example.", dns.TypeA))
		responder := resolver.Responder{Handler: h}
		buf := make([]byte, 0, 1500)
		var out []byte
		allocs := testing.AllocsPerRun(1000, func() { out = responder.Respond(x, packet, buf) })
		if m := dnstest.Unpack(t, out); allocs != 0 || len(m.Answer) != len(records) {
			t.Errorf("%v allocations, want 0, for\n%v", allocs, m)
		}
	}
}

// The reply's own memory is passed on where no rule is for a query.
func TestUntouched(t *testing.T) {
	var gotQ *resolver.Query
	var gotR *resolver.Reply
	h := before(t, "rewrite continue name a.example b.example\nrewrite cname x y", resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		gotQ, gotR = q, r
		return resolver.NoData
	}))
	x := dnstest.Exchange()
	responder := resolver.Responder{Handler: h}
	responder.Respond(x, dnstest.Pack(t, dnstest.Question("c.example.", dns.TypeA)), nil)
	if gotQ != &x.Query || gotR != &x.Reply {
		t.Error("the next handler has another query or reply")
	}
}

// TestExtendedError has the handler behind the rules say why (RFC 8914).
func TestExtendedError(t *testing.T) {
	failed := errors.New("no upstream")
	tests := []struct {
		name, rules string
		err         error
		want        string
		reason      string
	}{
		{"renamed", "rewrite name exact a. b. answer auto", nil, "18 prohibited", "the reply is made anew"},
		{"revised", "rewrite ttl a. 5", nil, "18 prohibited", "likewise"},
		{"failed", "rewrite name a. b.", failed, "18 prohibited", "without a message"},
		{"led elsewhere", "rewrite cname x. y.", nil, "22 up", "the word on what is answered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := before(t, tt.rules, resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				s := spy{records: []string{"% 60 IN CNAME x."}, err: tt.err, outcome: resolver.Answered}
				if tt.err != nil {
					s.outcome = resolver.ServFail
				}
				code, text := wire.Prohibited, "prohibited"
				if nameText(q) == "y." {
					s.records, code, text = []string{"% 60 IN A 192.0.2.1"}, wire.NoReachable, "up"
				}
				o := s.Serve(q, r)
				r.SetEDE(code, text)
				return o
			}))
			m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("a.", dns.TypeA), 1232))
			got := ""
			if e := resolver.ExtendedError(m); e != nil {
				got = fmt.Sprint(uint16(e.Code), " ", e.Text)
			}
			if got != tt.want {
				t.Errorf("Extended DNS Error %q, want %q: %s\n%v", got, tt.want, tt.reason, m)
			}
		})
	}
}
