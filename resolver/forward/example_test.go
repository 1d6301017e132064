package forward_test

import (
	"fmt"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`
. {
    forward . tls://192.0.2.1 192.0.2.2 {
        tls_servername dns.example
        max_concurrent 1000
    }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := forward.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.To, c.ServerName, c.MaxConcurrent, c.ReadTimeout, err)
	// Output: [tls://192.0.2.1:853 192.0.2.2:53] dns.example 1000 2s <nil>
}
