package rewrite_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const fields = "one of name, type, class, edns0, ttl, rcode, cname"
	tests := []struct {
		text, err string
		reason    string
	}{
		{"rewrite", "wants [continue|stop] and " + fields, "nothing"},
		{"rewrite continue", "wants [continue|stop] and " + fields, "a mode alone"},
		{"rewrite foo a b", "wants " + fields + `, got "foo"`, "no field"},
		{"rewrite answer name a b", "answer belongs to a name rule, after its FROM and TO", "no name"},
		{"rewrite name a b {\nanswer auto\n}", `Corefile:3: rewrite takes no options in braces, got "answer"`, "words before braces that are a rule already"},
		{"rewrite stop {\nname a {\nb\n}\n}", `Corefile:4: name takes no options in braces, got "b"`, "braces in braces"},
		{"rewrite name a", "name wants FROM and TO", "too few"},
		{"rewrite name a..b c", `name: name "a..b": empty label`, "no name"},
		{"rewrite name a b c", `name wants one of exact, prefix, suffix, substring, regex before FROM and TO, got "a"`, "no kind"},
		{"rewrite name regex ( c", "name: error parsing regexp: missing closing ): `(`", "no regular expression"},
		{"rewrite name regex " + strings.Repeat("a", 10001) + " c", "name: a regular expression has at most 10000 octets, this 10001", "one too long"},
		{"rewrite name regex (a) {1}.{2}", `name: "{1}.{2}." names 2 groups of the regular expression "(a)", which has 1`, "groups that there are not"},
		{"rewrite name suffix a b c", `name: wants answer auto, answer name FROM TO or answer value FROM TO after FROM and TO, got "c"`, "no answer rule"},
		{"rewrite name suffix a b answer", "name: wants answer auto, answer name FROM TO or answer value FROM TO", "half of one"},
		{"rewrite name suffix a b answer name x", `name: wants answer auto, answer name FROM TO or answer value FROM TO, got "name x"`, "no TO"},
		{"rewrite name suffix a b answer ttl x y", `name: wants answer auto, answer name FROM TO or answer value FROM TO, got "ttl x y"`, "no such answer rule"},
		{"rewrite name suffix a b answer name ( y", "name: answer name: error parsing regexp: missing closing ): `(`", "no regular expression"},
		{"rewrite name suffix a b answer auto name x y", "name: answer auto and answer name exclude one another", "two meanings"},
		{"rewrite name suffix a b answer auto value x y", "", "both"},
		{"rewrite name exact a b answer name x y", "", "as CoreDNS has it"},
		{"rewrite type A", "type wants FROM and TO", "too few"},
		{"rewrite type A XY", `type: there is no type "XY"`, "no type"},
		{"rewrite class IN XY", `class: there is no class "XY"`, "no class"},
		{"rewrite ttl a", "ttl wants [exact|prefix|suffix|substring|regex] NAME and 1 more, got 1 words", "too few"},
		{"rewrite ttl foo a 5", `ttl wants one of exact, prefix, suffix, substring, regex before the name, got "foo"`, "no kind"},
		{"rewrite ttl regex ( 5", "ttl: error parsing regexp: missing closing ): `(`", "no regular expression"},
		{"rewrite ttl a -", `ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got "-"`, "no bound"},
		{"rewrite ttl a 5s", `ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got "5s"`, "no number"},
		{"rewrite ttl a 5-4", `ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got "5-4"`, "nothing is within"},
		{"rewrite ttl a 1-2-3", `ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got "1-2-3"`, "no bounds"},
		{"rewrite ttl a 4294967296", `ttl wants SECONDS, MIN-MAX, MIN- or -MAX, got "4294967296"`, "more than 32 bits"},
		{"rewrite rcode a NOERROR", "rcode wants [exact|prefix|suffix|substring|regex] NAME and 2 more, got 2 words", "too few"},
		{"rewrite rcode a NOERROR FOO", `rcode wants FROM and TO as NXDOMAIN or 3, got "FOO"`, "no rcode"},
		{"rewrite rcode a 24 0", `rcode wants FROM and TO as NXDOMAIN or 3, got "24"`, "no rcode"},
		{"rewrite cname a", "cname wants [exact|prefix|suffix|substring|regex] FROM TO", "too few"},
		{"rewrite cname foo a b", "cname wants [exact|prefix|suffix|substring|regex] FROM TO", "no kind"},
		{"rewrite cname regex ( b", "cname: error parsing regexp: missing closing ): `(`", "no regular expression"},
		{"rewrite edns0 local", "edns0 wants one of local, nsid, subnet and one of set, replace, append, unset", "too few"},
		{"rewrite edns0 foo set", `edns0 wants one of local, nsid, subnet, got "foo"`, "no option"},
		{"rewrite edns0 local foo 1 a", `edns0 local wants one of set, replace, append, unset, got "foo"`, "no action"},
		{"rewrite edns0 local set 1", "edns0 local set wants CODE and DATA, got 1 words", "too few"},
		{"rewrite edns0 local unset 1 a", "edns0 local unset wants CODE, got 2 words", "too many"},
		{"rewrite edns0 local set 65536 a", `edns0 local: a code is a number, 0 to 65535 or 0xffff, got "65536"`, "no code"},
		{"rewrite edns0 local set 1 0xabc", `edns0 local: "0xabc": encoding/hex: odd length hex string`, "half an octet"},
		{"rewrite edns0 local set 1 {foo}", "edns0 local: unknown variable {foo} (known: {qname}, {qtype}, {client_ip}, {client_port}, {protocol}, {server_ip}, {server_port}, and labels such as {handler/label})", "no variable"},
		{"rewrite edns0 nsid set a", `edns0 nsid set wants nothing more, got "a"`, "too many"},
		{"rewrite edns0 subnet set 24", "edns0 subnet set wants how many bits of IPv4 and of IPv6 addresses, got 1 words", "too few"},
		{"rewrite edns0 subnet set 33 1", `edns0 subnet wants a number of bits, 0 to 32, got "33"`, "too many bits"},
		{"rewrite edns0 subnet set 24 129", `edns0 subnet wants a number of bits, 0 to 128, got "129"`, "too many bits"},
		{"rewrite edns0 subnet unset 1", `edns0 subnet unset wants nothing more, got "1"`, "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 60)], func(t *testing.T) {
			_, err := parse(t, tt.text)
			want, got := tt.err, ""
			if want != "" && !strings.HasPrefix(want, "Corefile:") {
				want = "Corefile:2: rewrite: " + want
			}
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
