package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// writers is how many requests are under way at once; more do not make the API
// server faster.
const writers = 32

// fill writes the world to an API server, which takes a minute or two for the
// whole one.
func fill(ctx context.Context, client kubernetes.Interface, world []service) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	made := make(map[string]bool)
	for _, s := range world {
		if made[s.namespace] {
			continue
		}
		made[s.namespace] = true
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
		if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating namespace %s: %w", s.namespace, err)
		}
	}
	work := make(chan service)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for s := range work {
				_, err := client.CoreV1().Services(s.namespace).Create(ctx, s.object, metav1.CreateOptions{})
				if err == nil {
					_, err = client.DiscoveryV1().EndpointSlices(s.namespace).Create(ctx, s.slice, metav1.CreateOptions{})
				}
				if err != nil {
					cancel(fmt.Errorf("creating %s/%s: %w", s.namespace, s.name, err))
				}
			}
		})
	}
	for _, s := range world {
		select {
		case work <- s:
		case <-ctx.Done():
		}
	}
	close(work)
	group.Wait()
	return context.Cause(ctx)
}
