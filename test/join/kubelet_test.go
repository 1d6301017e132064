package join

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/isolate"
	"github.com/rollcall-dns/rollcall/test/process"
)

// within is how long anything may take on a machine that does other things at a time.
const within = 2 * time.Minute

// A pod is one that the tests play the kubelet for.
type pod struct {
	object  corev1.Pod
	netns   string // its network namespace, as ip(8) calls it
	dir     string // what its volumes are folders of, and its files
	address string
	env     []string // of its containers, and of what is run beside them
}

// statefulSet applies manifests, one StatefulSet and what it needs, and returns its pods once
// they all have an address. None is ready, and none of its containers runs.
func statefulSet(t *testing.T, namespace, manifests string) []*pod {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var set appsv1.StatefulSet
	var docs []string
	for doc := range strings.SplitSeq(manifests, "\n---\n") {
		var object appsv1.StatefulSet
		if err := yaml.Unmarshal([]byte(doc), &object); err == nil && object.Kind == "StatefulSet" {
			object.Spec.Template.Annotations = map[string]string{cluster.HoldReady: ""}
			text, err := yaml.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			set, doc = object, string(text)
		}
		docs = append(docs, doc)
	}
	if set.Spec.Replicas == nil {
		t.Fatalf("no StatefulSet with replicas in\n%s", manifests)
	}
	if err := shared.Apply(ctx, namespace, strings.Join(docs, "\n---\n")); err != nil {
		t.Fatal(err)
	}
	var list *corev1.PodList
	err := process.Within(ctx, within, func(ctx context.Context) (err error) {
		list, err = shared.Client().CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{
			LabelSelector: metav1.FormatLabelSelector(set.Spec.Selector),
		})
		if err != nil {
			return err
		}
		if len(list.Items) != int(*set.Spec.Replicas) {
			return fmt.Errorf("%d pods", len(list.Items))
		}
		for _, p := range list.Items {
			if len(p.Status.PodIPs) == 0 {
				return fmt.Errorf("%s has no address", p.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the pods of %s: %v", set.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	var pods []*pod
	for _, object := range list.Items {
		pods = append(pods, newPod(t, object))
	}
	return pods
}

// newPod makes the network namespace and the files of a pod.
func newPod(t *testing.T, object corev1.Pod) *pod {
	t.Helper()
	p := &pod{object: object, netns: object.Namespace + "-" + object.Name, dir: t.TempDir(), address: object.Status.PodIP}
	p.env = []string{"POD_DIR=" + p.dir} // for programs' files
	ip := netip.MustParseAddr(p.address).As4()
	// An address may have been another pod's a moment ago: its neighbours must not
	// need to learn anew where it is.
	mac := fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", ip[0], ip[1], ip[2], ip[3])
	near := fmt.Sprintf("veth%x", ip[2:])
	commands := fmt.Sprintf("netns add %[1]s\nlink add %[2]s type veth peer name eth0 address %[3]s netns %[1]s\nlink set %[2]s master pods up\n", p.netns, near, mac)
	t.Cleanup(func() {
		if err := isolate.Network(context.Background(), "netns del "+p.netns+"\n"); err != nil {
			t.Error(err)
		}
	})
	own := "link set lo up\nlink set eth0 up\n"
	for _, addr := range object.Status.PodIPs {
		if netip.MustParseAddr(addr.IP).Is4() {
			own += "addr add " + addr.IP + "/16 dev eth0\nroute add default via " + gateway4 + "\n"
		} else {
			own += "addr add " + addr.IP + "/48 dev eth0 nodad\nroute add default via " + gateway6 + "\n"
		}
	}
	if err := isolate.Network(t.Context(), commands); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ip", "-netns", p.netns, "-batch", "-")
	cmd.Stdin = strings.NewReader(own)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the network of pod %s: %v\n%s", object.Name, err, out)
	}
	for _, v := range object.Spec.Volumes {
		if err := p.volume(t.Context(), v); err != nil {
			t.Fatalf("volume %s of pod %s: %v", v.Name, object.Name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.dir, "resolv.conf"), []byte(resolvConf(object.Namespace)), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// volume makes the folder that containers see as a volume.
func (p *pod) volume(ctx context.Context, v corev1.Volume) error {
	dir := filepath.Join(p.dir, v.Name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	files := map[string][]byte{}
	client := shared.Client().CoreV1()
	switch {
	case v.Secret != nil:
		secret, err := client.Secrets(p.object.Namespace).Get(ctx, v.Secret.SecretName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		files = secret.Data
	case v.ConfigMap != nil:
		config, err := client.ConfigMaps(p.object.Namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for name, text := range config.Data {
			files[name] = []byte(text)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// command returns what runs a command in the pod: in its network, with its host name and
// resolv.conf.
func (p *pod) command(args ...string) []string {
	const script = `mount --bind "$0" /etc/resolv.conf && hostname "$1" && shift && exec "$@"`
	return append([]string{"nsenter", "--net=/run/netns/" + p.netns, "unshare", "--mount", "--uts",
		"sh", "-c", script, filepath.Join(p.dir, "resolv.conf"), p.object.Name}, args...)
}

// start starts a command in the pod, which ends with the test.
func (p *pod) start(t *testing.T, name string, args ...string) (*process.Process, error) {
	t.Helper()
	args = p.command(args...)
	started, err := process.Start(process.Spec{Name: name, Path: args[0], Args: args[1:], Env: p.env, Log: p.log(name)})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		started.Kill()
		if t.Failed() {
			t.Logf("---- %s of pod %s:\n%s", name, p.object.Name, started.Tail(20))
		}
	})
	return started, nil
}

func (p *pod) log(name string) string { return filepath.Join(p.dir, name+".log") }

// output runs a command in the pod with input, and returns what it prints.
func (p *pod) output(ctx context.Context, input string, args ...string) (string, error) {
	args = p.command(args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdin = strings.NewReader(input)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("in pod %s: %w\n%s", p.object.Name, err, complaint.String())
	}
	return string(out), nil
}

// run runs the pod's containers: those of its beginning one after the other, and then
// all others, which end with the test.
func (p *pod) run(ctx context.Context, t *testing.T) error {
	t.Helper()
	for _, c := range p.object.Spec.InitContainers {
		args, err := p.container(ctx, c)
		if err != nil {
			return err
		}
		started, err := p.start(t, c.Name, args...)
		if err != nil {
			return err
		}
		select {
		case <-started.Done():
			if err := started.Stop(0); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("%s of pod %s: %w", c.Name, p.object.Name, context.Cause(ctx))
		}
	}
	for _, c := range p.object.Spec.Containers {
		args, err := p.container(ctx, c)
		if err != nil {
			return err
		}
		if _, err := p.start(t, c.Name, args...); err != nil {
			return err
		}
	}
	return nil
}

// container returns the command of a container, and adds its environment to the pod's.
func (p *pod) container(ctx context.Context, c corev1.Container) (args []string, err error) {
	name, _, _ := strings.Cut(path.Base(c.Image), ":")
	program, ok := programs[name]
	if !ok {
		return nil, fmt.Errorf("there is no program for the image %s", c.Image)
	}
	var old []string
	for _, e := range c.Env {
		value, err := p.value(ctx, e.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("%s of container %s: %w", e.Name, c.Name, err)
		}
		value += strings.NewReplacer(old...).Replace(e.Value) // only one of them is there
		old = append(old, "$("+e.Name+")", value)
		p.env = append(p.env, e.Name+"="+value)
	}
	for _, m := range c.VolumeMounts {
		old = append(old, "="+m.MountPath, "="+filepath.Join(p.dir, m.Name)) // as flags have it
	}
	replacer := strings.NewReplacer(old...)
	args = slices.Clone(program)
	for _, a := range slices.Concat(c.Command[min(1, len(c.Command)):], c.Args) {
		args = append(args, replacer.Replace(a))
	}
	return args, nil
}

// value returns what an environment variable is taken from; "" if from nothing.
func (p *pod) value(ctx context.Context, from *corev1.EnvVarSource) (string, error) {
	switch {
	case from == nil:
		return "", nil
	case from.SecretKeyRef != nil:
		secret, err := shared.Client().CoreV1().Secrets(p.object.Namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return string(secret.Data[from.SecretKeyRef.Key]), nil
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
		return p.object.Name, nil
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return p.object.Namespace, nil
	}
	return "", fmt.Errorf("the tests' kubelet does not know %s", from)
}

// runAll runs the containers of pods at once, and returns when all have begun.
func runAll(t *testing.T, pods []*pod) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, errors.New("not over in time"))
	defer cancel()
	errs := make(chan error)
	for _, p := range pods {
		go func() { errs <- p.run(ctx, t) }()
	}
	var failed error
	for range pods {
		failed = errors.Join(failed, <-errs)
	}
	if failed != nil {
		t.Fatal(failed)
	}
}
