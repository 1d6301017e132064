package nsid_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/nsid"
)

// parse parses a directive.
func parse(t testing.TB, text string) (nsid.Config, error) {
	t.Helper()
	return nsid.Parse(dnstest.Directive(t, text))
}

func TestParse(t *testing.T) {
	longest := strings.Repeat("x", nsid.MaxData)
	tests := []struct{ text, want, err, reason string }{
		{text: "nsid", reason: "the host's name"},
		{text: "nsid dns-1", want: "dns-1", reason: "one word"},
		{text: "nsid Use The Force", want: "Use The Force", reason: "words are joined"},
		{text: "nsid " + longest, want: longest, reason: "the longest"},
		{text: "nsid " + longest + " y", err: "Corefile:2: nsid: wants at most 198 octets, so that every reply has room for them, got 200", reason: "too long"},
		{text: "nsid {\nhex\n}", err: `Corefile:3: nsid takes no options in braces, got "hex"`, reason: "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			text := ""
			if err != nil {
				text, got = err.Error(), nsid.Config{}
			}
			if diff := cmp.Diff([]string{tt.want, tt.err}, []string{got.Data, text}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// identifiers returns the NSID options of a message.
func identifiers(t testing.TB, m *dns.Msg) (ids []string) {
	t.Helper()
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if id, ok := o.(*dns.EDNS0_NSID); ok {
				text, err := hex.DecodeString(id.Nsid)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, string(text))
			}
		}
	}
	return ids
}

func TestHandler(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, data string
		edns       bool
		options    []dns.EDNS0
		want       []string
		reason     string
	}{
		{"asked", "a b", true, []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}, []string{"a b"}, "RFC 5001 section 2.3"},
		{"asked with bytes", "a", true, []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "ffff"}}, []string{"a"}, "RFC 5001 section 2.1: what the client sends is ignored"},
		{"default", "", true, []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}, []string{host}, "the host's name"},
		{"not asked", "a", true, nil, nil, "RFC 5001 section 2.2: only if asked"},
		{"no EDNS", "a", false, nil, nil, "RFC 6891 section 7: no OPT where the query had none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Question("example.com.", dns.TypeA)
			if tt.edns {
				dnstest.EDNS(m, 1232).IsEdns0().Option = tt.options
			}
			r := dnstest.Serve(t, nsid.New(nsid.Config{Data: tt.data}, resolver.Refuse{}), m)
			if diff := cmp.Diff(tt.want, identifiers(t, r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestFits has the longest identifier in the least room that a reply has: the
// limit must hold, and what does not fit must be told by TC.
func TestFits(t *testing.T) {
	jar, err := cookies.New()
	if err != nil {
		t.Fatal(err)
	}
	label := strings.Repeat("a", wire.MaxLabel) + "."
	m := dnstest.EDNS(dnstest.Question(label+label+label+label[:61]+".", dns.TypeA), wire.MinUDP)
	m.IsEdns0().Option = []dns.EDNS0{
		&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"},
	}
	id := strings.Repeat("i", nsid.MaxData)
	responder := resolver.Responder{Cookies: jar, Handler: nsid.New(nsid.Config{Data: id + "cut"},
		resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
			r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeA, 5, []byte{10, 0, 0, 1}))
			return resolver.Answered
		}))}
	out := responder.Respond(dnstest.Exchange(), dnstest.Pack(t, m), nil)
	if len(out) != wire.MinUDP {
		t.Errorf("the reply has %d octets, want %d: the name and all options are the longest", len(out), wire.MinUDP)
	}
	r := dnstest.Unpack(t, out)
	if !r.Truncated || len(r.Answer) != 0 || len(r.IsEdns0().Option) != 2 {
		t.Errorf("want both options, TC and no answer:\n%v", r)
	}
	if diff := cmp.Diff([]string{id}, identifiers(t, r)); diff != "" {
		t.Errorf("identifiers (-want +got):\n%s", diff)
	}
}

func ExampleHandler() {
	responder := resolver.Responder{Handler: nsid.New(nsid.Config{Data: "dns-1"}, resolver.Refuse{})}
	m := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
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
	id, _ := hex.DecodeString(reply.IsEdns0().Option[0].(*dns.EDNS0_NSID).Nsid)
	fmt.Printf("%s\n", id)
	// Output: dns-1
}
