package minimal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/minimal"
)

func TestParse(t *testing.T) { dnstest.Bare(t, "minimal", minimal.Parse) }

// TestHandler compares answers with those without the handler: all but the
// additional section of a positive answer is the same.
func TestHandler(t *testing.T) {
	plain := &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}
	h := &minimal.Handler{Next: plain}
	tests := []struct {
		name   string
		typ    uint16
		extra  int // records that are left out
		reason string
	}{
		{"_sql._tcp.db.default.svc.cluster.local.", dns.TypeSRV, 3, "addresses of targets are not asked for"},
		{"db.default.svc.cluster.local.", dns.TypeA, 0, "an answer stays"},
		{"in.default.svc.cluster.local.", dns.TypeA, 0, "what a CNAME leads to is of the answer"},
		{"nothing.default.svc.cluster.local.", dns.TypeA, 0, "RFC 2308 section 3: the SOA stays"},
		{"db.default.svc.cluster.local.", dns.TypeAAAA, 0, "RFC 2308 section 3: the SOA stays"},
		{"gone.default.svc.cluster.local.", dns.TypeA, 0, "RFC 2308 section 2.1: the SOA stays behind a CNAME too"},
		{"example.com.", dns.TypeA, 0, "REFUSED stays"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.TypeToString[tt.typ], func(t *testing.T) {
			m := dnstest.EDNS(dnstest.Question(tt.name, tt.typ), 1232)
			want, got := dnstest.Serve(t, plain, m), dnstest.Serve(t, h, m)
			if n := len(want.Extra) - 1; n != tt.extra {
				t.Fatalf("%d additional records without the handler, want %d", n, tt.extra)
			}
			want.Extra = []dns.RR{want.IsEdns0()}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    minimal all\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = minimal.Parse(f.Blocks[0].Directives[0])
	fmt.Println(err)
	// Output: Corefile:2: minimal: takes no arguments, got "all"
}
