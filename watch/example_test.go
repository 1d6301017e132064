package watch_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
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

// A program changes what is served. Nothing need be in files.
func ExampleManifests_SetReady() {
	source, err := watch.NewManifests(watch.ManifestsConfig{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	err = source.ApplyText("web.yaml", []byte(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
`))
	if err != nil {
		log.Fatal(err)
	}
	if err := source.SetReady("default", "web", false); err != nil {
		log.Fatal(err)
	}
	fmt.Println(source.SetReady("default", "web-2", false))

	events, err := source.Load(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range events {
		for _, o := range e.Objects {
			if s, ok := o.(*zone.EndpointSlice); ok {
				fmt.Println(s.Endpoints[0].Pod, "is ready:", s.Endpoints[0].Ready)
			}
		}
	}
	// Output:
	// there is no Pod default/web-2; pods there are web
	// web is ready: false
}
