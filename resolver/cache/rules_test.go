package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cache"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// TestWhatIsKept asks the same twice: what is kept is asked of the other server
// once.
func TestWhatIsKept(t *testing.T) {

	tests := []struct {
		name     string
		sections []string
		rcode    int
		typ      uint16
		kept     bool
		reason   string
	}{
		{"answer", []string{a60}, 0, dns.TypeA, true, "it answers"},
		{"any", []string{a60}, 0, dns.TypeANY, true, "any record of the name answers"},
		{"letters", []string{"WWW.example.COM. 60 IN A 192.0.2.7"}, 0, dns.TypeA, true, "RFC 4343: case does not matter"},
		{"alias", []string{"www.example.com. 60 IN CNAME W.example.net.\nw.example.net. 60 IN A 192.0.2.7"}, 0, dns.TypeA, true, "RFC 1034 section 3.6.2"},
		{"alias last", []string{"w.example.net. 60 IN A 192.0.2.7\nwww.example.com. 60 IN CNAME w.example.net."}, 0, dns.TypeA, true, "the order of records does not matter"},
		{"alias itself", []string{"www.example.com. 60 IN CNAME w.example.net."}, 0, dns.TypeCNAME, true, "the CNAME was asked for"},
		{"alias to nowhere", []string{"www.example.com. 60 IN CNAME w.example.net."}, 0, dns.TypeA, false, "no SOA: RFC 2308 section 5"},
		{"alias denied", []string{"www.example.com. 60 IN CNAME w.example.com.", soa60}, 0, dns.TypeA, true, "RFC 2308 section 2.2: NODATA of the alias' target"},
		{"alias of nothing", []string{"www.example.com. 60 IN CNAME w.example.com.", soa60}, dns.RcodeNameError, dns.TypeA, true, "RFC 6604 section 3: the rcode is the last name's"},
		{"alias out of the zone denied", []string{"www.example.com. 60 IN CNAME w.example.net.", soa60}, 0, dns.TypeA, false, "the SOA is not of a zone of that name"},
		{"aliases in a circle", []string{"www.example.com. 60 IN CNAME w.example.com.\nw.example.com. 60 IN CNAME www.example.com.\n" + a60, soa60}, 0, dns.TypeA, false, "they lead nowhere"},
		{"two aliases", []string{"www.example.com. 60 IN CNAME a.example.com.\nwww.example.com. 60 IN CNAME b.example.com.\na.example.com. 60 IN A 192.0.2.7", soa60}, 0, dns.TypeA, false, "RFC 2181 section 10.1"},
		{"another name's", []string{"mail.example.com. 60 IN A 192.0.2.7"}, 0, dns.TypeA, false, "A18: it does not match the question"},
		{"another type's", []string{"www.example.com. 60 IN AAAA 2001:db8::1"}, 0, dns.TypeA, false, "A18: it does not match the question"},
		{"another class'", []string{"www.example.com. 60 CH A 192.0.2.7"}, 0, dns.TypeA, false, "A18: it does not match the question"},
		{"only additional", []string{"", "", a60}, 0, dns.TypeA, false, "no answer"},
		{"referral", []string{"", "example.com. 60 IN NS ns.example.com."}, 0, dns.TypeA, false, "no answer"},
		{"NODATA", []string{"", soa60}, 0, dns.TypeA, true, "RFC 2308 section 2.2"},
		{"NODATA without SOA", []string{""}, 0, dns.TypeA, false, "C8"},
		{"SOA as the answer", []string{soa60}, 0, dns.TypeA, false, "a denial has it in the authority section"},
		{"NODATA of another zone", []string{"", "example.net. 60 IN SOA ns.example.net. a.example.net. 1 2 3 4 60"}, 0, dns.TypeA, false, "the SOA is not of a zone of that name"},
		{"NODATA for no time", []string{"", "example.com. 60 IN SOA ns.example.com. a.example.com. 1 2 3 4 0"}, 0, dns.TypeA, false, "the zone's minimum is 0"},
		{"NXDOMAIN", []string{"", soa60}, dns.RcodeNameError, dns.TypeA, true, "RFC 2308 section 2.1"},
		{"NXDOMAIN without SOA", []string{""}, dns.RcodeNameError, dns.TypeA, false, "C8"},
		{"NXDOMAIN with the record", []string{a60, soa60}, dns.RcodeNameError, dns.TypeA, false, "it contradicts itself"},
		{"SERVFAIL", []string{""}, dns.RcodeServerFailure, dns.TypeA, true, "for 5 s"},
		{"REFUSED", []string{""}, dns.RcodeRefused, dns.TypeA, false, "it says nothing of the name"},
		{"NOTIMP", []string{""}, dns.RcodeNotImplemented, dns.TypeA, false, "it says nothing of the name"},
		{"YXDOMAIN", []string{a60}, dns.RcodeYXDomain, dns.TypeA, false, "no outcome of ours"},
		{"transfer", []string{soa60}, 0, dns.TypeAXFR, false, "no answer to keep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := new(upstream)
			u.set(t, tt.rcode, tt.sections...)
			h := start(t, "cache", u)
			first := text(ask(t, h, www, tt.typ))
			second, x := exchange(t, h, dnstest.Question(www, tt.typ))
			if diff := cmp.Diff(first, text(second)); diff != "" {
				t.Errorf("the second reply differs (-first +second):\n%s", diff)
			}
			handler := "forward"
			if tt.kept {
				handler = "cache"
			}
			if kept := u.count() == 1; kept != tt.kept || x.Reply.Handler != handler {
				t.Errorf("asked %d times, handler %q, want kept %t: %s", u.count(), x.Reply.Handler, tt.kept, tt.reason)
			}
		})
	}
}

// TestOwnIsNeverKept has a handler behind the cache that answers of its own.
func TestOwnIsNeverKept(t *testing.T) {
	u := &upstream{ours: true}
	h := start(t, "cache 3600", u)
	for i, rcode := range []int{0, dns.RcodeNameError, dns.RcodeServerFailure, 0} {
		u.set(t, rcode, strings.Repeat(a60, (rcode+1)%2), soa60)
		if got := ask(t, h, "www.example.com.", dns.TypeA); got.Rcode != rcode || u.count() != i+1 {
			t.Errorf("reply %d: rcode %d after %d questions", i, got.Rcode, u.count())
		}
	}
	kube := startWith(t, "cache 3600 {\nserve_stale\nprefetch 1\n}",
		cache.Deps{Next: &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}})
	for range 2 {
		for _, name := range []string{"web.default.svc.cluster.local.", "missing.default.svc.cluster.local."} {
			if _, x := exchange(t, kube, dnstest.Question(name, dns.TypeA)); x.Reply.Handler != kubernetes.Name {
				t.Errorf("%s came from %q", name, x.Reply.Handler)
			}
		}
	}
}

func TestTruncatedIsNotKept(t *testing.T) {
	u := new(upstream)
	u.set(t, 0, a60)
	reply := u.reply
	u.reply = func(m *dns.Msg) *dns.Msg { m = reply(m); m.Truncated = true; return m }
	h := start(t, "cache", u)
	for want := 1; want <= 2; want++ {
		if m := ask(t, h, "www.example.com.", dns.TypeA); !m.Truncated || u.count() != want {
			t.Errorf("TC %t after %d questions, want true after %d", m.Truncated, u.count(), want)
		}
	}
}

// TestLargeIsCutForEach: the cache has the whole, whoever asked first.
func TestLargeIsCutForEach(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("www.example.com. 60 IN A 192.0.2.%d", i))
	}
	u := new(upstream)
	u.set(t, 0, strings.Join(lines, "\n"))
	h := start(t, "cache", u)
	small := ask(t, h, "www.example.com.", dns.TypeA)
	m := dnstest.Question("www.example.com.", dns.TypeA)
	x := dnstest.Exchange()
	x.Query.Transport = resolver.TCP
	responder := resolver.Responder{Handler: h}
	large := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, m), nil))
	if !small.Truncated || large.Truncated || len(large.Answer) != 100 || u.count() != 1 {
		t.Errorf("by UDP TC %t; by TCP TC %t, %d records; asked %d times", small.Truncated, large.Truncated, len(large.Answer), u.count())
	}
}

// TestKeys: what differs in name, type, class, DO or CD is another question.
func TestKeys(t *testing.T) {
	base := func() *dns.Msg { return dnstest.Question("www.example.com.", dns.TypeA) }
	tests := []struct {
		name   string
		change func(*dns.Msg)
		same   bool
		reason string
	}{
		{"same", func(*dns.Msg) {}, true, "the same question"},
		{"case", func(m *dns.Msg) { m.Question[0].Name = "wWw.Example.COM." }, true, "RFC 4343"},
		{"EDNS", func(m *dns.Msg) { m.SetEdns0(1232, false) }, true, "EDNS alone asks for nothing else"},
		{"AD", func(m *dns.Msg) { m.AuthenticatedData = true }, true, "it is asked for always"},
		{"name", func(m *dns.Msg) { m.Question[0].Name = "ww.wexample.com." }, false, "labels count"},
		{"type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT }, false, "another type"},
		{"class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassHESIOD }, false, "another class"},
		{"DO", func(m *dns.Msg) { m.SetEdns0(1232, true) }, false, "it asks for signatures"},
		{"CD", func(m *dns.Msg) { m.CheckingDisabled = true }, false, "CVE-2024-0874: not validated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := new(upstream)
			u.set(t, 0, a60)
			h := start(t, "cache", u)
			exchange(t, h, base())
			m := base()
			tt.change(m)
			got, _ := exchange(t, h, m)
			if (u.count() == 1) != tt.same {
				t.Errorf("asked %d times: %s", u.count(), tt.reason)
			}
			if diff := cmp.Diff(m.Question, got.Question); diff != "" {
				t.Errorf("the question (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	u := new(upstream)
	u.set(t, 0, a60)
	reply := u.reply
	u.reply = func(m *dns.Msg) *dns.Msg {
		m = reply(m)
		m.Authoritative, m.AuthenticatedData = true, true
		return m
	}
	h := start(t, "cache", u)
	for i := range 2 {
		plain := ask(t, h, "www.example.com.", dns.TypeA)
		q := dnstest.Question("www.example.com.", dns.TypeA)
		q.AuthenticatedData = true
		wants, _ := exchange(t, h, q)
		if plain.AuthenticatedData || !wants.AuthenticatedData {
			t.Errorf("%d: AD %t, and %t to a client with AD: RFC 6840 section 5.8", i, plain.AuthenticatedData, wants.AuthenticatedData)
		}
		if wants.Authoritative || !wants.RecursionAvailable {
			t.Errorf("%d: AA %t, RA %t of a cached reply", i, wants.Authoritative, wants.RecursionAvailable)
		}
	}
	if u.count() != 1 || u.flags[0]&wire.FlagAD == 0 {
		t.Errorf("asked %d times, with flags %x: one reply with AD is for all", u.count(), u.flags)
	}
}

// TestWithoutRecursion: what is told without RD is not what is told with it.
func TestWithoutRecursion(t *testing.T) {
	u := new(upstream)
	u.set(t, dns.RcodeServerFailure)
	h := start(t, "cache", u)
	q := dnstest.Question("www.example.com.", dns.TypeA)
	q.RecursionDesired = false
	exchange(t, h, q)
	u.set(t, 0, a60)
	if m := ask(t, h, "www.example.com.", dns.TypeA); len(m.Answer) != 1 {
		t.Errorf("a client without RD has another told %s", text(m))
	}
	if m, x := exchange(t, h, q); len(m.Answer) != 1 || x.Reply.Handler != cache.Name {
		t.Errorf("without RD from the cache: %s by %s", text(m), x.Reply.Handler)
	}
}

func TestExpiredSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 in here
		const format = "20060102150405"
		tests := []struct {
			inception, expiration time.Duration
			kept                  bool
		}{{-time.Hour, time.Hour, true}, {-2 * time.Hour, -time.Hour, false}, {time.Hour, 2 * time.Hour, false}}
		for _, tt := range tests {
			u := new(upstream)
			u.set(t, 0, a60+"\nwww.example.com. 60 IN RRSIG A 13 3 60 "+time.Now().Add(tt.expiration).UTC().Format(format)+" "+
				time.Now().Add(tt.inception).UTC().Format(format)+" 1 example.com. c2lnbmF0dXJl")
			h := start(t, "cache", u)
			for range 2 {
				exchange(t, h, dnstest.Question("www.example.com.", dns.TypeA).SetEdns0(1232, true))
			}
			if kept := u.count() == 1; kept != tt.kept {
				t.Errorf("signed from %s to %s: kept %t", tt.inception, tt.expiration, kept)
			}
		}
	})
}

func TestZones(t *testing.T) {
	tests := []struct {
		directive string
		rcode     int
		sections  []string
		name      string
		kept      bool
	}{
		{"cache example.com", 0, []string{a60}, "www.example.com.", true},
		{"cache example.net", 0, []string{a60}, "www.example.com.", false},
		{"cache {\ndisable success example.com\n}", 0, []string{a60}, "www.example.com.", false},
		{"cache {\ndisable success example.net\n}", 0, []string{a60}, "www.example.com.", true},
		{"cache {\ndisable success\n}", 0, []string{a60}, "www.example.com.", false},
		{"cache {\ndisable success\n}", dns.RcodeNameError, []string{"", soa60}, "no.example.com.", true},
		{"cache {\ndisable denial example.com\n}", dns.RcodeNameError, []string{"", soa60}, "no.example.com.", false},
		{"cache {\ndisable denial\n}", 0, []string{"", soa60}, "no.example.com.", false},
		{"cache {\ndisable denial\n}", dns.RcodeServerFailure, nil, "no.example.com.", false},
		{"cache {\ndisable denial\n}", 0, []string{a60}, "www.example.com.", true},
		{"cache {\nservfail 0\n}", dns.RcodeServerFailure, nil, "no.example.com.", false},
	}
	for _, tt := range tests {
		t.Run(tt.directive+" "+dns.RcodeToString[tt.rcode], func(t *testing.T) {
			u := new(upstream)
			u.set(t, tt.rcode, tt.sections...)
			h := start(t, tt.directive, u)
			ask(t, h, tt.name, dns.TypeA)
			ask(t, h, tt.name, dns.TypeA)
			if kept := u.count() == 1; kept != tt.kept {
				t.Errorf("kept %t", kept)
			}
		})
	}
}
