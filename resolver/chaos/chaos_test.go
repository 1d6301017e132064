package chaos_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   chaos.Config
		err    string
		reason string
	}{
		{"chaos", chaos.Config{}, "", "the defaults"},
		{"chaos DNS-001", chaos.Config{Version: "DNS-001"}, "", "the authors' default"},
		{"chaos v b a b", chaos.Config{Version: "v", Authors: []string{"a", "b"}}, "", "sorted, each once"},
		{"chaos {\nversion 1\n}", chaos.Config{}, `Corefile:3: chaos takes no options in braces, got "version"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := chaos.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// question returns a question of class CH, or another.
func question(name string, typ, class uint16) *dns.Msg {
	m := dnstest.Question(name, typ)
	m.Question[0].Qclass = class
	return m
}

// next is a handler that NODATA tells of having been asked.
var next = resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData })

func TestHandler(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	all := chaos.Config{Version: "v-1", Authors: []string{"me"}, Hostname: "dns-1"}
	long := strings.Repeat("x", 300)
	tests := []struct {
		config     chaos.Config
		name       string
		typ, class uint16
		rcode      int
		want       []string
		reason     string
	}{
		{all, "version.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`version.bind. 0 CH TXT "v-1"`}, "the version"},
		{all, "version.server.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`version.server. 0 CH TXT "v-1"`}, "the version"},
		{all, "hostname.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`hostname.bind. 0 CH TXT "dns-1"`}, "RFC 4892 section 2"},
		{all, "id.server.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`id.server. 0 CH TXT "dns-1"`}, "RFC 4892 section 2"},
		{all, "authors.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`authors.bind. 0 CH TXT "me"`}, "the authors"},
		{all, "Version.BIND.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`Version.BIND. 0 CH TXT "v-1"`}, "RFC 4343: case is ignored"},
		{chaos.Config{}, "version.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`version.bind. 0 CH TXT "rollcall"`}, "the default"},
		{chaos.Config{}, "authors.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`authors.bind. 0 CH TXT "The authors of Rollcall"`}, "the default"},
		{chaos.Config{}, "id.server.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`id.server. 0 CH TXT "` + host + `"`}, "the default"},
		{chaos.Config{Version: long}, "version.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, []string{`version.bind. 0 CH TXT "` + long[:255] + `"`}, "RFC 1035 section 3.3: the longest character-string"},
		{all, "version.bind.", dns.TypeA, dns.ClassCHAOS, dns.RcodeRefused, nil, "nothing but TXT"},
		{all, "version.bind.", dns.TypeANY, dns.ClassCHAOS, dns.RcodeRefused, nil, "nothing but TXT"},
		{all, "x.version.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeRefused, nil, "nothing below"},
		{all, "web.default.svc.cluster.local.", dns.TypeA, dns.ClassCHAOS, dns.RcodeRefused, nil, "what is of class IN is not asked"},
		{all, "version.bind.", dns.TypeTXT, dns.ClassINET, dns.RcodeSuccess, nil, "class IN is the next handler's"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.ClassToString[tt.class]+" "+dns.TypeToString[tt.typ], func(t *testing.T) {
			r := dnstest.Serve(t, chaos.New(tt.config, next), question(tt.name, tt.typ, tt.class))
			if diff := cmp.Diff(tt.want, dnstest.Text(r.Answer)); diff != "" || r.Rcode != tt.rcode {
				t.Errorf("%s: rcode %d, want %d (-want +got):\n%s", tt.reason, r.Rcode, tt.rcode, diff)
			}
		})
	}
}

// TestWithoutRecords is of a server block without chaos.
func TestWithoutRecords(t *testing.T) {
	h := &chaos.Handler{Next: next}
	if r := dnstest.Serve(t, h, question("version.bind.", dns.TypeTXT, dns.ClassCHAOS)); r.Rcode != dns.RcodeRefused {
		t.Errorf("class CH:\n%v", r)
	}
	if r := dnstest.Serve(t, h, question("version.bind.", dns.TypeTXT, dns.ClassINET)); r.Rcode != dns.RcodeSuccess {
		t.Errorf("class IN:\n%v", r)
	}
}

func TestAuthorsAreTurned(t *testing.T) {
	authors := []string{"a", "b", "c"}
	h := chaos.New(chaos.Config{Authors: authors}, next)
	first := map[string]int{}
	for range 200 {
		var got []string
		for _, rr := range dnstest.Serve(t, h, question("authors.bind.", dns.TypeTXT, dns.ClassCHAOS)).Answer {
			got = append(got, rr.(*dns.TXT).Txt[0])
		}
		first[got[0]]++
		slices.Sort(got)
		if diff := cmp.Diff(authors, got); diff != "" {
			t.Fatalf("each author once (-want +got):\n%s", diff)
		}
	}
	if len(first) != len(authors) { // by chance: once in 10^35
		t.Errorf("the first were %v, want each of %v", first, authors)
	}
}

func ExampleHandler() {
	responder := resolver.Responder{Handler: chaos.New(chaos.Config{Version: "dns 7"}, resolver.Refuse{})}
	m := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	m.Question[0].Qclass = dns.ClassCHAOS
	packet, err := m.Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	var reply dns.Msg
	if err := reply.Unpack(responder.Respond(new(resolver.Exchange), packet, nil)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Answer[0].(*dns.TXT).Txt[0])
	// Output: dns 7
}
