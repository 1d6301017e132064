package file_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// signedZone returns a zone as a signer leaves it, but for what is in the
// signatures: each set has one, and each name that the zone has authority for is
// in the chain.
func signedZone() string {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ 3600 IN SOA ns admin 1 1 1 1 60\n")
	b.WriteString("@ IN NS ns\nns IN A 192.0.2.1\na.ent IN A 192.0.2.2\n*.w IN TXT wild\nx.w IN TXT x\n")
	b.WriteString("alias IN CNAME ns\nsafe IN NS ns.safe\nsafe IN DS 1 8 2 00\nns.safe IN A 192.0.2.3\nopen IN NS ns.example.net.\n")
	chain := []string{"example.org.", "alias.example.org.", "a.ent.example.org.", "ns.example.org.", "open.example.org.",
		"safe.example.org.", "*.w.example.org.", "x.w.example.org."}
	for i, name := range chain {
		fmt.Fprintf(&b, "%s 60 IN NSEC %s A RRSIG NSEC\n", name, chain[(i+1)%len(chain)])
		fmt.Fprintln(&b, signature(name, "NSEC", 60))
	}
	for _, s := range []string{"example.org. SOA", "example.org. NS", "ns.example.org. A", "a.ent.example.org. A", "*.w.example.org. TXT",
		"x.w.example.org. TXT", "alias.example.org. CNAME", "safe.example.org. DS"} {
		name, typ, _ := strings.Cut(s, " ")
		fmt.Fprintln(&b, signature(name, typ, 300))
	}
	return b.String()
}

func signature(name, typ string, ttl int) string {
	return fmt.Sprintf("%s %d IN RRSIG %s 8 2 %d 20300101000000 20200101000000 1 example.org. AA==", name, ttl, typ, ttl)
}

// brief returns what a reply says by owner and type: a set and its signature are
// one word, as in "ns/A+".
func brief(m *dns.Msg) string {
	words := []string{dns.RcodeToString[m.Rcode]}
	section := func(rrs []dns.RR) {
		words = append(words, "|")
		for _, rr := range rrs {
			owner := strings.TrimSuffix(strings.TrimSuffix(rr.Header().Name, "example.org."), ".")
			switch rr := rr.(type) {
			case *dns.OPT:
			case *dns.RRSIG:
				words[len(words)-1] += "+"
				if !strings.HasPrefix(words[len(words)-1], owner+"/"+dns.TypeToString[rr.TypeCovered]) {
					words = append(words, "a signature of another set: "+rr.String())
				}
			default:
				words = append(words, owner+"/"+dns.TypeToString[rr.Header().Rrtype])
			}
		}
	}
	section(m.Answer)
	section(m.Ns)
	section(m.Extra)
	return strings.Join(words, " ")
}

func TestDNSSEC(t *testing.T) {
	tests := []struct{ name, typ, want, reason string }{
		{"ns", "A", "NOERROR | ns/A+ | |", "RFC 4035 section 3.1.1: the signature of the answer"},
		{"", "NS", "NOERROR | /NS+ | | ns/A+", "and of additional records"},
		{"alias", "A", "NOERROR | alias/CNAME+ ns/A+ | |", "along a chain"},
		{"ns", "TXT", "NOERROR | | /SOA+ ns/NSEC+ |", "RFC 4035 section 3.1.3.1: which types there are"},
		{"none", "A", "NXDOMAIN | | /SOA+ a.ent/NSEC+ /NSEC+ |", "RFC 4035 section 3.1.3.2: neither the name nor a wildcard"},
		{"zzz", "A", "NXDOMAIN | | /SOA+ x.w/NSEC+ /NSEC+ |", "past the end of the chain"},
		{"ent", "A", "NOERROR | | /SOA+ alias/NSEC+ |", "an empty non-terminal has no NSEC record, but one leads across it"},
		{"y.w", "TXT", "NOERROR | y.w/TXT+ | x.w/NSEC+ |", "RFC 4035 section 3.1.3.3: that the wildcard may stand for the name"},
		{"y.w", "A", "NOERROR | | /SOA+ *.w/NSEC+ x.w/NSEC+ |", "RFC 4035 section 3.1.3.4"},
		{"x.safe", "A", "NOERROR | | safe/NS safe/DS+ | ns.safe/A", "RFC 4035 section 3.1.4: a signed delegation; glue is not signed"},
		{"x.open", "A", "NOERROR | | open/NS open/NSEC+ |", "and one that is not"},
		{"ns", "NSEC", "NOERROR | ns/NSEC+ | |", "asked for by itself"},
	}
	h := start(t, signedZone(), nil, nil)
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.typ, func(t *testing.T) {
			name := strings.TrimPrefix(tt.name+".example.org.", ".")
			m := dnstest.Question(name, dns.StringToType[tt.typ]).SetEdns0(1232, true)
			r := dnstest.Serve(t, h, m)
			if diff := cmp.Diff(tt.want, brief(r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
	t.Run("ns RRSIG", func(t *testing.T) {
		if r := dnstest.Serve(t, h, dnstest.Question("ns.example.org.", dns.TypeRRSIG)); len(r.Answer) != 2 {
			t.Errorf("the signatures of a name, asked for: %v", r)
		}
	})
	t.Run("without DO", func(t *testing.T) {
		want := "NXDOMAIN | | /SOA |"
		if diff := cmp.Diff(want, brief(dnstest.Serve(t, h, dnstest.Question("none.example.org.", dns.TypeA)))); diff != "" {
			t.Errorf("RFC 3225 section 3: only who asks gets them (-want +got):\n%s", diff)
		}
	})
}
