package wire

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name255 := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	tests := []struct {
		text, reason string
		want         Name
		err          error
	}{
		{"", "nothing is the root: every name is absolute", Root, nil},
		{".", "RFC 1035 section 5.1: the root", Root, nil},
		{"a", "a missing final dot is no error", "\x01a\x00", nil},
		{"a.", "RFC 1035 section 5.1", "\x01a\x00", nil},
		{"WeB.Ns.SVC.Cluster.Local.", "RFC 4343: case means nothing", "\x03web\x02ns\x03svc\x07cluster\x05local\x00", nil},
		{`a\.b.c`, `RFC 1035 section 5.1: \. does not end a label`, "\x03a.b\x01c\x00", nil},
		{`a\\.c`, `RFC 1035 section 5.1: \\ is a backslash`, "\x02a\\\x01c\x00", nil},
		{`\065\000\255`, `RFC 1035 section 5.1: \DDD; RFC 4343 section 2.1: an escape is the octet it spells`, "\x03a\x00\xff\x00", nil},
		{label63, "RFC 1035 section 2.3.4: 63 octets are a label", Name("\x3f" + label63 + "\x00"), nil},
		{label63 + "a", "RFC 1035 section 2.3.4: 64 are not", "", ErrLabelLong},
		{label63 + "a.b", "nor before other labels", "", ErrLabelLong},
		{name255, "RFC 1035 section 2.3.4: 255 octets are a name", Name("\x3f" + label63 + "\x3f" + label63 + "\x3f" + label63 + "\x3d" + strings.Repeat("b", 61) + "\x00"), nil},
		{name255 + "b", "RFC 1035 section 2.3.4: 256 are not", "", ErrNameLong},
		{".a", "only the root's label is empty", "", ErrLabelEmpty},
		{"a..b", "only the root's label is empty", "", ErrLabelEmpty},
		{"..", "only the root's label is empty", "", ErrLabelEmpty},
		{`a\`, "an escape of nothing", "", ErrEscape},
		{`a\25`, "too few digits", "", ErrEscape},
		{`a\256`, "no octet", "", ErrEscape},
		{`a\2x5`, "no number", "", ErrEscape},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseName(tt.text)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseName(%q) = %q, %v, want %q, %v\nreason: %s", tt.text, got, err, tt.want, tt.err, tt.reason)
			}
			if err != nil {
				return
			}
			if again, err := ParseName(got.String()); again != got || err != nil {
				t.Errorf("ParseName(%q) = %q, %v, want the name back: %q", got.String(), again, err, got)
			}
		})
	}
}

func TestMustParseNamePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MustParseName of a bad name returned, want a panic")
		}
	}()
	MustParseName("a..b")
}

func TestNameString(t *testing.T) {
	tests := []struct{ name, want, reason string }{
		{"\x00", ".", "the root"},
		{"\x01a\x02bc\x00", "a.bc.", "with its final dot"},
		{"\x08 .\\\";()@\x00", `\032\.\\\"\;\(\)\@.`, "RFC 1035 section 5.1: what has a meaning in master files is escaped"},
		{"\x03\x00\x7f\xff\x00", `\000\127\255.`, "RFC 1035 section 5.1: what is no visible ASCII is \\DDD"},
		{"\x05_http\x00", "_http.", "underscores are plain"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			if got := Name(tt.name).String(); got != tt.want {
				t.Errorf("String() = %s, want %s\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

func TestNameParts(t *testing.T) {
	n := MustParseName("web-0.nginx.default")
	if got := n.Label(); got != "web-0" {
		t.Errorf("Label() = %q", got)
	}
	if got := n.Parent(); got != MustParseName("nginx.default") {
		t.Errorf("Parent() = %v", got)
	}
	if got := n.Labels(); got != 3 {
		t.Errorf("Labels() = %d, want 3", got)
	}
	if got := Root.Labels(); got != 0 {
		t.Errorf("Root.Labels() = %d, want 0", got)
	}
	if got := Root.Label(); got != "" {
		t.Errorf("Root.Label() = %q, want none", got)
	}
}

func TestNameChild(t *testing.T) {
	long := MustParseName(strings.Repeat(strings.Repeat("a", 61)+".", 4)) // 249 octets
	tests := []struct {
		label  string
		parent Name
		ok     bool
		reason string
	}{
		{"web", MustParseName("default"), true, "an ordinary label"},
		{"com", Root, true, "below the root"},
		{"", Root, false, "RFC 1035 section 2.3.1: the empty label is the root's"},
		{strings.Repeat("x", 63), Root, true, "RFC 1035 section 2.3.4"},
		{strings.Repeat("x", 64), Root, false, "RFC 1035 section 2.3.4"},
		{"abcde", long, true, "RFC 1035 section 2.3.4: 255 octets"},
		{"abcdef", long, false, "RFC 1035 section 2.3.4: 256 octets"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			got, ok := tt.parent.Child(tt.label)
			if ok != tt.ok {
				t.Fatalf("Child(%q) = %q, %v, want %v\nreason: %s", tt.label, got, ok, tt.ok, tt.reason)
			}
			if ok && (got.Label() != tt.label || got.Parent() != tt.parent) {
				t.Errorf("Child(%q) = %v: not that label below that parent", tt.label, got)
			}
		})
	}
}

func TestNameIsBelow(t *testing.T) {
	tests := []struct {
		name, zone string
		want       bool
		reason     string
	}{
		{"cluster.local", "cluster.local", true, "a zone has its apex"},
		{"a.cluster.local", "cluster.local", true, "a child"},
		{"local", "cluster.local", false, "a parent"},
		{"xcluster.local", "cluster.local", false, "labels are compared, and not octets"},
		{`x\007cluster.local`, "cluster.local", false, "nor where the octets of a label look like labels"},
		{"a", ".", true, "all is below the root"},
		{".", "a", false, "the root is below nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.zone, func(t *testing.T) {
			if got := MustParseName(tt.name).IsBelow(MustParseName(tt.zone)); got != tt.want {
				t.Errorf("IsBelow = %v, want %v\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

func TestNameCompare(t *testing.T) {
	// RFC 4034 section 6.1 has this very order, but for its names with upper
	// case, which a Name has not.
	var names []Name
	for _, text := range []string{".", "example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example",
		"z.example", `\001.z.example`, "*.z.example", `\200.z.example`} {
		names = append(names, MustParseName(text))
	}
	got := slices.Clone(names)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, Name.Compare)
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("sorted names (-want +got):\n%s", diff)
	}
	for _, n := range names {
		if n.Compare(n) != 0 {
			t.Errorf("%v.Compare of itself = %d, want 0", n, n.Compare(n))
		}
	}
}

func TestReverseName(t *testing.T) {
	tests := []struct{ addr, want, reason string }{
		{"10.3.0.1", "1.0.3.10.in-addr.arpa.", "specification 2.3.3, its example"},
		{"2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", "specification 2.3.3, its example"},
		{"255.0.255.0", "0.255.0.255.in-addr.arpa.", "RFC 1035 section 3.5: decimal, without leading zeros"},
		{"fedc:ba98:7654:3210:0:ff::", "0.0.0.0.0.0.0.0.f.f.0.0.0.0.0.0.0.1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.ip6.arpa.", "RFC 3596 section 2.5: every nibble"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			got := ReverseName(netip.MustParseAddr(tt.addr))
			if got.String() != tt.want {
				t.Errorf("ReverseName(%s) = %s, want %s\nreason: %s", tt.addr, got, tt.want, tt.reason)
			}
			if !got.IsReverse() {
				t.Errorf("%s.IsReverse() = false", got)
			}
		})
	}
	for text, want := range map[string]bool{"in-addr.arpa": true, "ip6.arpa": true, "10.in-addr.arpa": true, "arpa": false, "cluster.local": false} {
		if got := MustParseName(text).IsReverse(); got != want {
			t.Errorf("%s.IsReverse() = %v, want %v", text, got, want)
		}
	}
}

func TestRcodeString(t *testing.T) {
	for code, want := range map[Rcode]string{
		NoError: "NOERROR", FormErr: "FORMERR", ServFail: "SERVFAIL", NXDomain: "NXDOMAIN", NotImp: "NOTIMP",
		Refused: "REFUSED", NotAuth: "NOTAUTH", BadVers: "BADVERS", 11: "RCODE11", 4095: "RCODE4095",
	} {
		if got := code.String(); got != want {
			t.Errorf("Rcode(%d).String() = %s, want %s", uint16(code), got, want)
		}
	}
}
