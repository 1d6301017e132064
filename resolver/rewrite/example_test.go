package rewrite_test

import (
	"fmt"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/rewrite"
)

func Example() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`example.com {
		rewrite name suffix .example.com .default.svc.cluster.local answer auto
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := rewrite.Parse(f.Blocks[0].Directives[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	next := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		fmt.Println(nameText(q))
		return resolver.NoData
	})
	responder := resolver.Responder{Handler: rewrite.New([]rewrite.Config{config}, next)}
	packet := "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x07example\x03com\x00\x00\x01\x00\x01"
	responder.Respond(new(resolver.Exchange), []byte(packet), nil)
	// Output: web.default.svc.cluster.local.
}
