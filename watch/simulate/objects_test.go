package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The objects of these tests are in the namespace ns, and have the label app
// with the value that they are made with.
const ns = "ns"

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: ns, Name: name} }

func app(value string) map[string]string { return map[string]string{"app": value} }

func template(value string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app(value)}}
}

func selectorOf(value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: app(value)}
}

func headlessService(name, selects string) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta(name), Spec: corev1.ServiceSpec{ClusterIP: "None", Selector: app(selects)}}
}

func statefulSet(name, service string, replicas int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: meta(name), Spec: appsv1.StatefulSetSpec{
		ServiceName: service, Replicas: &replicas, Selector: selectorOf(name), Template: template(name),
	}}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta(name), Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: selectorOf(name), Template: template(name),
	}}
}

func replicaSet(name string, replicas int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{ObjectMeta: meta(name), Spec: appsv1.ReplicaSetSpec{
		Replicas: &replicas, Selector: selectorOf(name), Template: template(name),
	}}
}

func daemonSet(name string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{ObjectMeta: meta(name), Spec: appsv1.DaemonSetSpec{Selector: selectorOf(name), Template: template(name)}}
}

func job(name string, change func(*batchv1.JobSpec)) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: meta(name), Spec: batchv1.JobSpec{Template: template(name)}}
	if change != nil {
		change(&j.Spec)
	}
	return j
}

func node(name string, change func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	if change != nil {
		change(n)
	}
	return n
}

// written is a Pod that stands in a manifest.
func written(name, value string, change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta(name)}
	p.Labels = app(value)
	if change != nil {
		change(p)
	}
	return p
}

// ownedBy returns the owner reference of a controller.
func ownedBy(kind, name string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, Controller: new(true)}}
}

func expand(t *testing.T, w *World) *Cluster {
	t.Helper()
	c, err := w.Expand()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func expandAll(t *testing.T, objects ...runtime.Object) *Cluster {
	t.Helper()
	return expand(t, &World{Objects: objects})
}

// podNames returns the names of a Cluster's pods, in order.
func podNames(c *Cluster) string {
	var out []string
	for _, p := range c.Pods {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// addressOf returns a pod's or Service's addresses.
func addressOf(t *testing.T, c *Cluster, name string) string {
	t.Helper()
	for _, p := range c.Pods {
		if p.Name == name {
			return fmt.Sprint(p.Status.PodIPs)
		}
	}
	for _, s := range c.Services {
		if s.Name == name {
			return fmt.Sprint(s.Spec.ClusterIPs)
		}
	}
	t.Fatalf("there is no %s in %s", name, podNames(c))
	return ""
}

// describe writes the slices of a Service, a line for each endpoint: family,
// ports, what the endpoint is called, and its conditions.
func describe(c *Cluster, service string) string {
	var out []string
	for _, s := range c.EndpointSlices {
		if s.Labels["kubernetes.io/service-name"] != service {
			continue
		}
		var ports []string
		for _, p := range s.Ports {
			ports = append(ports, fmt.Sprintf("%s=%d/%s", *p.Name, *p.Port, *p.Protocol))
		}
		at := string(s.AddressType) + " " + strings.Join(ports, ",")
		if len(s.Endpoints) == 0 {
			out = append(out, at+" none")
		}
		for _, e := range s.Endpoints {
			line := at + " " + e.TargetRef.Name
			if e.Hostname != nil {
				line += " host:" + *e.Hostname
			}
			if e.Zone != nil {
				line += " zone:" + *e.Zone
			}
			for _, c := range []struct {
				name string
				is   *bool
			}{{"ready", e.Conditions.Ready}, {"serving", e.Conditions.Serving}, {"terminating", e.Conditions.Terminating}} {
				if *c.is {
					line += " " + c.name
				}
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func sortedLabels(m map[string]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}
