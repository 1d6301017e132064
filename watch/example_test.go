package watch_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// Manifests can be loaded once, with no cluster and no sink.
func ExampleManifests_Load() {
	source, err := watch.NewManifests(watch.ManifestsConfig{
		Paths: []string{"-"},
		Stdin: strings.NewReader(`
apiVersion: v1
kind: Service
metadata: {name: nginx, namespace: prod}
spec:
  clusterIP: None
  ports: [{name: web, port: 80}]
`),
	})
	if err != nil {
		log.Fatal(err)
	}
	events, err := source.Load(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range events {
		for _, o := range e.Objects {
			fmt.Println(e.Kind, o.Key())
			if s, ok := o.(*zone.Service); ok {
				fmt.Println("headless:", s.Type == zone.Headless)
			}
		}
	}
	// Output:
	// namespaces { prod}
	// services {prod nginx}
	// headless: true
}
