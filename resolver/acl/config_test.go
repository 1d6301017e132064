package acl_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/acl"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// parse parses the acl directives of a block for example.org.
func parse(t *testing.T, text string) ([]acl.Rule, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader("example.org {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	var rules []acl.Rule
	for _, d := range f.Blocks[0].Directives {
		r, err := acl.Parse(d, f.Blocks[0].Zones())
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func TestParse(t *testing.T) {
	nets := func(texts ...string) (out []netip.Prefix) {
		for _, text := range texts {
			out = append(out, netip.MustParsePrefix(text))
		}
		return out
	}
	rule := func(actions ...acl.Action) []acl.Rule {
		return []acl.Rule{{Zones: []string{"example.org."}, Actions: actions}}
	}
	tests := []struct {
		text   string
		want   []acl.Rule
		reason string
	}{
		{"acl", rule(), "nothing is forbidden"},
		{"acl {\nblock\n}", rule(acl.Action{Verb: acl.Block}), "every query"},
		{"acl {\nFilter Type a AAAA Net 192.168.0.0/16\n}", rule(acl.Action{Verb: acl.Filter, Types: []uint16{dns.TypeA, dns.TypeAAAA}, Nets: nets("192.168.0.0/16")}), "words in any case"},
		{"acl {\nallow net 10.0.0.1 fd00::1\n}", rule(acl.Action{Verb: acl.Allow, Nets: nets("10.0.0.1/32", "fd00::1/128")}), "addresses"},
		{"acl {\ndrop net 10.1.2.3/8 fd00::1/8 ::ffff:10.0.0.1/104\n}", rule(acl.Action{Verb: acl.Drop, Nets: nets("10.0.0.0/8", "fd00::/8", "10.0.0.0/8")}), "masked; IPv4 as IPv4"},
		{"acl {\nallow net 10.0.0.1 type A net fd00::/8 type MX\n}", rule(acl.Action{Verb: acl.Allow, Types: []uint16{dns.TypeA, dns.TypeMX}, Nets: nets("10.0.0.1/32", "fd00::/8")}), "sections of a kind add up"},
		{"acl {\nblock type * A net 10.0.0.1 *\n}", rule(acl.Action{Verb: acl.Block}), "* is all, whatever stands beside it"},
		{"acl a.test 10.0.0.0/24 {\nallow\nblock\n}\nacl {\ndrop\n}", []acl.Rule{
			{Zones: []string{"a.test.", "0.0.10.in-addr.arpa."}, Actions: []acl.Action{{Verb: acl.Allow}, {Verb: acl.Block}}},
			{Zones: []string{"example.org."}, Actions: []acl.Action{{Verb: acl.Drop}}},
		}, "zones, and several directives"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"acl {\nforbid\n}", `Corefile:3: unknown option "forbid" of acl (known: allow, block, drop, filter)`, "four verbs"},
		{"acl {\nblock A\n}", `Corefile:3: block: wants type QTYPE... or net SOURCE..., got "A"`, "a section begins with its kind"},
		{"acl {\nblock type\n}", `Corefile:3: block: nothing follows type`, "a type is needed"},
		{"acl {\nblock net type A\n}", `Corefile:3: block: nothing follows net`, "a network is needed"},
		{"acl {\nblock type ABC\n}", `Corefile:3: block: "ABC" is not a type of query`, "no such type"},
		{"acl {\nblock net 10.0.0.0/33\n}", `Corefile:3: block: "10.0.0.0/33" is not an address or a network such as 10.0.0.0/8 or fd00::/8`, "no such network"},
		{"acl {\nblock net fe80::1%eth0\n}", `Corefile:3: block: "fe80::1%eth0" is not an address or a network such as 10.0.0.0/8 or fd00::/8`, "a network has no interface"},
		{"acl {\nblock net example.org\n}", `Corefile:3: block: "example.org" is not an address or a network such as 10.0.0.0/8 or fd00::/8`, "a name is none"},
		{"acl {\nblock {\nx\n}\n}", `Corefile:4: block takes no options in braces, got "x"`, "no options"},
		{"acl a..b", `Corefile:2: acl: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "zones are names"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			text := ""
			if _, err := parse(t, tt.text); err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
