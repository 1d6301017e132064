package corefile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

func TestKey(t *testing.T) {
	tests := []struct {
		text, want string // want: canonical key, then its zones, or the error
		reason     string
	}{
		{".", ".:53 .", "the port is 53 unless given"},
		{".:0", ".:0 .", "0 lets the system choose"},
		{"Cluster.Local:5353", "cluster.local:5353 cluster.local.", "names compare without case"},
		{"dns://a.example.", "a.example.:53 a.example.", "dns is the default scheme"},
		{"_tcp.a-b", "_tcp.a-b:53 _tcp.a-b.", "underscores are allowed, RFC 2181 section 11"},
		{"10.0.0.0/8", "10.0.0.0/8:53 10.in-addr.arpa.", "a network on an octet is one zone"},
		{"10.1.2.0/24:54", "10.1.2.0/24:54 2.1.10.in-addr.arpa.", "the port comes after the length"},
		{"10.1.2.3/24", "10.1.2.3/24:53 2.1.10.in-addr.arpa.", "bits after the length do not matter"},
		{"192.0.2.1/32", "192.0.2.1/32:53 1.2.0.192.in-addr.arpa.", "one address"},
		{"0.0.0.0/0", "0.0.0.0/0:53 in-addr.arpa.", "all of IPv4"},
		{"10.0.4.0/22", "10.0.4.0/22:53 4.0.10.in-addr.arpa. 5.0.10.in-addr.arpa. 6.0.10.in-addr.arpa. 7.0.10.in-addr.arpa.", "between octets it is several zones"},
		{"192.168.0.0/15", "192.168.0.0/15:53 168.192.in-addr.arpa. 169.192.in-addr.arpa.", "between octets, two"},
		{"fd00::/8", "fd00::/8:53 d.f.ip6.arpa.", "a network on a nibble, RFC 3596 section 2.5"},
		{"2001:DB8::/33:54", "2001:db8::/33:54 " + nibbles("01234567", ".8.b.d.0.1.0.0.2.ip6.arpa."), "between nibbles, eight"},
		{"::/0", "::/0:53 ip6.arpa.", "all of IPv6"},
		{"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa:53 0/25.2.0.192.in-addr.arpa.", "RFC 2317 names are no networks"},
		{"10.0.0.1", "10.0.0.1:53 10.0.0.1.", "an address without length is a name, as in CoreDNS"},

		{"tls://.", "tls://.:853 .", "RFC 7858 section 3.1: port 853"},
		{"https://Example.org:8443", "https://example.org:8443 example.org.", "a port of one's own"},
		{"quic://.", `quic:// in "quic://." is not supported (supported: dns://, tls://, https://)`, "known and refused"},
		{"https3://.", `https3:// in "https3://." is not supported (supported: dns://, tls://, https://)`, "known and refused"},
		{"grpc://.", `grpc:// in "grpc://." is not supported (supported: dns://, tls://, https://)`, "known and refused"},
		{"dsn://.", `unknown scheme "dsn" in "dsn://." (supported: dns://, tls://, https://)`, "a slip"},
		{".:65536", `port 65536 in ".:65536" must be 0 to 65535`, "ports have 16 bits"},
		{".:dns", `".:dns" is not a zone: ':' is not allowed in a name`, "ports are numbers"},
		{":53", `":53" is not a zone: it is empty; the root zone is written as a dot`, "the zone is missing"},
		{"10.0.0.0/33", `"10.0.0.0/33" is not a zone: a network's length must be 0 to 32 for IPv4, 0 to 128 for IPv6: netip.ParsePrefix("10.0.0.0/33"): prefix length out of range`, "too long"},
		{"a..b", `"a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "an empty label"},
		{strings.Repeat("a", 64), `"` + strings.Repeat("a", 64) + `" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "RFC 1035 section 2.3.4"},
		{"bücher.example", `"bücher.example" is not a zone: only ASCII is allowed; international names are written in their xn-- form`, "names are bytes on the wire"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := corefile.Parse("Corefile", strings.NewReader(tt.text+" {\n}"))
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.Error(), "Corefile:1: ")
			} else {
				k := f.Blocks[0].Keys[0]
				got = k.String() + " " + strings.Join(k.Zones, " ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// nibbles returns the zones that differ in their first digit.
func nibbles(digits, parent string) string {
	var zones []string
	for _, d := range digits {
		zones = append(zones, string(d)+parent)
	}
	return strings.Join(zones, " ")
}

func TestBlockZones(t *testing.T) {
	b := parse(t, "Cluster.local 10.0.0.0/23 {\n}").Blocks[0]
	want := []string{"cluster.local.", "0.0.10.in-addr.arpa.", "1.0.10.in-addr.arpa."}
	if diff := cmp.Diff(want, b.Zones()); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
}

func TestIsReverse(t *testing.T) {
	for zone, want := range map[string]bool{
		"in-addr.arpa.": true, "1.ip6.arpa.": true, "10.in-addr.arpa.": true,
		"cluster.local.": false, "arpa.": false, ".": false, "xin-addr.arpa.": false,
	} {
		if got := corefile.IsReverse(zone); got != want {
			t.Errorf("IsReverse(%q) = %v", zone, got)
		}
	}
}
