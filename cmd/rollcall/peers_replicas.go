package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/rollcall-dns/rollcall/watch"
)

// replicas asks the API how many pods the StatefulSets of a Service want.
type replicas struct {
	client    rest.Interface
	namespace string
	service   string
}

// namespaceFile tells a pod its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// newReplicas connects to nothing yet.
func newReplicas(f *peersFlags) (*replicas, error) {
	cluster := watch.KubernetesConfig{Kubeconfig: f.kubeconfig, Context: f.context}
	config, err := cluster.RESTConfig()
	switch {
	case err != nil && f.kubeconfig == "":
		return nil, fmt.Errorf("-wait replicas asks an API server; name a -kubeconfig, or a number of peers: %w", err)
	case err != nil:
		return nil, fmt.Errorf("-kubeconfig %w", err)
	}
	scheme := runtime.NewScheme()
	if err := appsv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	group := appsv1.SchemeGroupVersion
	config.GroupVersion, config.APIPath = &group, "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	version, _ := buildVersion()
	config.UserAgent = "rollcall/" + version
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	r := &replicas{client: client}
	labels := strings.Split(strings.TrimSuffix(f.service, "."), ".")
	r.service, r.namespace = labels[0], f.namespace
	if len(labels) > 1 {
		r.namespace = labels[1]
	}
	if r.namespace == "" {
		own, _ := os.ReadFile(namespaceFile) // if this is no pod, it is not there
		r.namespace = cmp.Or(os.Getenv("POD_NAMESPACE"), strings.TrimSpace(string(own)), "default")
	}
	return r, nil
}

// count returns how many pods are wanted.
func (r *replicas) count(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var list appsv1.StatefulSetList
	if err := r.client.Get().Namespace(r.namespace).Resource("statefulsets").Do(ctx).Into(&list); err != nil {
		return 0, fmt.Errorf("listing the StatefulSets of the namespace %s: %w", r.namespace, err)
	}
	total, found := 0, false
	for _, set := range list.Items {
		if set.Spec.ServiceName != r.service {
			continue
		}
		found = true
		if set.Spec.Replicas == nil {
			total++ // the API's default
		} else {
			total += int(*set.Spec.Replicas)
		}
	}
	if !found {
		return 0, fmt.Errorf("no StatefulSet of the namespace %s has the serviceName %s", r.namespace, r.service)
	}
	return total, nil
}

// follow sends how many pods are wanted, and again when that changes, until ctx
// ends. What goes wrong is told and tried again.
func (r *replicas) follow(ctx context.Context, failed func(error)) <-chan int {
	const pause = 2 * time.Second
	counts := make(chan int)
	go func() {
		last := -1
		for ctx.Err() == nil {
			n, err := r.count(ctx)
			switch {
			case err != nil:
				if ctx.Err() == nil {
					failed(err)
				}
			case n != last:
				last = n
				select {
				case counts <- n:
				case <-ctx.Done():
				}
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}()
	return counts
}
