package clientset

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

func TestFakeClientset(t *testing.T) {
	client := fake.NewClientset(headless("web"), statefulSet("web", 2))
	srv := resolvertest.NewServer(t,
		resolvertest.Follow(client.CoreV1().Services("")),
		resolvertest.Follow(client.AppsV1().StatefulSets("")))
	if n := peers(srv); n != 2 {
		t.Errorf("%d peers, want 2", n)
	}
	// What the program under test does by the clientset shows soon.
	_, err := client.AppsV1().StatefulSets("default").Update(t.Context(), statefulSet("web", 3), metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, srv, 3)
	if err := client.CoreV1().Services("default").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, srv, 0)
}

// peers returns how many peers web has.
func peers(srv *resolvertest.Server) int {
	addrs, _ := srv.ResolverIn("default").LookupHost(context.Background(), "web")
	return len(addrs)
}

// await waits until web has so many peers.
func await(t *testing.T, srv *resolvertest.Server, want int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); peers(srv) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d peers, want %d", peers(srv), want)
		}
	}
}

func headless(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: "None", Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

func statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	labels := map[string]string{"app": name}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, ServiceName: name, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
}
