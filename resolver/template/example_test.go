package template_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/template"
)

func Example() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`example {
		template IN A {
			match ^ip-(\d+)-(\d+)-(\d+)-(\d+)\.
			answer "{{ .Name }} 60 IN A {{ join .Match }}"
		}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = template.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
	fmt.Println(err)

	var h resolver.Handler = template.New(nil, template.Deps{}, resolver.Refuse{})
	responder := resolver.Responder{Handler: h}
	query, err := new(dns.Msg).SetQuestion("a.example.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(responder.Respond(new(resolver.Exchange), query, nil)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dns.RcodeToString[reply.Rcode])
	// Output:
	// Corefile:4: answer: template: answer:1: function "join" not defined
	// REFUSED
}
