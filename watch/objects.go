package watch

import (
	"context"
	"fmt"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/zone"
)

// An Object is one of a cluster's, as DNS has it and as the API has it.
type Object struct {
	zone.Object
	// Whole is what was trimmed: nil for what manifests only imply or write
	// without need of more (Namespaces, EndpointSlices, ServiceImports).
	Whole runtime.Object
	// Hidden says that a selector of the configuration leaves it out of the zones.
	Hidden bool
}

// Objects are all of a cluster's.
type Objects []Object

// List returns the objects of a kind in a namespace, of all namespaces for "".
func (o Objects) List(_ context.Context, kind zone.Kind, namespace string) ([]Object, error) {
	var out []Object
	for _, obj := range o {
		if obj.Kind() == kind && (namespace == "" || obj.Key().Namespace == namespace) {
			out = append(out, obj)
		}
	}
	return out, nil
}

// Select returns the objects of a kind that match a label selector. Of an EndpointSlice
// that is written, the label of its Service is known alone.
func (o Objects) Select(_ context.Context, kind zone.Kind, selector labels.Selector) ([]Object, error) {
	var out []Object
	for _, obj := range o {
		if obj.Kind() == kind && selector.Matches(obj.labels()) {
			out = append(out, obj)
		}
	}
	return out, nil
}

// labels returns the labels, as far as they are known.
func (o Object) labels() labels.Set {
	if m, err := meta.Accessor(o.Whole); err == nil {
		return m.GetLabels()
	}
	if s, ok := o.Object.(*zone.EndpointSlice); ok {
		return labels.Set{discoveryv1.LabelServiceName: s.Service}
	}
	return nil
}

// Get returns an object, and false if there is none.
func (o Objects) Get(_ context.Context, kind zone.Kind, key zone.Key) (Object, bool, error) {
	for _, obj := range o {
		if obj.Kind() == kind && obj.Key() == key {
			return obj, true, nil
		}
	}
	return Object{}, false, nil
}

// Read reads the manifests once, and returns what the controllers make of them, of
// all kinds, whatever the configuration watches.
func (m *Manifests) Read(ctx context.Context) (Objects, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	base, _, err := m.read(ctx, false)
	if err != nil {
		return nil, err
	}
	b, err := m.expand(base, m.over)
	if err != nil {
		return nil, err
	}
	return b.all()
}

// all returns the objects in the order in which a zone should get them.
func (b *builder) all() (out Objects, err error) {
	for name, set := range b.namespaces {
		out = append(out, Object{
			Object: &zone.Namespace{Meta: zone.Meta{Name: name}},
			Hidden: !b.m.selectors.namespaces.Matches(set),
		})
	}
	var whole []runtime.Object
	for _, s := range b.cluster.Services {
		whole = append(whole, s)
	}
	for _, s := range b.cluster.EndpointSlices {
		whole = append(whole, s)
	}
	for _, p := range b.cluster.Pods {
		whole = append(whole, p)
	}
	for _, obj := range whole {
		o, err := b.m.selectors.object(&b.m.trimmer, obj)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	for _, e := range b.objects {
		if e.trimmed != nil {
			out = append(out, Object{Object: b.conditions(e.trimmed), Hidden: !e.selected})
		}
	}
	return out, nil
}

// object trims an object of the API.
func (s selectors) object(t *trimmer, whole runtime.Object) (Object, error) {
	trimmed, _, err := t.trim(whole)
	if err != nil {
		return Object{}, err
	}
	m, err := meta.Accessor(whole)
	if err != nil {
		return Object{}, fmt.Errorf("%T: %w", whole, err)
	}
	return Object{Object: trimmed, Whole: whole, Hidden: !s.matches(trimmed.Kind(), m)}, nil
}

func (s selectors) matches(kind zone.Kind, m metav1.Object) bool {
	return s.of(kind).Matches(labels.Set(m.GetLabels()))
}
