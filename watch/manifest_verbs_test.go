package watch

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rollcall-dns/rollcall/zone"
)

// nginx is a headless Service with its StatefulSet of three pods.
const nginx = `apiVersion: v1
kind: Service
metadata: {name: nginx}
spec:
  clusterIP: None
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
    spec:
      containers: [{name: nginx, image: nginx}]
`

// runs is a source that runs without files.
func runs(t *testing.T, c ManifestsConfig) (*Manifests, *memSink) {
	t.Helper()
	m, sink := newTestManifests(t, c), newMemSink()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx, sink) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v, want nil when its context ends", err)
		}
	})
	waitFor(t, "the first load", m.Synced)
	return m, sink
}

// hosts returns the endpoints of a Service as "hostname", with "!" if they are
// not ready.
func (s *memSink) hosts(service string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	set := manifestSet{objects: s.objects}
	for _, key := range set.keys(zone.EndpointSlices) {
		slice := s.objects[zone.EndpointSlices][key].(*zone.EndpointSlice)
		if slice.Service != service {
			continue
		}
		for _, e := range slice.Endpoints {
			name := e.Hostname
			if name == "" {
				name = e.Pod
			}
			if !e.Ready {
				name = "!" + name
			}
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// addresses returns those of a Service's endpoints.
func (s *memSink) addresses(service string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := manifestSet{objects: s.objects}
	for _, key := range set.keys(zone.EndpointSlices) {
		if slice := s.objects[zone.EndpointSlices][key].(*zone.EndpointSlice); slice.Service == service {
			for _, e := range slice.Endpoints {
				out = append(out, fmt.Sprint(e.Addresses))
			}
		}
	}
	return out
}

// TestVerbs changes a set step by step; each change is there when its verb
// returns.
func TestVerbs(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"apply", func() error { return m.ApplyText("nginx.yaml", []byte(nginx)) }, "web-0 web-1 web-2"},
		{"unready", func() error { return m.SetReady("", "web-1", false) }, "web-0 !web-1 web-2"},
		{"up", func() error { return m.Scale("default", "web", 4) }, "web-0 !web-1 web-2 web-3"},
		{"down", func() error { return m.Scale("", "StatefulSet/web", 1) }, "web-0"},
		{"a pod that comes back is another", func() error { return m.Scale("", "statefulsets/web", 2) }, "web-0 web-1"},
		{"unready again", func() error { return m.SetReady("", "web-0", false) }, "!web-0 web-1"},
		{"rolled, and so started anew", func() error { return m.Roll("", "web") }, "web-0 web-1"},
		{"applied anew, with its replicas", func() error { return m.ApplyText("nginx.yaml", []byte(nginx)) }, "web-0 web-1 web-2"},
		{"deleted", func() error { return m.Delete("statefulset", "", "web") }, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := sink.hosts("nginx"); got != step.want {
			t.Errorf("%s: endpoints %q, want %q", step.name, got, step.want)
		}
	}
}

func TestRollChangesAddresses(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	if err := m.ApplyText("nginx.yaml", []byte(nginx)); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for range 4 {
		for _, a := range sink.addresses("nginx") {
			if seen[a] {
				t.Errorf("a pod has %s, which one had before it", a)
			}
			seen[a] = true
		}
		if err := m.Roll("", "web"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestApplyObjects puts objects as a program has them, without apiVersion and
// kind, and lists of them.
func TestApplyObjects(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{Namespace: "test"})
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec:       corev1.ServiceSpec{ClusterIP: "None", Selector: map[string]string{"app": "db"}},
	}
	list := &appsv1.StatefulSetList{Items: []appsv1.StatefulSet{{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			ServiceName: "db",
			Selector:    &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}},
			Template:    corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "db"}}},
		},
	}}}
	bare := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "bare"}, "spec": map[string]any{"clusterIP": "10.0.0.1"},
	}}
	if err := m.Apply(service, list, bare, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x"}}); err != nil {
		t.Fatal(err)
	}
	if got := sink.hosts("db"); got != "db-0" {
		t.Errorf("endpoints %q, want db-0", got)
	}
	if got := sink.names(zone.Services); got != "test/bare test/db" {
		t.Errorf("services %q, want test/bare and test/db", got)
	}
	if service.Namespace != "" || list.Items[0].Namespace != "" {
		t.Error("the caller's objects were changed")
	}
}

// TestVerbErrors: a verb that fails says what there is, and changes nothing.
func TestVerbErrors(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	in := nginx + "---\n" + strings.NewReplacer("StatefulSet", "DaemonSet", "{name: web}", "{name: agent}", "  serviceName: nginx\n  replicas: 3\n", "").Replace(nginx[strings.Index(nginx, "---\n")+4:]) +
		"---\n" + strings.NewReplacer("StatefulSet", "Deployment", "  serviceName: nginx\n", "").Replace(nginx[strings.Index(nginx, "---\n")+4:])
	if err := m.ApplyText("in.yaml", []byte(in)); err != nil {
		t.Fatal(err)
	}
	events := len(sink.seen())
	bad := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: "x"}}
	for _, tt := range []struct {
		name string
		do   func() error
		want string
	}{
		{"text", func() error { return m.ApplyText("x.yaml", []byte(nginx+"---\nkind: x\n")) }, "x.yaml:21: not a Kubernetes object"},
		{"object", func() error { return m.Apply(bad) }, "StatefulSet x/bad: spec.selector: is missing"},
		{"unready", func() error { return m.SetReady("", "web-9", false) }, "there is no Pod default/web-9; pods there are "},
		{"unready elsewhere", func() error { return m.SetReady("x", "web-0", false) }, "there is no Pod x/web-0; there are no pods there"},
		{"scale", func() error { return m.Scale("", "db", 1) }, "there is no workload db in namespace default; workloads there are daemonset/agent, deployment/web, statefulset/web"},
		{"two", func() error { return m.Scale("", "web", 1) }, "web can be Deployment web or StatefulSet web: write KIND/NAME"},
		{"daemons", func() error { return m.Scale("", "agent", 1) }, "DaemonSet default/agent has a pod for each node"},
		{"below zero", func() error { return m.Scale("", "statefulset/web", -1) }, "-1 replicas: allowed is a number from 0"},
		{"roll", func() error { return m.Roll("", "job/web") }, "there is no workload job/web in namespace default"},
		{"delete", func() error { return m.Delete("Service", "", "web") }, "there is no Service default/web; objects of this kind are default/nginx"},
		{"delete a kind", func() error { return m.Delete("Ingress", "", "web") }, `kind "Ingress" is not known; kinds are `},
		{"delete a made pod", func() error { return m.Delete("Pod", "", "web-0") }, "Pod default/web-0 is made by its StatefulSet"},
	} {
		if err := tt.do(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if n := len(sink.seen()); n != events {
		t.Errorf("%d events came of verbs that failed", n-events)
	}
}

// TestVerbsBeforeRun: they count from the first load on, whether Load or Run.
func TestVerbsBeforeRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.yaml")
	write(t, path, nginx)
	m := newTestManifests(t, ManifestsConfig{Paths: []string{path}})
	if err := m.Scale("", "web", 1); err != nil {
		t.Fatal(err)
	}
	sink := newMemSink()
	events, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sink.Apply(events...)
	if got := sink.hosts("nginx"); got != "web-0" {
		t.Errorf("endpoints %q, want web-0", got)
	}
}

// TestVerbsOverFiles: what was applied stands over a file, and what was deleted
// stays away until the file says another thing of it.
func TestVerbsOverFiles(t *testing.T) {
	f := follow(t, func(dir string) {
		write(t, filepath.Join(dir, "a.yaml"), headless("a"))
		write(t, filepath.Join(dir, "b.yaml"), headless("b"))
	})
	if err := f.m.Delete("Service", "", "a"); err != nil {
		t.Fatal(err)
	}
	if err := f.m.ApplyText("c", []byte(headless("c"))); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sink.names(zone.Services), "default/b default/c"; got != want {
		t.Fatalf("services %q, want %q", got, want)
	}
	// A change that is refused leaves the deletion as it is.
	write(t, filepath.Join(f.dir, "a.yaml"), headless("a2")+"---\nkind: x\n")
	waitFor(t, "the change is refused", func() bool {
		return metric(t, f.reg, "rollcall_manifests_reload_failures_total") >= 1
	})
	if err := f.m.ApplyText("c", []byte(headless("c"))); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sink.names(zone.Services), "default/b default/c"; got != want {
		t.Fatalf("services %q, want %q", got, want)
	}
	write(t, filepath.Join(f.dir, "a.yaml"), headless("a"))
	write(t, filepath.Join(f.dir, "b.yaml"), headless("b", "b2"))
	f.sink.waitNames(t, zone.Services, "default/b default/b2 default/c")
	write(t, filepath.Join(f.dir, "a.yaml"), strings.Replace(headless("a"), "None", "10.0.0.1", 1))
	f.sink.waitNames(t, zone.Services, "default/a default/b default/b2 default/c")
	if err := f.m.Delete("Service", "", "c"); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sink.names(zone.Services), "default/a default/b default/b2"; got != want {
		t.Errorf("services %q, want %q", got, want)
	}
}

// TestVerbsAtOnce: all of what came at a time is there in the end.
func TestVerbsAtOnce(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	var wg sync.WaitGroup
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("s%02d", i)
		want = append(want, "default/"+name)
		wg.Go(func() {
			if err := m.ApplyText(name, []byte(headless(name))); err != nil {
				t.Error(err)
			}
			if sink.Object(zone.Services, zone.Key{Namespace: "default", Name: name}) == nil {
				t.Errorf("%s is not there when its verb returned", name)
			}
		})
	}
	wg.Wait()
	if got := sink.names(zone.Services); got != strings.Join(want, " ") {
		t.Errorf("services %q", got)
	}
}
