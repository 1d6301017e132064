package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The shape of the world.
const (
	namespaces      = 50
	headlessEvery   = 10 // Services
	endpointsEach   = 10
	portName        = "http"
	portNumber      = 80
	clusterIPBase   = "10.97.0.0"  // in the range of the test cluster's Services
	endpointAddBase = "10.128.0.0" // outside of it
)

// A service is one Service of the world, and all that follows from it.
type service struct {
	name, namespace string
	headless        bool
	object          *corev1.Service
	slice           *discoveryv1.EndpointSlice
}

// newWorld returns n Services with their EndpointSlices, the same each time. No
// Service has a selector, so that no controller writes slices of its own.
func newWorld(n int) []service {
	world := make([]service, n)
	vip := netip.MustParseAddr(clusterIPBase)
	address := netip.MustParseAddr(endpointAddBase)
	protocol, number, port := corev1.ProtocolTCP, int32(portNumber), portName
	ready := true
	for i := range world {
		s := &world[i]
		*s = service{
			name:      fmt.Sprintf("svc-%d", i),
			namespace: fmt.Sprintf("ns-%d", i%namespaces),
			headless:  i%headlessEvery == 0,
		}
		vip = vip.Next()
		clusterIP := vip.String()
		if s.headless {
			clusterIP = corev1.ClusterIPNone
		}
		s.object = &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name},
			Spec: corev1.ServiceSpec{
				ClusterIP: clusterIP,
				Ports:     []corev1.ServicePort{{Name: port, Port: number, Protocol: protocol}},
			},
		}
		s.slice = &discoveryv1.EndpointSlice{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.namespace, Name: s.name + "-0",
				Labels: map[string]string{discoveryv1.LabelServiceName: s.name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number, Protocol: &protocol}},
		}
		for e := range endpointsEach {
			address = address.Next()
			endpoint := discoveryv1.Endpoint{
				Addresses:  []string{address.String()},
				Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			}
			if s.headless { // a StatefulSet's pods have hostnames, a Deployment's have not
				hostname := fmt.Sprintf("pod-%d", e)
				endpoint.Hostname = &hostname
			}
			s.slice.Endpoints = append(s.slice.Endpoints, endpoint)
		}
	}
	return world
}

// writeManifests writes the world into dir, a file for each namespace, as JSON,
// which is YAML too.
func writeManifests(dir string, world []service) error {
	files := make(map[string][]byte)
	for _, s := range world {
		for _, object := range []any{s.object, s.slice} {
			text, err := json.Marshal(object)
			if err != nil {
				return fmt.Errorf("encoding %s/%s: %w", s.namespace, s.name, err)
			}
			files[s.namespace] = append(append(append(files[s.namespace], "---\n"...), text...), '\n')
		}
	}
	for namespace, text := range files {
		if err := os.WriteFile(filepath.Join(dir, namespace+".yaml"), text, 0o644); err != nil {
			return fmt.Errorf("writing a manifest: %w", err)
		}
	}
	return nil
}
