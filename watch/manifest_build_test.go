package watch

import (
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/zone"
)

// loaded returns a sink with what manifests mean.
func loaded(t *testing.T, c ManifestsConfig, text string) *memSink {
	t.Helper()
	c.Paths, c.Stdin = []string{"-"}, strings.NewReader(text)
	events, err := newTestManifests(t, c).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sink := newMemSink()
	sink.Apply(events...)
	return sink
}

// TestPlayed: what controllers make is watched, selected and namespaced as what
// is written is.
func TestPlayed(t *testing.T) {
	labelled := strings.Replace(nginx, "metadata: {name: nginx}", "metadata: {name: nginx, labels: {dns: yes-please}}", 1)
	for _, tt := range []struct {
		name, reason string
		config       ManifestsConfig
		text         string
		hosts, pods  string
	}{
		{"by default", "Pods are not watched", ManifestsConfig{}, nginx, "web-0 web-1 web-2", ""},
		{"pods", "made ones too", ManifestsConfig{Kinds: allKinds}, nginx, "web-0 web-1 web-2", "default/web-0 default/web-1 default/web-2"},
		{"namespace", "of manifests that name none", ManifestsConfig{Kinds: allKinds, Namespace: "prod"}, nginx, "web-0 web-1 web-2", "prod/web-0 prod/web-1 prod/web-2"},
		{"not ready", "by default", ManifestsConfig{NotReady: true}, nginx, "!web-0 !web-1 !web-2", ""},
		{"labels", "a made slice has its Service's, a made pod its template's", ManifestsConfig{Kinds: allKinds, Labels: "dns=yes-please"}, labelled, "web-0 web-1 web-2", ""},
		{"other labels", "pods, and no Service", ManifestsConfig{Kinds: allKinds, Labels: "app=nginx"}, nginx, "", "default/web-0 default/web-1 default/web-2"},
		{"no endpoints", "slices are not watched", ManifestsConfig{Kinds: []zone.Kind{zone.Services}}, nginx, "", ""},
		{"given slice", "it wins", ManifestsConfig{}, nginx + "---\n" + sliceOf("nginx"), "!", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := loaded(t, tt.config, tt.text)
			if got := sink.hosts("nginx"); got != tt.hosts {
				t.Errorf("endpoints %q, want %q; reason: %s", got, tt.hosts, tt.reason)
			}
			if got := sink.names(zone.Pods); got != tt.pods {
				t.Errorf("pods %q, want %q; reason: %s", got, tt.pods, tt.reason)
			}
		})
	}
}

// TestPlayedNamespaces: workloads imply their Namespace, and Nodes none.
func TestPlayedNamespaces(t *testing.T) {
	sink := loaded(t, ManifestsConfig{}, strings.Replace(setOf("web", 1), "{name: web}", "{name: web, namespace: prod}", 1)+
		"---\napiVersion: v1\nkind: Node\nmetadata: {name: n, namespace: x}\n")
	if got := sink.names(zone.Namespaces); got != "prod" {
		t.Errorf("namespaces %q, want prod", got)
	}
}

// TestReadyOfGivenSlice: a pod that is said to be unready is so in a written
// slice too, and what is written is not changed.
func TestReadyOfGivenSlice(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	slice := strings.Replace(sliceOf("web"), "conditions: {ready: false}", "hostname: a, targetRef: {kind: Pod, name: p}", 1)
	if err := m.ApplyText("in", []byte(headless("web")+"---\n"+slice)); err != nil {
		t.Fatal(err)
	}
	for _, ready := range []bool{false, true, false} {
		if err := m.SetReady("", "p", ready); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{false: "!a", true: "a"}[ready]
		if got := sink.hosts("web"); got != want {
			t.Errorf("ready %t: endpoints %q, want %q", ready, got, want)
		}
	}
	if err := m.ApplyText("in", []byte(strings.Replace(headless("web"), "None", "None, publishNotReadyAddresses: true", 1))); err != nil {
		t.Fatal(err)
	}
	if got := sink.hosts("web"); got != "a" {
		t.Errorf("published: endpoints %q, want a", got)
	}
	if err := m.ApplyText("in", []byte(headless("web"))); err != nil {
		t.Fatal(err)
	}
	if got := sink.hosts("web"); got != "!a" {
		t.Errorf("published no more: endpoints %q, want !a", got)
	}
}

// TestChangesAreFew: a verb hands over what changed, and nothing else.
func TestChangesAreFew(t *testing.T) {
	m, sink := runs(t, ManifestsConfig{})
	if err := m.ApplyText("in", []byte(nginx+"---\n"+headless("a", "b", "c"))); err != nil {
		t.Fatal(err)
	}
	before := len(sink.seen())
	if err := m.SetReady("", "web-1", false); err != nil {
		t.Fatal(err)
	}
	events := sink.seen()[before:]
	if len(events) != 1 || events[0].Op != zone.Put || events[0].Object.Kind() != zone.EndpointSlices {
		t.Errorf("events %+v, want one slice put", events)
	}
	if err := m.SetReady("", "web-1", false); err != nil || len(sink.seen()) != before+1 {
		t.Errorf("error %v, and %d events of the same again, want none", err, len(sink.seen())-before-1)
	}
}

func TestHelmHooks(t *testing.T) {
	hook := func(kind, event, more string) string {
		var b strings.Builder
		b.WriteString(map[string]string{
			"Service": "apiVersion: v1\nkind: Service\n",
			"Pod":     "apiVersion: v1\nkind: Pod\n",
			"Job":     "apiVersion: batch/v1\nkind: Job\n",
		}[kind])
		b.WriteString("metadata:\n  name: x\n  annotations:\n    helm.sh/hook: " + event + "\n")
		if more != "" {
			b.WriteString("    helm.sh/hook-delete-policy: " + more + "\n")
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, reason, text string
		there              bool
	}{
		{"test", "waits for helm test", hook("Pod", "test", ""), false},
		{"job", "has ended", hook("Job", "pre-install,pre-upgrade", ""), false},
		{"service", "stays", hook("Service", "pre-install", ""), true},
		{"service that goes", "is deleted", hook("Service", "post-install", "before-hook-creation,hook-succeeded"), false},
		{"service for a deletion", "is not there yet", hook("Service", "pre-delete", ""), false},
		{"two events", "one of which has happened", hook("Service", "\"post-upgrade, post-install\"", ""), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := loaded(t, ManifestsConfig{Kinds: allKinds}, tt.text)
			if got := sink.names(zone.Services)+sink.names(zone.Pods) != ""; got != tt.there {
				t.Errorf("there: %t, want %t; reason: %s", got, tt.there, tt.reason)
			}
		})
	}
}
