package corefile_test

import (
	"fmt"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

func Example() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`
(common) {
    errors
}
cluster.local, 10.96.0.0/12 {
    import common
    kubernetes { ttl 5 }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	block := f.Blocks[0]
	fmt.Println(block.Pos, len(block.Zones()), "zones")
	fmt.Print(f)
	// Output:
	// Corefile:5 17 zones
	// cluster.local:53 10.96.0.0/12:53 {
	//     errors
	//     kubernetes {
	//         ttl 5
	//     }
	// }
}

func ExampleDirective_Options() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`
. {
    cache {
        ttl 9999
    }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var ttl int
	err = f.Blocks[0].Directives[0].Options(corefile.Options{
		"ttl": {Parse: func(o corefile.Directive) (err error) {
			ttl, err = o.Int(0, 3600)
			return err
		}},
	})
	fmt.Println(ttl, err)
	// Output: 0 Corefile:4: ttl: wants an integer, 0 to 3600, got "9999"
}
