package watch_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// status is what the API server answers with in place of an object.
func status(code int, reason string) string {
	return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","reason":%q,"code":%d}`, reason, code)
}

func newReader(t *testing.T, replies map[string]string) *watch.Reader {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, code := cmp.Or(replies[r.URL.RequestURI()], replies[r.URL.Path]), http.StatusOK
		if reply == "" {
			reply = status(http.StatusNotFound, "NotFound")
		}
		if strings.Contains(reply, `"Status"`) {
			fmt.Sscanf(reply[strings.Index(reply, `"code":`):], `"code":%d`, &code)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, reply)
	}))
	t.Cleanup(server.Close)
	r, err := watch.NewReader(watch.KubernetesConfig{Endpoint: server.URL, Labels: "app=web", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReader(t *testing.T) {
	r := newReader(t, map[string]string{
		"/api/v1/namespaces/default/services": `{"kind":"ServiceList","apiVersion":"v1","items":[
			{"metadata":{"name":"web","namespace":"default","labels":{"app":"web"}},"spec":{"clusterIP":"None"}},
			{"metadata":{"name":"db","namespace":"default"},"spec":{"clusterIP":"10.0.0.1"}}]}`,
		"/api/v1/namespaces/default/pods/web-0": `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-0","namespace":"default"},"spec":{"hostname":"web-0"}}`,
		"/api/v1/pods?labelSelector=app%3Dweb&limit=100": `{"kind":"PodList","apiVersion":"v1","items":[
			{"metadata":{"name":"web-1","namespace":"shop","labels":{"app":"web"}}}]}`,
		"/api/v1/namespaces/default": `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default"}}`,
	})
	services, err := r.List(t.Context(), zone.Services, "default")
	if err != nil || len(services) != 2 {
		t.Fatalf("%d Services, error %v, want 2", len(services), err)
	}
	if s := services[0]; s.Hidden || s.Object.(*zone.Service).Type != zone.Headless || s.Whole.(*corev1.Service).Name != "web" {
		t.Errorf("%+v, want one that is headless and has the labels", s)
	}
	if !services[1].Hidden {
		t.Error("a Service without the labels of the configuration is not said to be hidden")
	}
	pod, found, err := r.Get(t.Context(), zone.Pods, zone.Key{Namespace: "default", Name: "web-0"})
	if err != nil || !found || pod.Whole.(*corev1.Pod).Spec.Hostname != "web-0" {
		t.Errorf("%+v, found %t, error %v, want the whole Pod", pod, found, err)
	}
	if _, found, err := r.Get(t.Context(), zone.Namespaces, zone.Key{Name: "default"}); err != nil || !found {
		t.Errorf("found %t, error %v, want the Namespace", found, err)
	}
	if _, found, err := r.Get(t.Context(), zone.Services, zone.Key{Namespace: "default", Name: "none"}); err != nil || found {
		t.Errorf("found %t, error %v, want none: 404 is no error", found, err)
	}
	selected, err := r.Select(t.Context(), zone.Pods, labels.SelectorFromSet(labels.Set{"app": "web"}))
	if err != nil || len(selected) != 1 || selected[0].Key().Name != "web-1" {
		t.Errorf("%v, error %v, want the pods of all namespaces with the label, 100 at most", selected, err)
	}
	if imports, err := r.List(t.Context(), zone.ServiceImports, ""); err != nil || len(imports) != 0 {
		t.Errorf("%d ServiceImports, error %v, want none where the kind is not known", len(imports), err)
	}
}

func TestReaderErrors(t *testing.T) {
	r := newReader(t, map[string]string{
		"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices": status(http.StatusForbidden, "Forbidden"),
		"/apis/discovery.k8s.io/v1/endpointslices":                    status(http.StatusForbidden, "Forbidden"),
		"/api/v1/namespaces":                    status(http.StatusForbidden, "Forbidden"),
		"/api/v1/namespaces/default/pods/web-0": status(http.StatusForbidden, "Forbidden"),
		"/api/v1/namespaces/default/services":   status(http.StatusUnauthorized, "Unauthorized"),
		"/api/v1/pods":                          status(http.StatusBadRequest, "BadRequest"),
	})
	ended, end := context.WithCancelCause(t.Context())
	end(fmt.Errorf("time is up"))
	list := func(kind zone.Kind, namespace string) error {
		_, err := r.List(t.Context(), kind, namespace)
		return err
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"in a namespace", list(zone.EndpointSlices, "default"), "may not list endpointslices.discovery.k8s.io in namespace default"},
		{"everywhere", list(zone.EndpointSlices, ""), "may not list endpointslices.discovery.k8s.io in all namespaces"},
		{"of no namespace", list(zone.Namespaces, ""), "may not list namespaces"},
		{"one object", func() error {
			_, _, err := r.Get(t.Context(), zone.Pods, zone.Key{Namespace: "default", Name: "web-0"})
			return err
		}(), "may not get pods web-0 in namespace default"},
		{"unknown user", list(zone.Services, "default"), "the API server does not know the user of the kubeconfig: no"},
		{"another error", list(zone.Pods, ""), "list pods: no"},
		{"no time", func() error {
			_, err := r.List(ended, zone.Pods, "")
			return err
		}(), "time is up"},
	}
	for _, tt := range tests {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("%s: error %v, want %q", tt.name, tt.err, tt.want)
		}
	}
}

// TestManifestsRead sees that what the zones do not have is read as well.
func TestManifestsRead(t *testing.T) {
	m, err := watch.NewManifests(watch.ManifestsConfig{
		Paths: []string{"-"}, Labels: "app=web", NamespaceLabels: "team=a", Logger: slog.New(slog.DiscardHandler),
		Stdin: strings.NewReader(`{apiVersion: v1, kind: Service, metadata: {name: web, labels: {app: web}}, spec: {selector: {app: web}}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-0, labels: {app: web}}, spec: {containers: [{name: main, image: nginx}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}]}
`),
	})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[zone.Kind]map[string]string{ // "whole" and "hidden"
		zone.Namespaces:     {"default": "hidden"},
		zone.Services:       {"web": "whole", "db": "whole hidden"},
		zone.Pods:           {"web-0": "whole"},
		zone.EndpointSlices: {"db-1": "hidden"},
	}
	for kind, names := range want {
		list, err := objects.List(t.Context(), kind, "")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range list {
			text := ""
			if o.Whole != nil {
				text = "whole"
			}
			if o.Hidden {
				text = strings.TrimSpace(text + " hidden")
			}
			got[o.Key().Name] = text
		}
		for name, how := range names {
			if got[name] != how {
				t.Errorf("%s %s is %q, want %q", kind, name, got[name], how)
			}
		}
	}
	if slices, _ := objects.List(t.Context(), zone.EndpointSlices, "default"); len(slices) != 2 {
		t.Errorf("%d EndpointSlices, want that of db and the one made for web", len(slices))
	}
	for kind, key := range map[zone.Kind]string{zone.Pods: "app=web", zone.EndpointSlices: "kubernetes.io/service-name=db"} {
		selector, err := labels.Parse(key)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := objects.Select(t.Context(), kind, selector); err != nil || len(list) != 1 {
			t.Errorf("%d %s with %s, error %v, want one", len(list), kind, key, err)
		}
	}
	if _, found, err := objects.Get(t.Context(), zone.Services, zone.Key{Namespace: "other", Name: "web"}); found || err != nil {
		t.Errorf("found %t, error %v, want no Service of another namespace", found, err)
	}
}
