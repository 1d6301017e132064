package watch

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Helm's annotations of what is no part of a release, but something that is
// done on the way: "helm template" prints it with the rest.
const (
	annotationHook       = "helm.sh/hook"
	annotationHookDelete = "helm.sh/hook-delete-policy"
)

// hookOf returns the annotation of a Helm hook that is gone once its release is
// installed, "" for an object that is there: a Pod or a Job has ended, what
// succeeds is deleted if it says so, and what waits for a test, an upgrade or
// a deletion does not exist yet.
func hookOf(kind string, m metav1.Object) string {
	hook := m.GetAnnotations()[annotationHook]
	if hook == "" {
		return ""
	}
	installs := slices.ContainsFunc(strings.Split(hook, ","), func(event string) bool {
		return strings.HasSuffix(strings.TrimSpace(event), "-install") // pre-, post- and crd-
	})
	deleted := strings.Contains(m.GetAnnotations()[annotationHookDelete], "hook-succeeded")
	if installs && !deleted && kind != "Pod" && kind != "Job" {
		return ""
	}
	return hook
}

// skippedHook logs that a hook was left out, once for its kind and its event.
func (m *Manifests) skippedHook(hook, kind string, doc *document) {
	m.metrics.skipped.WithLabelValues(kind).Inc()
	m.inform("hook "+hook+kind, "skipping a Helm hook that is gone after the installation", "hook", hook, "kind", kind,
		"first", fmt.Sprint(place{doc.file, doc.line}))
}
