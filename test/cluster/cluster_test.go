package cluster_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/process"
)

var shared *cluster.Cluster

func TestMain(m *testing.M) {
	cluster.Main(m, func(_ context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		return nil, nil
	})
}

// The tutorial's headless Service and StatefulSet, in both families.
const tutorial = `
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec:
  clusterIP: None
  ipFamilyPolicy: RequireDualStack
  selector: {app: nginx}
  ports: [{name: web, port: 80}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: nginx, image: nginx}]}
`

func TestStatefulSetRollsOut(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, tutorial)
	want := []string{"web-0 ready", "web-1 ready", "web-2 ready"}
	eventually(t, "an endpoint of each family for each pod", func(ctx context.Context) error {
		for family, is := range map[discoveryv1.AddressType]func(netip.Addr) bool{
			discoveryv1.AddressTypeIPv4: netip.Addr.Is4, discoveryv1.AddressTypeIPv6: netip.Addr.Is6,
		} {
			endpoints, err := endpointsOf(ctx, ns, "nginx", family)
			if err != nil {
				return err
			}
			var got []string
			for _, e := range endpoints {
				got = append(got, describe(e))
				for _, a := range e.Addresses {
					if addr, err := netip.ParseAddr(a); err != nil || !is(addr) {
						return fmt.Errorf("%s is no %s address", a, family)
					}
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%s endpoints (-want +got):\n%s", family, diff)
			}
		}
		return nil
	})
}

func TestHolds(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: held}
spec: {clusterIP: None, selector: {app: held}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  labels: {app: held}
  annotations: {rollcall.test/hold-ready: "", rollcall.test/hold-deletion: ""}
spec: {hostname: p, subdomain: held, containers: [{name: c, image: c}]}
`)
	ctx := t.Context()
	steps := []struct {
		name   string
		do     func() error
		want   []string
		reason string
	}{
		{"created", func() error { return nil }, []string{"p not ready"}, "HoldReady"},
		{"made ready", func() error { return shared.SetReady(ctx, ns, "p", true) }, []string{"p ready"}, "SetReady"},
		{"deleted", func() error {
			return shared.Client().CoreV1().Pods(ns).Delete(ctx, "p", metav1.DeleteOptions{})
		}, []string{"p not ready serving terminating"}, "HoldDeletion"},
		{"released", func() error { return shared.ReleaseDeletion(ctx, ns, "p") }, nil, "ReleaseDeletion"},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		eventually(t, step.name, func(ctx context.Context) error {
			endpoints, err := endpointsOf(ctx, ns, "held", discoveryv1.AddressTypeIPv4)
			if err != nil {
				return err
			}
			var got []string
			for _, e := range endpoints {
				got = append(got, describe(e))
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				return fmt.Errorf("%s: endpoints (-want +got):\n%s", step.reason, diff)
			}
			return nil
		})
	}
}

func TestKubeconfigIsBoundByRBAC(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [services], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
`)
	path, err := shared.Kubeconfig(t.Context(), ns, "reader")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	// The authorizer learns of the binding from a watch.
	eventually(t, "the granted verb works", func(ctx context.Context) error {
		_, err := client.CoreV1().Services(ns).List(ctx, metav1.ListOptions{})
		return err
	})
	if _, err := client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing pods, which the Role does not grant: got error %v, want forbidden", err)
	}
	if _, err := client.CoreV1().Services("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing in another namespace: got error %v, want forbidden", err)
	}
}

// TestAPIServerRestarts is not parallel, so that no other test runs meanwhile.
func TestAPIServerRestarts(t *testing.T) {
	ctx := t.Context()
	ns := shared.Namespace(t)
	if err := shared.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{}); err == nil {
		t.Error("the API server answers though it is stopped")
	}
	if err := shared.StartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{}); err != nil {
		t.Errorf("what was written before the restart: %v", err)
	}
	apply(t, ns, tutorial)
	eventually(t, "the controllers have come back", func(ctx context.Context) error {
		endpoints, err := endpointsOf(ctx, ns, "nginx", discoveryv1.AddressTypeIPv4)
		if err == nil && len(endpoints) != 3 {
			err = fmt.Errorf("%d endpoints, want 3", len(endpoints))
		}
		return err
	})
}

func apply(t *testing.T, namespace, manifests string) {
	t.Helper()
	if err := shared.Apply(t.Context(), namespace, manifests); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for check to succeed, for a minute.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	if err := process.Within(t.Context(), time.Minute, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func endpointsOf(ctx context.Context, namespace, service string, family discoveryv1.AddressType) ([]discoveryv1.Endpoint, error) {
	list, err := shared.Client().DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service,
	})
	if err != nil {
		return nil, err
	}
	var endpoints []discoveryv1.Endpoint
	for _, slice := range list.Items {
		if slice.AddressType == family {
			endpoints = append(endpoints, slice.Endpoints...)
		}
	}
	return endpoints, nil
}

func describe(e discoveryv1.Endpoint) string {
	name := "?"
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		name = e.TargetRef.Name
	}
	if set(e.Conditions.Ready) {
		name += " ready"
	} else {
		name += " not ready"
		if set(e.Conditions.Serving) {
			name += " serving"
		}
	}
	if set(e.Conditions.Terminating) {
		name += " terminating"
	}
	return name
}

func set(b *bool) bool { return b != nil && *b }
