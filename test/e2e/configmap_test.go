package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// A configMap is the ConfigMap of kube-dns, in a namespace of its own, and a rollcall
// that follows it, with kubeadm's Corefile.
type configMap struct {
	t                  *testing.T
	namespace, account string // the account is in the namespace
	kubeconfig         string // the account's
	server             *rollcall.Server
	metrics            string // host:port
}

// newConfigMap makes a namespace, and an account in it with all rights that the
// kustomize base gives. The ConfigMap is not there yet, nor the right to it.
func newConfigMap(t *testing.T) *configMap {
	t.Helper()
	needsRollcall(t)
	c := &configMap{t: t, namespace: shared.Namespace(t), account: "dns"}
	apply(t, c.namespace, fmt.Sprintf(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: dns}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: rollcall}
subjects: [{kind: ServiceAccount, name: dns, namespace: %[1]s}]
`, c.namespace))
	t.Cleanup(func() {
		if err := shared.Client().RbacV1().ClusterRoleBindings().Delete(context.Background(), c.namespace, metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting the test's ClusterRoleBinding: %v", err)
		}
	})
	var err error
	if c.kubeconfig, err = shared.Kubeconfig(t.Context(), c.namespace, c.account); err != nil {
		t.Fatal(err)
	}
	return c
}

// component returns what the component of deploy/kustomize makes in an overlay: the
// right to the ConfigMap, and the arguments of the container.
func component(t *testing.T) (role rbacv1.Role, binding rbacv1.RoleBinding, args []string) {
	t.Helper()
	dir := t.TempDir()
	base, err := filepath.Abs(*deploy)
	if err == nil {
		base, err = filepath.Rel(dir, base)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [%[1]s]\ncomponents: [%[1]s/kube-dns-configmap]\n", base)
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := shared.RunKubectl(t.Context(), "", "kustomize", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range strings.Split(all, "\n---\n") {
		var object struct {
			Kind string
			Spec struct{ Template corev1.PodTemplateSpec }
		}
		err := yaml.Unmarshal([]byte(doc), &object)
		switch object.Kind {
		case "Role":
			err = yaml.Unmarshal([]byte(doc), &role)
		case "RoleBinding":
			err = yaml.Unmarshal([]byte(doc), &binding)
		case "Deployment":
			args = object.Spec.Template.Spec.Containers[0].Args
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return role, binding, args
}

// grant gives the account the right that the component gives, to this ConfigMap, until
// the test ends.
func (c *configMap) grant() {
	c.t.Helper()
	role, binding, _ := component(c.t)
	role.Namespace, binding.Namespace = c.namespace, c.namespace
	binding.Subjects[0].Namespace, binding.Subjects[0].Name = c.namespace, c.account
	roles, bindings := shared.Client().RbacV1().Roles(c.namespace), shared.Client().RbacV1().RoleBindings(c.namespace)
	_, err := roles.Create(c.t.Context(), &role, metav1.CreateOptions{})
	if err == nil {
		_, err = bindings.Create(c.t.Context(), &binding, metav1.CreateOptions{})
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		err := errors.Join(
			bindings.Delete(context.Background(), binding.Name, metav1.DeleteOptions{}),
			roles.Delete(context.Background(), role.Name, metav1.DeleteOptions{}))
		if err != nil {
			c.t.Errorf("taking back the right to the ConfigMap: %v", err)
		}
	})
}

// start starts the rollcall, which forwards to a server, with the flag that names
// the ConfigMap.
func (c *configMap) start(forward string, flag ...string) {
	c.t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		c.t.Fatal(err)
	}
	c.metrics = "127.0.0.1:" + ports[0]
	conf := filepath.Join(c.t.TempDir(), "Corefile")
	err = writeCorefile(conf, fmt.Sprintf(`errors
kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig %s
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl %d
}
prometheus %s
forward . %s {
    max_concurrent 1000
}
cache 30
loop
reload
loadbalance`, c.kubeconfig, ttl, c.metrics, forward))
	if err != nil {
		c.t.Fatal(err)
	}
	if len(flag) == 0 {
		flag = []string{"-kube-dns-configmap", c.namespace + "/kube-dns"}
	}
	c.server = rollcall.Start(c.t, program, append([]string{"-conf", conf}, flag...)...)
}

// set writes the ConfigMap.
func (c *configMap) set(data map[string]string) {
	c.t.Helper()
	client := shared.Client().CoreV1().ConfigMaps(c.namespace)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: c.namespace}, Data: data}
	_, err := client.Update(c.t.Context(), object, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(c.t.Context(), object, metav1.CreateOptions{})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// remove deletes the ConfigMap.
func (c *configMap) remove() {
	c.t.Helper()
	if err := shared.Client().CoreV1().ConfigMaps(c.namespace).Delete(c.t.Context(), "kube-dns", metav1.DeleteOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// sees waits until dig +short prints exactly these lines, in this order.
func (c *configMap) sees(want []string, args ...string) {
	c.t.Helper()
	at := c.server.Addr
	args = append([]string{"-r", "@" + at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "+short", "+tries=1", "+timeout=3"}, args...)
	eventually(c.t, "dig "+strings.Join(args, " "), func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, "dig", args...).Output()
		if got := strings.Fields(string(out)); err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%w: %q, want %q", errNotYet, got, want)
		}
		return err
	})
}

// soon is how long a change of the ConfigMap may take on a busy machine: no test of
// Kubernetes' may be slower. What it did take is logged.
const soon = 15 * time.Second

// changes is sees after a change, which must show soon.
func (c *configMap) changes(want []string, args ...string) {
	c.t.Helper()
	began := time.Now()
	c.sees(want, args...)
	took := time.Since(began).Round(time.Millisecond)
	if c.t.Logf("%s: %q after %v", strings.Join(args, " "), want, took); took > soon {
		c.t.Errorf("%s: %q after %v, want it within %v", strings.Join(args, " "), want, took, soon)
	}
}

// metric returns the value of a metric without labels, as it is written.
func (c *configMap) metric(ctx context.Context, name string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.metrics+"/metrics", nil)
	if err != nil {
		return "", err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("no metric %s", name)
}

// log is what the rollcall has logged.
func (c *configMap) log() string { return c.server.Process.Tail(10000) }

// startRoot starts Knot with a root zone of these records, and returns its address.
func startRoot(t *testing.T, records string) string {
	t.Helper()
	dir, err := os.MkdirTemp(shared.Dir(), "knot-") // with room for the path of its socket
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "root.zone")
	text := "$TTL 60\n. SOA a.root. admin.root. 1 1800 900 604800 60\n. NS a.root.\na.root. A 192.0.2.1\n" + records
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := peers.Knot(t.Context(), dir, map[string]string{".": file}, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Process.Kill)
	return s.Addr.String()
}
