package bufsize_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/bufsize"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   uint16
		err    string
		reason string
	}{
		{"bufsize", 1232, "", "DNS flag day 2020"},
		{"bufsize 512", 512, "", "the least: RFC 6891 section 6.2.3"},
		{"bufsize 4096", 4096, "", "the most"},
		{"bufsize 511", 0, `Corefile:2: bufsize: wants an integer, 512 to 4096, got "511"`, "RFC 6891 section 6.2.3"},
		{"bufsize 4097", 0, `Corefile:2: bufsize: wants an integer, 512 to 4096, got "4097"`, "too much"},
		{"bufsize big", 0, `Corefile:2: bufsize: wants an integer, 512 to 4096, got "big"`, "no number"},
		{"bufsize 512 1232", 0, `Corefile:2: bufsize: wants an integer, 512 to 4096, got "512" "1232"`, "one is for both families"},
		{"bufsize {\nipv6 512\n}", 0, `Corefile:3: bufsize takes no options in braces, got "ipv6"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := bufsize.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text, c = err.Error(), bufsize.Config{}
			}
			if diff := cmp.Diff(tt.err, text); diff != "" || c.Size != tt.want {
				t.Errorf("%s: size %d, want %d (-want +got):\n%s", tt.reason, c.Size, tt.want, diff)
			}
		})
	}
}

// full is a handler whose answer is as long as it may be, to the record.
type full struct{}

// recordLen is the length of an A record.
const recordLen = 16

func (full) Serve(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
	one := wire.AppendRR(nil, wire.TypeA, 5, []byte{10, 0, 0, 1})
	for r.Records(wire.Answer, wire.Question, one) && r.Size() < 1<<14 {
	}
	return resolver.Answered
}

func TestHandler(t *testing.T) {
	tests := []struct {
		name      string
		size      uint16 // configured
		client    uint16 // 0 without EDNS
		transport resolver.Transport
		want      int // the most octets; 0 for no limit
		reason    string
	}{
		{"default", 0, 4096, resolver.UDP, 1232, "DNS flag day 2020"},
		{"lowered", 700, 4096, resolver.UDP, 700, "the directive's size"},
		{"raised", 4096, 4096, resolver.UDP, 4096, "the directive's size"},
		{"client takes less", 4096, 1400, resolver.UDP, 1400, "RFC 6891 section 6.2.4: what the requestor takes"},
		{"client takes next to nothing", 4096, 100, resolver.UDP, 512, "RFC 6891 section 6.2.3: less than 512 is 512"},
		{"no EDNS", 4096, 0, resolver.UDP, 512, "RFC 1035 section 4.2.1"},
		{"TCP", 512, 512, resolver.TCP, 0, "a stream has no such limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Question("example.com.", dns.TypeA)
			if tt.client > 0 {
				dnstest.EDNS(m, tt.client)
			}
			x := dnstest.Exchange()
			x.Query.Transport = tt.transport
			responder := resolver.Responder{Handler: bufsize.New(bufsize.Config{Size: tt.size}, full{})}
			out := responder.Respond(x, dnstest.Pack(t, m), nil)
			r := dnstest.Unpack(t, out)
			if tt.want == 0 {
				if r.Truncated || len(out) < 1<<14 {
					t.Errorf("%s: %d octets, TC %t", tt.reason, len(out), r.Truncated)
				}
			} else if !r.Truncated || len(out) > tt.want || len(out) <= tt.want-recordLen {
				t.Errorf("%s: %d octets, TC %t, want the most that fit in %d", tt.reason, len(out), r.Truncated, tt.want)
			}
			said := tt.size
			if said == 0 {
				said = wire.MaxUDP
			}
			if opt := r.IsEdns0(); opt != nil && opt.UDPSize() != said {
				t.Errorf("the OPT record says %d, want %d", opt.UDPSize(), said)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    bufsize 9000\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bufsize.Parse(f.Blocks[0].Directives[0])
	fmt.Println(err)
	// Output: Corefile:2: bufsize: wants an integer, 512 to 4096, got "9000"
}
