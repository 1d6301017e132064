package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Annotations of a Pod that take a decision from kwok and leave it to the test;
// their values do not matter.
const (
	// HoldReady makes the Pod run without becoming ready. SetReady makes it so.
	HoldReady = "rollcall.test/hold-ready"
	// HoldDeletion keeps a deleted Pod, terminating, until the annotation is
	// taken away.
	HoldDeletion = "rollcall.test/hold-deletion"
)

// Namespace makes a namespace for the test, with a name of its own, and deletes
// it when the test ends. Its contents go a little later.
func (c *Cluster) Namespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}
	made, err := c.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.client.CoreV1().Namespaces().Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting the test's namespace: %v", err)
		}
	})
	return made.Name
}

// SetReady writes a Pod's condition Ready, as the kubelet does when a probe's
// result changes.
func (c *Cluster) SetReady(ctx context.Context, namespace, pod string, ready bool) error {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q},{"type":"ContainersReady","status":%q}]}}`, status, status)
	_, err := c.client.CoreV1().Pods(namespace).Patch(ctx, pod, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("setting whether %s/%s is ready: %w", namespace, pod, err)
	}
	return nil
}

// SetAddress writes a Pod's address, as the kubelet does for one that runs. It is for
// a Pod of no node: kwok writes those of the others.
func (c *Cluster) SetAddress(ctx context.Context, namespace, pod, address string) error {
	patch := fmt.Sprintf(`{"status":{"podIP":%q,"podIPs":[{"ip":%q}]}}`, address, address)
	_, err := c.client.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("giving %s/%s the address %s: %w", namespace, pod, address, err)
	}
	return nil
}

// ReleaseDeletion lets a Pod go that HoldDeletion keeps.
func (c *Cluster) ReleaseDeletion(ctx context.Context, namespace, pod string) error {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:null}}}`, HoldDeletion)
	_, err := c.client.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("releasing %s/%s: %w", namespace, pod, err)
	}
	return nil
}

// RunKubectl runs kubectl as the administrator, with input as its standard
// input, and returns what it printed. Its error holds what it complained of.
func (c *Cluster) RunKubectl(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.Kubectl(), args...)
	// A home of its own: kubectl caches what an API server offers by its
	// address, and that address may be another cluster's tomorrow.
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+c.AdminKubeconfig(), "HOME="+c.dir)
	cmd.Stdin = strings.NewReader(input)
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return out.String(), nil
}

// Apply applies manifests (YAML, several documents) on the server's side, into
// one namespace; with "" each into the one that it names.
func (c *Cluster) Apply(ctx context.Context, namespace, manifests string) error {
	args := []string{"apply", "--server-side", "--force-conflicts", "-f", "-"}
	if namespace != "" {
		args = append(args, "-n", namespace)
	}
	_, err := c.RunKubectl(ctx, manifests, args...)
	return err
}
