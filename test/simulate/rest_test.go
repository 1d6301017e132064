package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var errNotYet = errors.New("not yet")

// atRest returns an error while a controller, the scheduler or the kubelet has
// something left to do in a namespace.
func atRest(ctx context.Context, namespace string) error {
	client, all := shared.Client(), metav1.ListOptions{}
	var errs []error
	need := func(kind string, m *metav1.ObjectMeta, observed int64, have, want int32) {
		if observed < m.Generation || have != want {
			errs = append(errs, fmt.Errorf("%w: %s %s has %d pods of %d", errNotYet, kind, m.Name, have, want))
		}
	}
	deployments, err := client.AppsV1().Deployments(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		need("Deployment", &d.ObjectMeta, d.Status.ObservedGeneration, d.Status.Replicas, *d.Spec.Replicas)
	}
	sets, err := client.AppsV1().ReplicaSets(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range sets.Items {
		s := &sets.Items[i]
		need("ReplicaSet", &s.ObjectMeta, s.Status.ObservedGeneration, s.Status.Replicas, *s.Spec.Replicas)
	}
	controllers, err := client.CoreV1().ReplicationControllers(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range controllers.Items {
		c := &controllers.Items[i]
		need("ReplicationController", &c.ObjectMeta, c.Status.ObservedGeneration, c.Status.Replicas, *c.Spec.Replicas)
	}
	stateful, err := client.AppsV1().StatefulSets(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range stateful.Items {
		s := &stateful.Items[i]
		need("StatefulSet", &s.ObjectMeta, s.Status.ObservedGeneration, s.Status.Replicas, *s.Spec.Replicas)
	}
	daemons, err := client.AppsV1().DaemonSets(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range daemons.Items {
		d := &daemons.Items[i]
		need("DaemonSet", &d.ObjectMeta, d.Status.ObservedGeneration, d.Status.CurrentNumberScheduled, d.Status.DesiredNumberScheduled)
	}
	jobs, err := client.BatchV1().Jobs(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range jobs.Items {
		j := &jobs.Items[i]
		if j.Status.Active == 0 && (j.Spec.Suspend == nil || !*j.Spec.Suspend) {
			errs = append(errs, fmt.Errorf("%w: Job %s has no pod", errNotYet, j.Name))
		}
	}
	pods, err := client.CoreV1().Pods(namespace).List(ctx, all)
	if err != nil {
		return err
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Status.PodIP == "" && !unschedulable(p) {
			errs = append(errs, fmt.Errorf("%w: Pod %s has no address", errNotYet, p.Name))
		}
	}
	return errors.Join(errs...)
}

// unschedulable reports whether the scheduler has said that a pod fits no node.
func unschedulable(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return true
		}
	}
	return false
}

// claims is how many volumes an example's set may claim.
const claims = 6

// provide makes volumes for a text with claims, since no storage is here that
// would: a pod whose claim is not bound is not scheduled.
func provide(ctx context.Context, t *testing.T, namespace, text string) {
	t.Helper()
	if !strings.Contains(text, "volumeClaimTemplates") {
		return
	}
	volumes := shared.Client().CoreV1().PersistentVolumes()
	for i := range claims {
		name := fmt.Sprintf("%s-%d", namespace, i)
		_, err := volumes.Create(ctx, &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.PersistentVolumeSpec{
				Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Ti")},
				AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nowhere"}},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatalf("making a volume: %v", err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := volumes.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
				t.Errorf("deleting a volume: %v", err)
			}
		})
	}
}
