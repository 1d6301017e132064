package watch

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/zone"
)

// What about manifests is allowed but hardly meant.

// advise warns of Services, EndpointSlices and workloads that lack one another.
// It looks at all objects, also those that a label selector leaves out.
func (b *builder) advise() {
	if _, watched := b.set.objects[zone.EndpointSlices]; !watched {
		return
	}
	for _, key := range sortedKeys(b.slices) {
		if b.services[key] != nil {
			continue
		}
		for _, e := range b.slices[key] {
			b.m.warn("%s: %s, which the EndpointSlice belongs to, is not in the manifests, so the slice has no names",
				e.place, objectID{"Service", key})
		}
	}
	for _, key := range sortedKeys(b.services) {
		s, id := b.services[key], objectID{"Service", key}
		switch {
		case s.Spec.ClusterIP != corev1.ClusterIPNone || len(b.slices[key]) > 0 || b.full[key]:
		case len(s.Spec.Selector) == 0:
			b.m.warn("%s: headless %s has no selector and no EndpointSlice, so it has no names: write one with the label kubernetes.io/service-name: %s",
				b.objects[id].place, id, key.Name)
		case !b.selects(s):
			b.m.warn("%s: headless %s selects %s, and no pod has these labels, so it has no names: write what makes such pods, or an EndpointSlice",
				b.objects[id].place, id, labels.FormatLabels(s.Spec.Selector))
		}
	}
	for _, id := range b.endpoints() {
		if b.services[id.Key] == nil {
			b.m.warn("%s: %s belongs to no Service in the manifests, so it has no names", b.objects[id].place, id)
		}
	}
	for _, w := range b.cluster.Workloads {
		id := objectID{w.Kind, zone.Key{Namespace: w.Namespace, Name: w.Name}}
		set, ok := b.objects[id].object.(*appsv1.StatefulSet)
		if !ok || set.Spec.ServiceName == "" || b.services[zone.Key{Namespace: id.Namespace, Name: set.Spec.ServiceName}] != nil {
			continue
		}
		b.m.warn("%s: %s has the serviceName %s, and there is no such Service, so its pods have no names of their own: write a headless Service",
			b.objects[id].place, id, set.Spec.ServiceName)
	}
}

// endpoints returns the Endpoints that there are, in order.
func (b *builder) endpoints() (out []objectID) {
	for id := range b.objects {
		if id.kind == "Endpoints" {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b objectID) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// selects reports whether a Service selects pods that there are, or would be if
// their workload had any.
func (b *builder) selects(s *corev1.Service) bool {
	selector := labels.SelectorFromValidatedSet(s.Spec.Selector)
	for _, p := range b.cluster.Pods {
		if p.Namespace == s.Namespace && selector.Matches(labels.Set(p.Labels)) {
			return true
		}
	}
	for id, e := range b.objects {
		if t := templateOf(e.object); t != nil && id.Namespace == s.Namespace && selector.Matches(labels.Set(t.Labels)) {
			return true
		}
	}
	return false
}

// templateOf returns a workload's pod template, nil for other objects.
func templateOf(obj runtime.Object) *corev1.PodTemplateSpec {
	switch o := obj.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	case *batchv1.Job:
		return &o.Spec.Template
	case *corev1.ReplicationController:
		return o.Spec.Template
	}
	return nil
}

// skipped logs that an object of a kind without meaning for DNS was left out:
// once for a kind, and each object of a kind that was meant to have one.
func (m *Manifests) skipped(group, kind string, doc *document) {
	at := place{doc.file, doc.line}
	for _, r := range manifestResources() {
		if r.group.Group == group && strings.EqualFold(r.kind, kind) {
			m.warn("%s: kind %q is not known and is skipped; did you mean %s?", at, kind, r.kind)
			return
		}
	}
	kind = strings.TrimSuffix(kind+"."+group, ".")
	m.inform(kind, "skipping a kind without meaning for DNS", "kind", kind, "first", fmt.Sprint(at))
}

// inform logs something once for a key.
func (m *Manifests) inform(key, msg string, args ...any) {
	if _, ok := m.said[key]; !ok {
		m.said[key] = struct{}{}
		m.log.Info(msg, args...)
	}
}
