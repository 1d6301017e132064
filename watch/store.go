package watch

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/rollcall-dns/rollcall/zone"
)

// A store is where a reflector puts what it hears of one kind. It keeps
// nothing: it trims, and passes on to the sink.
//
// A reflector calls it from one goroutine at a time, with API objects, except
// that what Transformer or trimmed made is what Replace gets.
type store struct {
	kind    zone.Kind
	sink    Sink
	trimmer *trimmer
	latency *latency
	track   *tracker
	metrics *apiMetrics
	log     *slog.Logger
	skips   skipLog

	// reset is set when the API server's history turned out to be behind
	// what was already heard, as after etcd was restored from a backup: equal
	// versions then no longer mean equal objects, until the next Replace.
	reset atomic.Bool
}

var (
	_ cache.TransformingStore      = (*store)(nil)
	_ cache.ReflectorBookmarkStore = (*store)(nil)
)

// Add implements cache.ReflectorStore.
func (s *store) Add(obj any) error { s.put(obj); return nil }

// Update implements cache.ReflectorStore.
func (s *store) Update(obj any) error { s.put(obj); return nil }

func (s *store) put(raw any) {
	s.track.heard("put")
	defer s.skipPanic(raw)
	obj := s.trim(raw)
	if obj == nil {
		return
	}
	before := s.sink.Object(s.kind, obj.Key())
	if unchanged(before, obj.Version()) {
		return
	}
	s.sink.Apply(zone.Event{Op: zone.Put, Kind: s.kind, Object: obj})
	s.latency.observe(before, obj, raw)
}

// Delete implements cache.ReflectorStore.
func (s *store) Delete(raw any) error {
	s.track.heard("remove")
	defer s.skipPanic(raw)
	m, err := meta.Accessor(raw)
	if err != nil {
		return fmt.Errorf("deleted object: %w", err)
	}
	s.sink.Apply(zone.Event{Op: zone.Remove, Kind: s.kind, Key: zone.Key{Namespace: m.GetNamespace(), Name: m.GetName()}})
	return nil
}

// Replace implements cache.ReflectorStore.
func (s *store) Replace(list []any, _ string) (err error) {
	// The sink failing on a whole list is no bad object that could be left
	// out: the reflector is told, and tries again later.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("replace %s: panic: %v", s.kind, p)
			s.log.Error("could not apply a list", "err", err, "stack", string(debug.Stack()))
			s.track.failed("list", err)
		}
	}()
	objects := make([]zone.Object, 0, len(list))
	for _, o := range list {
		// What was skipped left a nil.
		switch o := o.(type) {
		case zone.Object:
			objects = append(objects, o)
		case *listed:
			objects = append(objects, o.object)
		}
	}
	n := len(objects)
	s.sink.Apply(zone.Event{Op: zone.Replace, Kind: s.kind, Objects: objects})
	s.reset.Store(false)
	s.track.replaced(n)
	return nil
}

// Resync implements cache.ReflectorStore; nothing is resynced by the clock.
func (s *store) Resync() error { return nil }

// Bookmark implements cache.ReflectorBookmarkStore.
func (s *store) Bookmark(string) error {
	s.track.heard("bookmark")
	return nil
}

// Transformer implements cache.TransformingStore. What a streamed list has so
// far is held as the function's results, so they are trimmed at once.
func (s *store) Transformer() cache.TransformFunc {
	return func(raw any) (any, error) {
		if obj := s.trimmed(raw); obj != nil {
			return obj, nil
		}
		return nil, nil
	}
}

// trimmed trims an object of a list: to the object that the sink holds where
// the version says that nothing changed, nil for one to skip.
func (s *store) trimmed(raw any) (obj zone.Object) {
	defer s.skipPanic(raw)
	if m, err := meta.Accessor(raw); err == nil && !s.reset.Load() {
		live := s.sink.Object(s.kind, zone.Key{Namespace: m.GetNamespace(), Name: m.GetName()})
		if unchanged(live, version(m.GetResourceVersion())) {
			return live
		}
	}
	return s.trim(raw)
}

// unchanged reports whether live is the object at version v.
func unchanged(live zone.Object, v uint64) bool {
	return live != nil && v != 0 && live.Version() == v
}

func (s *store) trim(raw any) zone.Object {
	obj, bad, err := s.trimmer.trim(raw)
	if err != nil {
		s.skip(raw, err)
		return nil
	}
	if bad > 0 {
		s.metrics.partsSkipped.WithLabelValues(s.kind.String()).Add(float64(bad))
		if s.skips.first(obj.Key()) {
			s.log.Warn("left out addresses or ports that can't be understood",
				"namespace", obj.Key().Namespace, "name", obj.Key().Name, "parts", bad)
		}
	}
	return obj
}

// skipPanic, deferred, makes of a panic over one object a skipped object.
func (s *store) skipPanic(raw any) {
	if p := recover(); p != nil {
		s.skip(raw, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

func (s *store) skip(raw any, err error) {
	s.metrics.objectsSkipped.WithLabelValues(s.kind.String()).Inc()
	var key zone.Key
	if m, e := meta.Accessor(raw); e == nil {
		key = zone.Key{Namespace: m.GetNamespace(), Name: m.GetName()}
	}
	if s.skips.first(key) {
		s.log.Error("skipped an object", "namespace", key.Namespace, "name", key.Name, "err", err)
	}
}

// listed is a trimmed object in the shape that a reflector wants of list items.
type listed struct{ object zone.Object }

// GetObjectKind implements runtime.Object.
func (*listed) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object. A trimmed object is immutable.
func (l *listed) DeepCopyObject() runtime.Object { return &listed{l.object} }

// trimmedList is a whole list, trimmed page by page.
type trimmedList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []runtime.Object
}

// DeepCopyObject implements runtime.Object.
func (l *trimmedList) DeepCopyObject() runtime.Object {
	return &trimmedList{l.TypeMeta, *l.ListMeta.DeepCopy(), append([]runtime.Object(nil), l.Items...)}
}
