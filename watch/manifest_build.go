package watch

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollcall-dns/rollcall/watch/simulate"
	"github.com/rollcall-dns/rollcall/zone"
)

// A builder makes of manifests' objects what a sink is to hold: it lets the
// controllers play, and trims what they made.
type builder struct {
	m       *Manifests
	objects map[objectID]*entry
	over    *overlay
	cluster *simulate.Cluster
	set     *manifestSet
	// namespaces have the labels of the explicit and the implied ones.
	namespaces map[string]labels.Set
	published  map[zone.Key]bool            // Services with publishNotReadyAddresses
	slices     map[zone.Key][]*entry        // what is written for a Service
	services   map[zone.Key]*corev1.Service // as the controllers left them
	full       map[zone.Key]bool            // Services for which endpoints were made
}

// built is what a build made.
type built struct {
	set     *manifestSet
	cluster *simulate.Cluster
	pods    map[types.NamespacedName]bool // Pods, and those that written slices name
}

// build plays the controllers over a layer of files with what was changed
// since laid over it.
func (m *Manifests) build(base *layer, over *overlay) (*built, error) {
	b, err := m.expand(base, over)
	if err != nil {
		return nil, err
	}
	return &built{b.set, b.cluster, b.pods()}, nil
}

// expand is build, before it is forgotten what the set was made of.
func (m *Manifests) expand(base *layer, over *overlay) (*builder, error) {
	b := &builder{
		m: m, objects: over.lay(base), over: over,
		set:        newManifestSet(watched(m.config.Kinds)),
		namespaces: make(map[string]labels.Set),
		published:  make(map[zone.Key]bool),
		slices:     make(map[zone.Key][]*entry),
		services:   make(map[zone.Key]*corev1.Service),
		full:       make(map[zone.Key]bool),
	}
	var err error
	if b.cluster, err = b.world().Expand(); err != nil {
		return nil, b.placed(err)
	}
	if err := b.trim(); err != nil {
		return nil, err
	}
	b.advise()
	return b, nil
}

// placed adds to an error of the controllers the place of what is to blame.
func (b *builder) placed(err error) error {
	var many *simulate.TooManyError
	if errors.As(err, &many) {
		w := many.Workload
		if e := b.objects[objectID{w.Kind, zone.Key{Namespace: w.Namespace, Name: w.Name}}]; e != nil {
			return fmt.Errorf("%s: %w", e.place, err)
		}
	}
	return fmt.Errorf("manifests: %w", err)
}

// pods returns the names of the pods that there are.
func (b *builder) pods() map[types.NamespacedName]bool {
	out := make(map[types.NamespacedName]bool, len(b.cluster.Pods))
	for _, p := range b.cluster.Pods {
		out[nameOf(p)] = true
	}
	for _, entries := range b.slices {
		for _, e := range entries {
			slice := e.trimmed.(*zone.EndpointSlice)
			for i := range slice.Endpoints {
				if pod := slice.Endpoints[i].Pod; pod != "" {
					out[types.NamespacedName{Namespace: slice.Namespace, Name: pod}] = true
				}
			}
		}
	}
	return out
}

// world returns what the controllers get to see, and notes on the way what is
// written.
func (b *builder) world() *simulate.World {
	w := b.over.world()
	w.NotReady = b.m.config.NotReady
	for id, e := range b.objects {
		if ns, ok := e.object.(*corev1.Namespace); ok {
			set := labels.Set{corev1.LabelMetadataName: ns.Name}
			for k, v := range ns.Labels {
				set[k] = v
			}
			b.namespaces[ns.Name] = set
			continue
		}
		if _, ok := b.namespaces[id.Namespace]; !ok && id.Namespace != "" {
			b.namespaces[id.Namespace] = labels.Set{corev1.LabelMetadataName: id.Namespace}
		}
		switch o := e.trimmed.(type) {
		case nil:
			w.Objects = append(w.Objects, e.object)
		case *zone.EndpointSlice:
			if o.Service == "" {
				continue
			}
			key := zone.Key{Namespace: o.Namespace, Name: o.Service}
			b.slices[key] = append(b.slices[key], e)
			w.Sliced[types.NamespacedName(key)] = true
			for i := range o.Endpoints {
				w.Taken = append(w.Taken, o.Endpoints[i].Addresses...)
			}
		}
	}
	return w
}

// trim fills the set with what is selected.
func (b *builder) trim() error {
	for name, set := range b.namespaces {
		if b.m.selectors.namespaces.Matches(set) {
			b.put(&zone.Namespace{Meta: zone.Meta{Name: b.m.trimmer.intern(name)}})
		}
	}
	for _, s := range b.cluster.Services {
		b.services[zone.Key(nameOf(s))] = s
		b.published[zone.Key(nameOf(s))] = s.Spec.PublishNotReadyAddresses
		if err := b.add(s, &s.ObjectMeta, zone.Services); err != nil {
			return err
		}
	}
	for _, s := range b.cluster.EndpointSlices {
		if len(s.Endpoints) > 0 {
			b.full[zone.Key{Namespace: s.Namespace, Name: s.Labels[discoveryv1.LabelServiceName]}] = true
		}
		if err := b.add(s, &s.ObjectMeta, zone.EndpointSlices); err != nil {
			return err
		}
	}
	for _, p := range b.cluster.Pods {
		if err := b.add(p, &p.ObjectMeta, zone.Pods); err != nil {
			return err
		}
	}
	for _, e := range b.objects {
		if e.selected {
			b.put(b.conditions(e.trimmed))
		}
	}
	return nil
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// add trims an object, if it is selected and of a kind that is watched.
func (b *builder) add(obj any, meta *metav1.ObjectMeta, kind zone.Kind) error {
	if _, ok := b.set.objects[kind]; !ok || !b.m.selectors.of(kind).Matches(labels.Set(meta.Labels)) {
		return nil
	}
	trimmed, _, err := b.m.trimmer.trim(obj)
	if err != nil {
		return err
	}
	b.put(trimmed)
	return nil
}

func (b *builder) put(o zone.Object) {
	if objects, ok := b.set.objects[o.Kind()]; ok {
		objects[o.Key()] = o
	}
}

// conditions returns a written EndpointSlice with the conditions that the
// controller would have written: an endpoint whose Service has
// publishNotReadyAddresses is ready, and so or not is one whose pod was said to
// be. Other objects are returned as they are.
func (b *builder) conditions(o zone.Object) zone.Object {
	slice, ok := o.(*zone.EndpointSlice)
	if !ok {
		return o
	}
	publish := b.published[zone.Key{Namespace: slice.Namespace, Name: slice.Service}]
	if !publish && len(b.over.ready) == 0 {
		return o
	}
	out := *slice
	out.Endpoints = slices.Clone(slice.Endpoints)
	for i := range out.Endpoints {
		e := &out.Endpoints[i]
		if ready, ok := b.over.ready[types.NamespacedName{Namespace: slice.Namespace, Name: e.Pod}]; ok {
			e.Serving, e.Ready = ready, ready && !e.Terminating
		}
		e.Ready = e.Ready || publish
	}
	return &out
}
