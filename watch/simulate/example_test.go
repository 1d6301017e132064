package simulate_test

import (
	"fmt"
	"log"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/watch/simulate"
)

// A StatefulSet and its headless Service become pods with hostnames, and an
// EndpointSlice that has them.
func ExampleWorld_Expand() {
	labels := map[string]string{"app": "nginx"}
	world := simulate.World{
		Objects: []runtime.Object{
			&corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx"},
				Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Selector: labels},
			},
			&appsv1.StatefulSet{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
				Spec: appsv1.StatefulSetSpec{
					ServiceName: "nginx",
					Replicas:    new(int32(3)),
					Template:    corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
				},
			},
		},
		Scale: map[simulate.Workload]int{{Kind: "StatefulSet", Namespace: "default", Name: "web"}: 2},
	}
	cluster, err := world.Expand()
	if err != nil {
		log.Fatal(err)
	}
	for _, slice := range cluster.EndpointSlices {
		for _, e := range slice.Endpoints {
			fmt.Println(*e.Hostname, e.Addresses[0], *e.Conditions.Ready)
		}
	}
	// Output:
	// web-0 10.244.246.69 true
	// web-1 10.244.244.185 true
}
