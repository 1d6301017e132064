package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// peersInterval is how often rollcall peers looks up here.
const peersInterval = time.Second

// seen is a set of peers that rollcall peers printed, and when.
type seen struct {
	names []string
	at    time.Time
}

// watchPeers runs rollcall peers -watch until the test ends.
func watchPeers(t *testing.T, args ...string) <-chan seen {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"peers", "-watch", "-o", "json", "-server", server.Addr.String(),
		"-interval", peersInterval.String()}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with the test binary
	sets := make(chan seen, 1000)
	started := make(chan error)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The kernel watches for the death of the thread that forks.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s := seen{at: time.Now()}
			var set struct{ Peers []struct{ Name string } }
			if json.Unmarshal(lines.Bytes(), &set) == nil {
				for _, p := range set.Peers {
					s.names = append(s.names, p.Name)
				}
				sets <- s
			}
		}
		_ = cmd.Wait() // it was killed
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { <-ended })
	return sets
}

// readyAt watches the EndpointSlices of a Service, and sends when this process was
// told that a pod is ready, by the pod's hostname.
func readyAt(t *testing.T, namespace, service string) <-chan seen {
	t.Helper()
	w, err := shared.Client().DiscoveryV1().EndpointSlices(namespace).Watch(t.Context(), metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	ready := make(chan seen, 1000)
	go func() {
		for event := range w.ResultChan() {
			slice, ok := event.Object.(*discoveryv1.EndpointSlice)
			if !ok {
				continue
			}
			s := seen{at: time.Now()}
			for _, e := range slice.Endpoints {
				if e.Hostname != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
					s.names = append(s.names, *e.Hostname)
				}
			}
			ready <- s
		}
	}()
	return ready
}

// TestPeersFollow scales a StatefulSet. Each pod must be in the hands of rollcall peers
// within its interval of the API server's telling that it is ready. The bar is 50 ms
// more than the interval; what is demanded leaves room for a busy machine.
func TestPeersFollow(t *testing.T) {
	if program == "" {
		t.Log("rollcall peers works with any server; a pod is asked for of CoreDNS in the tests of rollcall alone")
		return
	}
	const room = 5 * time.Second
	ns := shared.Namespace(t)
	apply(t, ns, strings.ReplaceAll(tutorial, "ipFamilyPolicy: RequireDualStack", "ipFamilyPolicy: SingleStack"))
	ready := readyAt(t, ns, "nginx")
	sets := watchPeers(t, "nginx", "-ns", ns)
	const pods = 10
	if err := patchSet(t.Context(), ns, fmt.Sprintf(`{"spec":{"replicas":%d}}`, pods)); err != nil {
		t.Fatal(err)
	}
	told, known := make(map[string]time.Time), make(map[string]time.Time)
	first := func(at map[string]time.Time, s seen) {
		for _, name := range s.names {
			name, _, _ = strings.Cut(name, ".")
			if at[name].IsZero() {
				at[name] = s.at
			}
		}
	}
	deadline := time.After(within)
	for len(told) < pods || len(known) < pods {
		select {
		case s := <-ready:
			first(told, s)
		case s := <-sets:
			if !slices.IsSorted(s.names) {
				t.Errorf("not sorted: %q", s.names)
			}
			first(known, s)
		case <-deadline:
			t.Fatalf("%d pods of %d are ready, %d known, within %s", len(told), pods, len(known), within)
		}
	}
	var late []time.Duration
	for name, at := range told {
		late = append(late, known[name].Sub(at))
	}
	slices.Sort(late)
	t.Logf("from the API server's telling of a ready pod to rollcall peers printing it, by an interval of %s: least %s, median %s, most %s",
		peersInterval, late[0], late[len(late)/2], late[len(late)-1])
	if most := late[len(late)-1]; most > peersInterval+room {
		t.Errorf("a pod took %s, want at most %s", most, peersInterval+room)
	}
}

// TestPeersInit has the init container of docs/peers.md: it waits for as many pods as
// the StatefulSet wants, which it asks the API with the rights that the page gives it.
func TestPeersInit(t *testing.T) {
	if program == "" {
		t.Log("rollcall peers is tested with rollcall")
		return
	}
	ns := shared.Namespace(t)
	objects := strings.ReplaceAll(peersManifests(t), "namespace: default", "namespace: "+ns)
	if err := shared.Apply(t.Context(), ns, objects); err != nil {
		t.Fatalf("docs/peers.md: %v", err)
	}
	config, err := shared.Kubeconfig(t.Context(), ns, "db")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "peers", "db", "-wait", "replicas", "-ns", ns, "-server", server.Addr.String(), "-kubeconfig", config)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	want := ""
	for i := range 3 {
		want += fmt.Sprintf("db-%d.db.%s.svc.cluster.local\n", i, ns)
	}
	if string(out) != want {
		t.Errorf("it printed\n%swant\n%s", out, want)
	}
}

// peersManifests returns the manifests in docs/peers.md.
func peersManifests(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "peers.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rest := string(text); ; {
		_, after, found := strings.Cut(rest, "```yaml\n")
		if !found {
			break
		}
		manifest, after, _ := strings.Cut(after, "```")
		if err := yaml.Unmarshal([]byte(strings.Split(manifest, "\n---\n")[0]), new(map[string]any)); err != nil {
			t.Fatalf("docs/peers.md: %v", err)
		}
		all, rest = append(all, manifest), after
	}
	if len(all) < 2 {
		t.Fatalf("docs/peers.md has %d manifests", len(all))
	}
	return strings.Join(all, "\n---\n")
}
