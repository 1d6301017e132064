package any_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/any"
)

func TestParse(t *testing.T) { dnstest.Bare(t, "any", any.Parse) }

func TestHandler(t *testing.T) {
	h := any.New(resolver.Refuse{})
	tests := []struct {
		typ, class uint16
		rcode      int
		want       []string
		reason     string
	}{
		{dns.TypeANY, dns.ClassINET, dns.RcodeSuccess, []string{`Name.example. 8482 IN HINFO "ANY obsoleted" "See RFC 8482"`}, "RFC 8482 section 4.2"},
		{dns.TypeA, dns.ClassINET, dns.RcodeRefused, nil, "other types are the next handler's"},
		{dns.TypeHINFO, dns.ClassINET, dns.RcodeRefused, nil, "RFC 8482 section 4.2: the record is not there for those who ask for it"},
		{dns.TypeANY, dns.ClassCHAOS, dns.RcodeRefused, nil, "the record is of class IN"},
	}
	for _, tt := range tests {
		t.Run(dns.ClassToString[tt.class]+" "+dns.TypeToString[tt.typ], func(t *testing.T) {
			m := dnstest.Question("Name.example.", tt.typ)
			m.Question[0].Qclass = tt.class
			r := dnstest.Serve(t, h, m)
			if diff := cmp.Diff(tt.want, dnstest.Text(r.Answer)); diff != "" || r.Rcode != tt.rcode {
				t.Errorf("%s: rcode %d, want %d (-want +got):\n%s", tt.reason, r.Rcode, tt.rcode, diff)
			}
			if r.Authoritative || len(r.Ns)+len(r.Extra) > 0 {
				t.Errorf("the record and nothing else, without authority:\n%v", r)
			}
		})
	}
}

func ExampleHandler() {
	responder := resolver.Responder{Handler: any.New(resolver.Refuse{})}
	packet, err := new(dns.Msg).SetQuestion("example.com.", dns.TypeANY).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	var reply dns.Msg
	if err := reply.Unpack(responder.Respond(new(resolver.Exchange), packet, nil)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Answer[0].(*dns.HINFO).Os)
	// Output: See RFC 8482
}
