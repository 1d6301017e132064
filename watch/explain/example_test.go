package explain_test

import (
	"context"
	"fmt"
	"os"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

func Example() {
	ctx := context.Background()
	manifests, err := watch.NewManifests(watch.ManifestsConfig{Paths: []string{"../testdata/explain/service-typo.yaml"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	objects, err := manifests.Read(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	apex, err := zone.ParseName("cluster.local")
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err := zone.New(zone.Config{Zones: []zone.Name{apex}, TTL: zone.DefaultTTL})
	if err != nil {
		fmt.Println(err)
		return
	}
	cluster := explain.NewCluster(explain.Config{
		Zone: z, Kinds: []zone.Kind{zone.Namespaces, zone.Services, zone.EndpointSlices}, Reader: objects,
	})
	report, err := explain.Explain(ctx, cluster, explain.Question{Name: "ngnix.default.svc.cluster.local."})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := report.Print(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ngnix.default.svc.cluster.local. A AAAA: does not resolve.
	//
	//   Namespace default has no Service ngnix.
	//   -> Did you mean Service nginx? nginx.default.svc.cluster.local resolves.
	//
	// The resolver asks, in this order (no search path):
	//
	//   NXDOMAIN ngnix.default.svc.cluster.local.
}
