package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollcall-dns/rollcall/watch/simulate"
	"github.com/rollcall-dns/rollcall/zone"
)

// What a program does to the objects of manifests. Each verb returns when the
// sink has what came of it, so that the next question sees it; before Run, it
// counts from the first load on. One that returns an error changed nothing.
// The first one reads the files, to know what there is.

// Apply puts objects, as a file with them would: over those of the same kind,
// namespace and name, from files or applied before. Objects of kinds without
// meaning for DNS are skipped. The objects stay the caller's.
func (m *Manifests) Apply(objects ...runtime.Object) error {
	return m.put(func(d *manifestDecoder) {
		for _, obj := range objects {
			d.typed(obj)
		}
	})
}

// ApplyText puts the objects of a text, which is a manifest of YAML or JSON.
// Errors call it name: "name:line: what is wrong, what is allowed".
func (m *Manifests) ApplyText(name string, text []byte) error {
	return m.put(func(d *manifestDecoder) { d.file(name, text) })
}

// ErrNoObject is in the error where a verb is for an object that there is not.
var ErrNoObject = errors.New("there is no")

// Delete removes an object of the manifests, whether it was read or applied. One
// that was read stays away until its file says another thing of it.
func (m *Manifests) Delete(kind, namespace, name string) error {
	return m.change(func(v *view) error {
		id, err := v.object(kind, namespace, name)
		if err != nil {
			return err
		}
		v.over.remove(id, m.base)
		return nil
	})
}

// SetReady says whether a pod is ready, whatever is written of it: one of the
// manifests, or one that a workload in them makes. It holds until the pod goes.
func (m *Manifests) SetReady(namespace, pod string, ready bool) error {
	key := types.NamespacedName{Namespace: m.namespace(namespace), Name: pod}
	return m.change(func(v *view) error {
		if !m.built.pods[key] {
			var have []string
			for p := range m.built.pods {
				if p.Namespace == key.Namespace {
					have = append(have, p.Name)
				}
			}
			return fmt.Errorf("there is no Pod %s; %s", key, among("pods there", have))
		}
		v.over.ready[key] = ready
		return nil
	})
}

// Scale says how many replicas a workload has, whatever is written: a
// StatefulSet, a Deployment, a ReplicaSet, a ReplicationController, or a Job's
// parallelism. The name may be that of the only workload of a name, or
// KIND/NAME as in "statefulset/web". It holds until the workload is applied
// anew.
func (m *Manifests) Scale(namespace, name string, replicas int) error {
	if replicas < 0 {
		return fmt.Errorf("scale %s: %d replicas: allowed is a number from 0", name, replicas)
	}
	return m.change(func(v *view) error {
		w, err := v.workload(namespace, name)
		if err != nil {
			return err
		}
		if w.Kind == "DaemonSet" {
			return fmt.Errorf("%s has a pod for each node, and no replicas: apply or delete Nodes", w)
		}
		v.over.scale[w] = replicas
		return nil
	})
}

// Roll replaces all pods of a workload, as a restart of its rollout does when
// it is done: they get other addresses and, but for a StatefulSet's, other
// names. The name is as for Scale.
func (m *Manifests) Roll(namespace, name string) error {
	return m.change(func(v *view) error {
		w, err := v.workload(namespace, name)
		if err != nil {
			return err
		}
		v.over.rolls[w]++
		for _, p := range m.built.cluster.Pods {
			if ref := metav1.GetControllerOfNoCopy(p); ref != nil && ref.Kind == w.Kind && ref.Name == w.Name && p.Namespace == w.Namespace {
				delete(v.over.ready, nameOf(p)) // the new one starts anew
			}
		}
		return nil
	})
}

// put decodes objects and lays them over the others.
func (m *Manifests) put(decode func(*manifestDecoder)) error {
	return m.change(func(v *view) error {
		d := newManifestDecoder(m)
		decode(d)
		if len(d.errs) > 0 {
			return errors.Join(d.errs...)
		}
		for id, e := range d.layer.objects {
			v.over.apply(id, e)
		}
		return nil
	})
}

// typed takes in an object that came as one, which has no lines.
func (d *manifestDecoder) typed(obj runtime.Object) {
	if meta.IsListType(obj) {
		items, err := meta.ExtractList(obj)
		if err != nil {
			d.fail(fmt.Errorf("%T: %w", obj, err))
			return
		}
		for _, item := range items {
			d.typed(item)
		}
		return
	}
	m, err := meta.Accessor(obj)
	if err != nil {
		d.fail(fmt.Errorf("%T is no Kubernetes object: %w", obj, err))
		return
	}
	name := strings.TrimPrefix(m.GetNamespace()+"/"+m.GetName(), "/")
	for _, r := range manifestResources() {
		if reflect.TypeOf(r.object()) == reflect.TypeOf(obj) {
			d.accept(&document{file: r.kind + " " + name}, obj.DeepCopyObject(), r)
			return
		}
	}
	// An unstructured object, or one of another module's type.
	gvk := obj.GetObjectKind().GroupVersionKind()
	name = cmp.Or(gvk.Kind, fmt.Sprintf("%T", obj)) + " " + name
	if resourceOf(gvk.Group, gvk.Kind) == nil {
		d.m.metrics.skipped.WithLabelValues(gvk.Kind).Inc()
		d.m.skipped(gvk.Group, cmp.Or(gvk.Kind, fmt.Sprintf("%T", obj)), &document{file: name})
		return
	}
	text, err := json.Marshal(obj)
	if err != nil {
		d.fail(fmt.Errorf("%s: %w", name, err))
		return
	}
	d.file(name, text)
}

// change makes a change to the overlay, and then to the sink. f gets a copy of
// the overlay, which counts only if all went well.
func (m *Manifests) change(f func(*view) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.built == nil {
		base, _, err := m.read(context.Background(), true)
		if err != nil {
			return err
		}
		built, err := m.build(base, m.over)
		if err != nil {
			return err
		}
		m.base, m.built = base, built
	}
	v := &view{m: m, over: m.over.clone()}
	if err := f(v); err != nil {
		return err
	}
	built, err := m.build(m.base, v.over)
	if err != nil {
		return err
	}
	v.over.forget(built.pods)
	m.over, m.built = v.over, built
	m.hand(built.set)
	return nil
}

// A view is what there is before a change, and the overlay to change.
type view struct {
	m    *Manifests
	over *overlay
}

// object finds an object of the manifests. The case of kind does not matter,
// nor whether it is the plural.
func (v *view) object(kind, namespace, name string) (objectID, error) {
	r := resourceNamed(kind)
	if r == nil {
		return objectID{}, fmt.Errorf("kind %q is not known; %s", kind, among("kinds", kindNames()))
	}
	id := objectID{r.kind, zone.Key{Name: name}}
	if !clusterScoped(r.kind) {
		id.Namespace = v.m.namespace(namespace)
	}
	objects := v.over.lay(v.m.base)
	if objects[id] != nil {
		return id, nil
	}
	if pod := v.pod(types.NamespacedName(id.Key)); r.kind == "Pod" && pod != nil {
		return id, fmt.Errorf("%s is made by its %s, which would make it again: scale or roll that", id, metav1.GetControllerOf(pod).Kind)
	}
	var have []string
	for other := range objects {
		if other.kind == id.kind {
			have = append(have, strings.TrimPrefix(other.Namespace+"/"+other.Name, "/"))
		}
	}
	return id, fmt.Errorf("%w %s; %s", ErrNoObject, id, among("objects of this kind", have))
}

// pod returns a pod of the cluster, nil for none.
func (v *view) pod(name types.NamespacedName) *corev1.Pod {
	for _, p := range v.m.built.cluster.Pods {
		if nameOf(p) == name {
			return p
		}
	}
	return nil
}

// workload finds a workload by its name, or by its kind and name.
func (v *view) workload(namespace, name string) (simulate.Workload, error) {
	namespace = v.m.namespace(namespace)
	kind, only, found := strings.Cut(name, "/")
	if !found {
		kind, only = "", name
	}
	var fit []simulate.Workload
	var have []string
	for _, w := range v.m.built.cluster.Workloads {
		if w.Namespace != namespace {
			continue
		}
		have = append(have, strings.ToLower(w.Kind)+"/"+w.Name)
		if r := resourceNamed(kind); w.Name == only && (kind == "" || r != nil && r.kind == w.Kind) {
			fit = append(fit, w)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return simulate.Workload{}, fmt.Errorf("%s can be %s %s or %s %s: write KIND/NAME", name, fit[0].Kind, only, fit[1].Kind, only)
	}
	return simulate.Workload{}, fmt.Errorf("there is no workload %s in namespace %s; %s", name, namespace, among("workloads there", have))
}

// namespace returns the namespace of an object that names ns or none.
func (m *Manifests) namespace(ns string) string { return cmp.Or(ns, m.config.Namespace) }

// resourceNamed returns the resource of a kind as people write it: "Service",
// "service" or "services".
func resourceNamed(kind string) *resource {
	for _, r := range manifestResources() {
		if strings.EqualFold(kind, r.kind) || strings.EqualFold(kind, r.kind+"s") {
			return &r
		}
	}
	return nil
}

func kindNames() (out []string) {
	for _, r := range manifestResources() {
		out = append(out, r.kind)
	}
	return out
}

// maxNamed is how many names an error lists.
const maxNamed = 12

// among says what there is.
func among(what string, names []string) string {
	if len(names) == 0 {
		return "there are no " + what
	}
	slices.Sort(names)
	list := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return what + " are " + list
}
