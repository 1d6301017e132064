package watch

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/rollcall-dns/rollcall/zone"
)

var kubeDNS = zone.Key{Namespace: "kube-system", Name: "kube-dns"}

// observed is a ConfigMap source that runs against a fakeAPI.
type observed struct {
	api  *fakeAPI
	m    *ConfigMap
	log  *logBuffer
	reg  *prometheus.Registry
	done chan struct{}

	mu   sync.Mutex
	told []string // "none", or the keys and values
}

// observe runs a source until the test ends. It retries fast.
func observe(t *testing.T, api *fakeAPI, c KubernetesConfig) *observed {
	t.Helper()
	f := &observed{api: api, log: new(logBuffer), reg: prometheus.NewRegistry(), done: make(chan struct{})}
	c.Endpoint, c.Logger, c.Registerer = api.URL, f.log.logger(), f.reg
	c.backoff = &wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 1, Steps: 5, Cap: 50 * time.Millisecond}
	var err error
	if f.m, err = NewConfigMap(c, kubeDNS); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(f.done)
		f.m.Run(ctx, func(data map[string]string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told = append(f.told, text(data))
		})
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-f.done:
		case <-time.After(patience):
			t.Error("Run does not end")
		}
	})
	return f
}

func text(data map[string]string) string {
	if len(data) == 0 {
		return "none"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(data)) {
		parts = append(parts, k+"="+data[k])
	}
	return strings.Join(parts, " ")
}

// all returns what was told so far.
func (f *observed) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told)
}

// wait waits until exactly this was told.
func (f *observed) wait(t *testing.T, told ...string) {
	t.Helper()
	waitFor(t, "told "+strings.Join(told, ", "), func() bool { return len(f.all()) >= len(told) })
	if got := f.all(); !slices.Equal(got, told) {
		t.Fatalf("told %q, want %q", got, told)
	}
}

// set gives the ConfigMap data, and an annotation.
func (f *observed) set(data, annotation string) {
	f.api.put("configmaps", kubeDNS.Namespace, kubeDNS.Name, fakeObject{
		"metadata": map[string]any{"annotations": map[string]string{"a": annotation}},
		"data":     map[string]string{"stubDomains": data},
	})
}

func (f *observed) known() bool {
	select {
	case <-f.m.Known():
		return true
	default:
		return false
	}
}

func TestConfigMap(t *testing.T) {
	f := observe(t, newFakeAPI(t), KubernetesConfig{Version: "1.2.3"})
	f.wait(t, "none")
	if !f.known() {
		t.Error("that there is none is known, and Known says otherwise")
	}
	f.set("1", "")
	f.wait(t, "none", "stubDomains=1")
	f.set("1", "another") // of no matter
	f.set("2", "another")
	f.wait(t, "none", "stubDomains=1", "stubDomains=2")
	f.api.remove("configmaps", kubeDNS.Namespace, kubeDNS.Name)
	f.wait(t, "none", "stubDomains=1", "stubDomains=2", "none")
	f.set("3", "")
	f.wait(t, "none", "stubDomains=1", "stubDomains=2", "none", "stubDomains=3")
	if got := metric(t, f.reg, "rollcall_kube_dns_configmap_connected"); got != 1 {
		t.Errorf("connected is %v", got)
	}
	f.api.mu.Lock()
	requests := slices.Clone(f.api.requests)
	f.api.mu.Unlock()
	for _, q := range requests {
		if q.Get("path") != "/api/v1/namespaces/kube-system/configmaps" || q.Get("fieldSelector") != "metadata.name=kube-dns" || q.Get("agent") != "rollcall/1.2.3" {
			t.Errorf("asked %s, which no Role allows that names one ConfigMap", url.Values(q).Encode())
		}
	}
}

// TestConfigMapLost: what happens while nobody hears is found out, whatever it was
// that ended the watch.
func TestConfigMapLost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lose   func(*fakeAPI)
		stall  time.Duration // when silence is death; never if 0
		errors float64       // at least as many, where silence is
		logged string
		reason string
	}{
		{"ended", (*fakeAPI).cut, 0, 0, "", "as every API server does after a while"},
		{"error", func(a *fakeAPI) {
			a.send("configmaps", "ERROR", fakeObject{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"})
		}, 0, 1, "too old", "what the server says in the stream"},
		{"silent", (*fakeAPI).freeze, 500 * time.Millisecond, 1, "watch was silent for 500ms", "a connection that is dead"},
		{"refused", func(a *fakeAPI) {
			a.set(func() {
				for range 3 {
					a.faults = append(a.faults, fault{verb: "watch", resource: "configmaps", status: metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "not now"}})
				}
			})
			a.cut()
		}, 0, 3, "not now", "the same three times, and one line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := observe(t, newFakeAPI(t), KubernetesConfig{StallTimeout: tt.stall})
			f.set("1", "")
			waitFor(t, "it is told", func() bool { return slices.Contains(f.all(), "stubDomains=1") })
			waitFor(t, "a watch", func() bool { return f.api.asked("watch", "configmaps") > 0 })
			tt.lose(f.api)
			f.set("2", "")
			waitFor(t, "it is told", func() bool { return slices.Contains(f.all(), "stubDomains=2") })
			waitFor(t, "all errors are counted", func() bool { return metric(t, f.reg, "rollcall_kube_dns_configmap_errors_total") >= tt.errors })
			waitFor(t, "connected", func() bool { return metric(t, f.reg, "rollcall_kube_dns_configmap_connected") == 1 })
			log := f.log.String()
			// The next watch is as silent, and may be taken for dead before this is seen.
			n, want := strings.Count(log, "level=WARN"), min(1, int(tt.errors))
			if n < want || n > want && tt.stall == 0 || !strings.Contains(log, tt.logged) {
				t.Errorf("%s: %d warnings in\n%s", tt.reason, n, log)
			}
			if tt.errors > 0 {
				waitFor(t, "the log tells of its return", func() bool { return f.log.has("followed again", "configmap=kube-system/kube-dns") })
			}
		})
	}
}

// TestConfigMapForbidden: the right is granted later.
func TestConfigMapForbidden(t *testing.T) {
	for verb, code := range map[string]int32{"list": 403, "watch": 403, "list ": 401} {
		t.Run(verb+map[int32]string{403: "forbidden", 401: "unauthorized"}[code], func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			for range 4 {
				reason := map[int32]metav1.StatusReason{403: metav1.StatusReasonForbidden, 401: metav1.StatusReasonUnauthorized}[code]
				api.faults = append(api.faults, fault{verb: strings.TrimSpace(verb), resource: "configmaps", status: metav1.Status{Code: code, Reason: reason, Message: "no"}})
			}
			f := observe(t, api, KubernetesConfig{})
			waitFor(t, "known that it is not to be known", f.known)
			f.set("1", "")
			waitFor(t, "it is told", func() bool { return slices.Contains(f.all(), "stubDomains=1") })
			waitFor(t, "connected", func() bool { return f.log.has("followed again") })
			if n := strings.Count(f.log.String(), "level=ERROR"); n != 1 || !f.log.has("grant list and watch on it with a Role", "RoleBinding", "configmap=kube-system/kube-dns") {
				t.Errorf("%d errors, want one that says what to grant:\n%s", n, f.log)
			}
		})
	}
}

func TestConfigMapRead(t *testing.T) {
	api := newFakeAPI(t)
	m, err := NewConfigMap(KubernetesConfig{Endpoint: api.URL}, kubeDNS)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := m.Read(t.Context()); err != nil || data != nil {
		t.Errorf("without a ConfigMap: %v, %v", data, err)
	}
	(&observed{api: api}).set("1", "")
	if data, err := m.Read(t.Context()); err != nil || text(data) != "stubDomains=1" {
		t.Errorf("%v, %v", data, err)
	}
	api.faults = append(api.faults, fault{verb: "list", resource: "configmaps", status: metav1.Status{Code: 403, Reason: metav1.StatusReasonForbidden, Message: "you may not"}})
	if _, err := m.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "reading configmap kube-system/kube-dns: you may not") {
		t.Errorf("forbidden: %v", err)
	}
	if n := api.asked("watch", "configmaps"); n > 0 {
		t.Errorf("%d watches", n)
	}
}

func TestConfigMapErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config KubernetesConfig
		want   string
	}{
		{"config", KubernetesConfig{CertFile: "c"}, "configmap kube-system/kube-dns: a client certificate needs its key"},
		{"kubeconfig", KubernetesConfig{Kubeconfig: "/nonexistent"}, "/nonexistent: no such file or directory"},
	} {
		if _, err := NewConfigMap(tt.config, kubeDNS); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %s", tt.name, err, tt.want)
		}
	}
}
