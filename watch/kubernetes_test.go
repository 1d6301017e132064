package watch

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/rollcall-dns/rollcall/zone"
)

// running is a Kubernetes source that runs against a fakeAPI.
type running struct {
	api  *fakeAPI
	sink *memSink
	log  *logBuffer
	reg  *prometheus.Registry
	k    *Kubernetes
	stop context.CancelFunc
	done chan struct{}
}

// start runs a source until the test ends. It retries fast.
func start(t *testing.T, api *fakeAPI, c KubernetesConfig) *running {
	t.Helper()
	r := &running{api: api, sink: newMemSink(), log: new(logBuffer), reg: prometheus.NewRegistry(), done: make(chan struct{})}
	c.Endpoint, c.Logger, c.Registerer = api.URL, r.log.logger(), r.reg
	if c.QPS == 0 {
		c.QPS, c.Burst = 1000, 1000
	}
	if c.backoff == nil {
		c.backoff = &wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 1, Steps: 5, Cap: 50 * time.Millisecond}
	}
	var err error
	if r.k, err = NewKubernetes(c); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() {
		defer close(r.done)
		if err := r.k.Run(ctx, r.sink); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		r.stop()
		<-r.done
	})
	return r
}

func (r *running) waitSynced(t *testing.T) {
	t.Helper()
	waitFor(t, "synced; the log is\n"+r.log.String(), r.k.Synced)
}

func (r *running) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	return metric(t, r.reg, name, labels...)
}

func TestKubernetesStream(t *testing.T) {
	api := newFakeAPI(t)
	api.put("namespaces", "", "ns", nil)
	api.headless("a")
	api.put("endpointslices", "ns", "a-1", fakeObject{
		"metadata": map[string]any{"labels": map[string]string{"kubernetes.io/service-name": "a"}}, "addressType": "IPv4",
		"endpoints": []any{map[string]any{"addresses": []string{"10.0.0.1"}}},
	})
	api.put("serviceimports", "ns", "far", fakeObject{"spec": map[string]any{"type": "ClusterSetIP", "ips": []string{"10.9.0.1"}}})
	r := start(t, api, KubernetesConfig{
		Kinds: []zone.Kind{zone.EndpointSlices, zone.ServiceImports, zone.Pods}, Version: "1.2.3",
		Labels: "dns=on", NamespaceLabels: "team=x",
	})
	r.waitSynced(t)
	for k, want := range map[zone.Kind]string{
		zone.Namespaces: "ns", zone.Services: "ns/a", zone.EndpointSlices: "ns/a-1", zone.ServiceImports: "ns/far", zone.Pods: "",
	} {
		if got := r.sink.names(k); got != want {
			t.Errorf("%v: %q, want %q", k, got, want)
		}
		if n := r.sink.replaces(k); n != 1 {
			t.Errorf("%v: %d replaces, want 1", k, n)
		}
		if n := r.api.asked("list", k.String()); n != 0 {
			t.Errorf("%v: %d lists, want none where the server streams", k, n)
		}
		q := r.api.queries(k.String())[0]
		selector := "dns=on"
		if k == zone.Namespaces || k == zone.ServiceImports {
			selector = "team=x"
		}
		if got := q.Get("labelSelector"); got != selector {
			t.Errorf("%v: label selector %q, want %q", k, got, selector)
		}
		if got := q.Get("agent"); got != "rollcall/1.2.3" {
			t.Errorf("%v: user agent %q", k, got)
		}
		if got := q.Get("accept"); strings.HasPrefix(got, protobuf) == (k == zone.ServiceImports) {
			t.Errorf("%v: accepts %q; protobuf first for all but custom resources", k, got)
		}
	}
	if got := r.api.queries("pods")[0].Get("fieldSelector"); got != "status.phase!=Succeeded,status.phase!=Failed" {
		t.Errorf("pods: field selector %q", got)
	}

	api.headless("b")
	r.sink.waitNames(t, zone.Services, "ns/a ns/b")
	api.remove("services", "ns", "a")
	r.sink.waitNames(t, zone.Services, "ns/b")
	api.send("services", "BOOKMARK", fakeObject{"kind": "Service", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "999"}})
	waitFor(t, "the bookmark is heard", func() bool { return r.metric(t, "rollcall_watch_events_total", "bookmark", "services") == 1 })

	for _, m := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"rollcall_watch_synced", []string{"services"}, 1},
		{"rollcall_watch_connected", []string{"services"}, 1},
		{"rollcall_watch_relists_total", []string{"services"}, 0},
		{"rollcall_watch_errors_total", []string{"services"}, 0},
		{"rollcall_watch_events_total", []string{"put", "services"}, 1},
		{"rollcall_watch_events_total", []string{"remove", "services"}, 1},
		{"rollcall_watch_events_total", []string{"replace", "services"}, 1},
		{"coredns_kubernetes_rest_client_requests_total", []string{"200", strings.TrimPrefix(api.URL, "http://"), "GET"}, 5},
	} {
		if got := r.metric(t, m.name, m.labels...); got != m.want {
			t.Errorf("%s%v is %v, want %v", m.name, m.labels, got, m.want)
		}
	}
	for _, s := range r.k.Status() {
		if !s.Synced || !s.Connected || s.LastEvent.IsZero() || s.LastError != nil {
			t.Errorf("status %+v, want synced, connected and without error", s)
		}
	}
}

// TestKubernetesNoStream: servers without streamed lists, in their three
// manners, are listed in pages.
func TestKubernetesNoStream(t *testing.T) {
	const services = 1234
	for _, tt := range []struct {
		name   string
		reason string
		fault  func(*fakeAPI)
	}{
		{"refused", "422, the feature is off", func(a *fakeAPI) { a.noStream = true }},
		{"unknown option", "a server before 1.27 answers a plain watch, with ordinary bookmarks", func(a *fakeAPI) { a.ignoreParam = true }},
		{"no bookmark", "the end of the list never comes", func(a *fakeAPI) { a.noBookmark = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			for i := range services {
				api.headless("s" + strconv.Itoa(i))
			}
			api.set(func() { tt.fault(api) })
			r := start(t, api, KubernetesConfig{StallTimeout: 3 * time.Second})
			r.waitSynced(t)
			if n := len(strings.Fields(r.sink.names(zone.Services))); n != services {
				t.Errorf("%d services, want %d; reason: %s", n, services, tt.reason)
			}
			pages := 0
			for _, q := range api.queries("services") {
				if verbOf(q) == "list" {
					pages++
					if q.Get("limit") != "500" {
						t.Errorf("a list asks with limit %q, want 500", q.Get("limit"))
					}
				}
			}
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			if n := r.sink.replaces(zone.Services); n != 1 {
				t.Errorf("%d replaces, want 1", n)
			}
			api.headless("later")
			r.sink.wait(t, "the watch goes on", func() bool {
				return r.sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "later"}) != nil
			})
			// Watches are neither throttled nor measured, as with client-go's own metrics.
			lists := 0.0
			for _, resource := range []string{"services", "endpointslices", "namespaces"} {
				for _, q := range api.queries(resource) {
					if verbOf(q) == "list" {
						lists++
					}
				}
			}
			for _, name := range []string{"request_duration_seconds", "rate_limiter_duration_seconds"} {
				if n := r.metric(t, "coredns_kubernetes_rest_client_"+name, strings.TrimPrefix(api.URL, "http://"), "GET"); n != lists || n < 5 {
					t.Errorf("%s has %v observations, want one for each of %v list requests, 5 at least", name, n, lists)
				}
			}
		})
	}
}

func TestKubernetesStreamCut(t *testing.T) {
	api := newFakeAPI(t)
	api.headless("a")
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t)
	api.headless("b") // a stream that had an event is watched again, not listed
	r.sink.waitNames(t, zone.Services, "ns/a ns/b")
	api.cut()
	waitFor(t, "watched again", func() bool { return api.asked("watch", "services") == 1 })
	api.headless("c")
	r.sink.waitNames(t, zone.Services, "ns/a ns/b ns/c")
	if n := r.sink.replaces(zone.Services); n != 1 {
		t.Errorf("%d replaces, want 1: what was missed comes from where the watch ended", n)
	}
}

// TestKubernetesRelist: history is gone (410) when the watch comes back.
func TestKubernetesRelist(t *testing.T) {
	api := newFakeAPI(t)
	for _, n := range []string{"gone", "kept", "moved"} {
		api.headless(n)
	}
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t)
	api.headless("late")
	r.sink.waitNames(t, zone.Services, "ns/gone ns/kept ns/late ns/moved")
	kept := r.sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "kept"})
	moved := r.sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "moved"})

	// All of it happens while nobody hears.
	api.freeze()
	api.remove("services", "ns", "gone")
	api.headless("moved")
	api.headless("new")
	api.set(func() { api.oldest = api.version + 1 })
	api.cut()
	r.sink.waitNames(t, zone.Services, "ns/kept ns/late ns/moved ns/new")
	if n := r.sink.replaces(zone.Services); n != 2 {
		t.Errorf("%d replaces, want one for each of two lists", n)
	}
	if r.sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "kept"}) != kept {
		t.Error("an unchanged object came anew in the relist, want the live one")
	}
	if r.sink.Object(zone.Services, zone.Key{Namespace: "ns", Name: "moved"}) == moved {
		t.Error("a changed object is still the old one after the relist")
	}
	waitFor(t, "the relist is counted", func() bool { return r.metric(t, "rollcall_watch_relists_total", "services") == 1 })
	waitFor(t, "the log tells of the return", func() bool { return r.log.has("watch is back", "resource=services") })
	if !r.log.has("watch lost", "resource=services", "too old") {
		t.Errorf("the log does not tell of the loss:\n%s", r.log)
	}
}

// TestKubernetesErrors: what a server answers once in a while, at the stream
// of the list, at the list, and at the watch after it.
func TestKubernetesErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status metav1.Status
	}{
		{"429", metav1.Status{Code: 429, Reason: metav1.StatusReasonTooManyRequests, Message: "slow down"}},
		{"500", metav1.Status{Code: 500, Reason: metav1.StatusReasonInternalError, Message: "oops"}},
		{"503", metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "not now"}},
		{"410", metav1.Status{Code: 410, Reason: metav1.StatusReasonExpired, Message: "too old"}},
		{"504 of a version that is too large", metav1.Status{
			Code: 504, Reason: metav1.StatusReasonTimeout, Message: "Too large resource version",
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			api.headless("a")
			for _, verb := range []string{"stream", "list", "watch"} {
				for range 2 {
					api.faults = append(api.faults, fault{verb: verb, resource: "services", status: tt.status})
				}
			}
			r := start(t, api, KubernetesConfig{})
			r.waitSynced(t)
			api.cut()
			api.headless("b")
			r.sink.waitNames(t, zone.Services, "ns/a ns/b")
			if n := r.metric(t, "rollcall_watch_errors_total", "services"); n < 1 {
				t.Errorf("%v errors counted, want some", n)
			}
			waitFor(t, "connected", func() bool { return r.metric(t, "rollcall_watch_connected", "services") == 1 })
		})
	}
}

// TestKubernetesErrorEvent: the error comes in the stream, after 200.
func TestKubernetesErrorEvent(t *testing.T) {
	api := newFakeAPI(t)
	api.headless("a")
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t)
	api.send("services", "ERROR", fakeObject{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old resource version",
	})
	r.sink.wait(t, "listed again", func() bool { return r.sink.replaces(zone.Services) == 2 })
	api.headless("b")
	r.sink.waitNames(t, zone.Services, "ns/a ns/b")
}

// TestKubernetesStall: a stream that stays open and says nothing is given up,
// and what it did not say is found out.
func TestKubernetesStall(t *testing.T) {
	api := newFakeAPI(t)
	api.headless("a")
	api.headless("gone")
	r := start(t, api, KubernetesConfig{StallTimeout: 500 * time.Millisecond})
	r.waitSynced(t)
	api.freeze()
	api.headless("b")
	api.remove("services", "ns", "gone")
	r.sink.waitNames(t, zone.Services, "ns/a ns/b")
	if n := r.metric(t, "rollcall_watch_stalls_total", "services"); n < 1 {
		t.Errorf("%v stalls counted, want at least 1", n)
	}
	if !r.log.has("watch lost", "resource=services", "watch was silent for 500ms") {
		t.Errorf("the log does not tell of the silence:\n%s", r.log)
	}
}

func TestKubernetesForbidden(t *testing.T) {
	api := newFakeAPI(t)
	forbid := func(verb, asked string) fault {
		return fault{verb: asked, resource: "endpointslices", status: metav1.Status{
			Code: 403, Reason: metav1.StatusReasonForbidden,
			Message: `endpointslices.discovery.k8s.io is forbidden: User "x" cannot ` + verb + ` resource "endpointslices"`,
		}}
	}
	for range 4 {
		api.faults = append(api.faults, forbid("watch", "stream"), forbid("list", "list"))
	}
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t) // the fifth attempt is allowed
	for _, verb := range []string{"watch", "list"} {
		if !r.log.has("level=ERROR", "the API server forbids "+verb+" endpointslices", "ClusterRole", "group=discovery.k8s.io") {
			t.Errorf("the log does not say that %s is forbidden:\n%s", verb, r.log)
		}
		if n := strings.Count(r.log.String(), "forbids "+verb); n != 1 {
			t.Errorf("that %s is forbidden is logged %d times within a minute, want once:\n%s", verb, n, r.log)
		}
	}
}

// TestKubernetesStops: Run ends soon when its context does, whatever it waits for.
func TestKubernetesStops(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setUp func(t *testing.T, api *fakeAPI) *running
	}{
		{"in a stream", func(t *testing.T, api *fakeAPI) *running {
			r := start(t, api, KubernetesConfig{})
			r.waitSynced(t)
			return r
		}},
		{"while the server is gone", func(t *testing.T, api *fakeAPI) *running {
			api.Close()
			r := start(t, api, KubernetesConfig{backoff: &wait.Backoff{Duration: time.Hour, Factor: 2, Steps: 2}})
			waitFor(t, "it failed", func() bool { return r.metric(t, "rollcall_watch_errors_total", "services") > 0 })
			return r
		}},
		{"while it is told to wait", func(t *testing.T, api *fakeAPI) *running {
			for range 3 {
				api.faults = append(api.faults, fault{
					verb: "stream", resource: "services", status: metav1.Status{Code: 429, Reason: metav1.StatusReasonTooManyRequests},
					header: http.Header{"Retry-After": {"3600"}},
				})
			}
			r := start(t, api, KubernetesConfig{})
			waitFor(t, "it asked", func() bool { return api.asked("stream", "services") > 0 })
			return r
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.setUp(t, newFakeAPI(t))
			r.stop()
			select {
			case <-r.done:
			case <-time.After(5 * time.Second):
				t.Fatal("Run goes on 5 s after its context ended")
			}
		})
	}
}

func TestKubernetesServerGone(t *testing.T) {
	api := newFakeAPI(t)
	api.headless("a")
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t)
	events := len(r.sink.seen())
	api.Listener.Close()
	api.CloseClientConnections()
	waitFor(t, "the loss is noticed", func() bool { return r.metric(t, "rollcall_watch_connected", "services") == 0 })
	if got := r.sink.seen()[events:]; len(got) > 0 {
		t.Errorf("events came of the loss: %v", got)
	}
	if !r.k.Synced() || r.metric(t, "rollcall_watch_synced", "services") != 1 {
		t.Error("synced turned back")
	}
	waitFor(t, "it was tried again and again", func() bool { return r.metric(t, "rollcall_watch_errors_total", "services") > 5 })
	if n := strings.Count(r.log.String(), "resource=services verb=watch"); n < 1 || n > 3 || !r.log.has("watch lost", "resource=services") {
		t.Errorf("the log has %d lines of the loss, want one or two, and no more for each attempt:\n%s", n, r.log)
	}
}

func TestKubernetesBadObject(t *testing.T) {
	api := newFakeAPI(t)
	r := start(t, api, KubernetesConfig{})
	r.waitSynced(t)
	r.sink.mu.Lock()
	r.sink.panicFor = "bad"
	r.sink.mu.Unlock()
	api.headless("bad")
	api.headless("bad")
	api.headless("good")
	r.sink.waitNames(t, zone.Services, "ns/good")
	if n := r.metric(t, "rollcall_watch_objects_skipped_total", "services"); n != 2 {
		t.Errorf("%v objects counted as skipped, want 2", n)
	}
	if n := strings.Count(r.log.String(), "skipped an object"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, r.log)
	}
}

func TestKubernetesValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config KubernetesConfig
		want   string
	}{
		{"selector", KubernetesConfig{Labels: "a in"}, `labels "a in"`},
		{"namespace selector", KubernetesConfig{NamespaceLabels: "!"}, "namespace labels"},
		{"key without certificate", KubernetesConfig{KeyFile: "k"}, "needs its key"},
		{"negative", KubernetesConfig{QPS: -1}, "must not be negative"},
		{"kind", KubernetesConfig{Kinds: []zone.Kind{42}}, "kind 42"},
		{"no cluster", KubernetesConfig{}, "no cluster is named"},
		{"no such file", KubernetesConfig{Kubeconfig: "/nonexistent"}, "/nonexistent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			if _, err := NewKubernetes(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}
