package kubedns_test

import (
	"fmt"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubedns"
)

// A ConfigMap changes what a Corefile means, and not the Corefile.
func Example() {
	file, err := corefile.Parse("Corefile", strings.NewReader(`.:53 {
    kubernetes cluster.local
    forward . /etc/resolv.conf
    cache 30
}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := kubedns.Parse("kube-system/kube-dns", map[string]string{
		"stubDomains":         `{"acme.local": ["1.2.3.4"]}`,
		"upstreamNameservers": `["8.8.8.8", "8.8.4.4"]`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	both, err := config.Apply(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(both)
	// Output:
	// .:53 {
	//     kubernetes cluster.local
	//     forward acme.local 1.2.3.4
	//     forward . 8.8.8.8 8.8.4.4
	//     cache 30
	// }
}
