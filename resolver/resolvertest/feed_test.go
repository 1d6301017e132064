package resolvertest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// resource is a clientset's resource of one kind. The real ones, and client-go's fake
// ones, are tried in the module test.
type resource[L runtime.Object] struct {
	list func() (L, error)
	mu   sync.Mutex
	from *watch.FakeWatcher // the last one; guarded by mu
	n    int                // how many there were; guarded by mu
}

func (r *resource[L]) List(context.Context, metav1.ListOptions) (L, error) { return r.list() }

func (r *resource[L]) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from = watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 10})
	r.n++
	return r.from, nil
}

func (r *resource[L]) watcher() (*watch.FakeWatcher, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.from, r.n
}

func statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	labels := map[string]string{"app": name}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, ServiceName: name, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
}

func headless(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: "None", Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

func TestFollow(t *testing.T) {
	services := &resource[*corev1.ServiceList]{list: func() (*corev1.ServiceList, error) {
		return &corev1.ServiceList{Items: []corev1.Service{*headless("web"), *headless("db")}}, nil
	}}
	var items atomic.Pointer[appsv1.StatefulSetList]
	there := func(sets ...appsv1.StatefulSet) { items.Store(&appsv1.StatefulSetList{Items: sets}) }
	there(*statefulSet("web", 2), *statefulSet("db", 1))
	sets := &resource[*appsv1.StatefulSetList]{list: func() (*appsv1.StatefulSetList, error) { return items.Load(), nil }}
	srv := resolvertest.NewServer(t, resolvertest.Follow(services), resolvertest.Follow(sets))
	if got := pods(t, srv, "web.default") + ", " + pods(t, srv, "db.default"); got != "web-0 web-1, db-0" {
		t.Errorf("at the start: %s", got)
	}
	becomes := func(service, want string) {
		t.Helper()
		dnstest.Eventually(t, service+" is "+want, func() bool { return pods(t, srv, service+".default") == want })
	}
	w, _ := sets.watcher()
	w.Modify(statefulSet("web", 3))
	becomes("web", "web-0 web-1 web-2")
	w.Delete(statefulSet("db", 1))
	becomes("db", "NXDOMAIN")
	w.Delete(statefulSet("db", 1)) // heard twice
	w.Add(statefulSet("db", 2))
	becomes("db", "db-0 db-1")
	srv.SetReady("db-0", false) // verbs go on
	becomes("db", "db-1")
	if err := srv.Delete("StatefulSet", "db"); err != nil { // by hand
		t.Fatal(err)
	}
	w.Delete(statefulSet("db", 2)) // and there
	becomes("db", "NXDOMAIN")
	there(*statefulSet("web", 4), *statefulSet("db", 1))
	w.Error(&metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonExpired, Code: 410, Message: "too old resource version"})
	becomes("web", "web-0 web-1 web-2 web-3")
	becomes("db", "db-0")
	w, _ = sets.watcher()
	there(*statefulSet("web", 1)) // while it was not watched
	w.Stop()
	becomes("web", "web-0")
	becomes("db", "NXDOMAIN")
	if _, n := sets.watcher(); n != 3 {
		t.Errorf("watched %d times, want 3", n)
	}
}

func TestFollowErrors(t *testing.T) {
	dnstest.NoLeaks(t)
	broken := &resource[*corev1.ServiceList]{list: func() (*corev1.ServiceList, error) { return nil, errors.New("forbidden") }}
	if _, err := resolvertest.Start(resolvertest.Follow(broken)); err == nil || !strings.Contains(err.Error(), "list: forbidden") {
		t.Errorf("error %v, want the list's", err)
	}
	empty := &resource[*corev1.ServiceList]{list: func() (*corev1.ServiceList, error) { return new(corev1.ServiceList), nil }}
	log := make(chan string, 10)
	srv, err := resolvertest.Start(resolvertest.Follow(empty), resolvertest.Logger(slog.New(slog.NewTextHandler(lines(log), nil))))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	bad := headless("web")
	bad.Spec.ClusterIP = "10.96.0.300"
	w, _ := empty.watcher()
	w.Add(bad)
	for line := ""; !strings.Contains(line, "10.96.0.300"); {
		line = dnstest.Receive(t, "word of an object that is refused", log)
	}
}

// lines is an io.Writer of a log.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}
