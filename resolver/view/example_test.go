package view_test

import (
	"fmt"
	"log"
	"net/netip"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/view"
	"github.com/rollcall-dns/rollcall/zone"
)

func Example() {
	file, err := corefile.Parse("Corefile", strings.NewReader(`
. {
    view inside {
        expr incidr(client_ip(), '10.0.0.0/8')
    }
}`))
	if err != nil {
		log.Fatal(err)
	}
	config, err := view.Parse(file.Blocks[0].Directives[0])
	if err != nil {
		log.Fatal(err)
	}
	says := func(who string) resolver.Handler {
		return resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
			fmt.Println(q.Client.Addr(), "is answered by the", who)
			return resolver.NoData
		})
	}
	mux := &resolver.Mux{Otherwise: resolver.Refuse{}}
	mux.Handle(zone.Name("\x00"), view.New(config, says("block with the view")))
	mux.Handle(zone.Name("\x00"), says("block without"))
	responder := resolver.Responder{Handler: mux}
	for _, client := range []string{"10.1.2.3:53", "192.0.2.1:53"} {
		var x resolver.Exchange
		x.Query.Client = netip.MustParseAddrPort(client)
		responder.Respond(&x, []byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), nil)
	}
	// Output:
	// 10.1.2.3 is answered by the block with the view
	// 192.0.2.1 is answered by the block without
}
