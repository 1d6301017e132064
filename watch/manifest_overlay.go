package watch

import (
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rollcall-dns/rollcall/watch/simulate"
)

// An overlay is what verbs changed, and lies over what is in files.
type overlay struct {
	applied map[objectID]*entry
	// deleted has objects of files that are gone until the file says another
	// thing of them, or no longer has them.
	deleted map[objectID]fingerprint
	ready   map[types.NamespacedName]bool
	scale   map[simulate.Workload]int
	rolls   map[simulate.Workload]int
}

func newOverlay() *overlay {
	return &overlay{
		applied: make(map[objectID]*entry),
		deleted: make(map[objectID]fingerprint),
		ready:   make(map[types.NamespacedName]bool),
		scale:   make(map[simulate.Workload]int),
		rolls:   make(map[simulate.Workload]int),
	}
}

func (o *overlay) clone() *overlay {
	return &overlay{maps.Clone(o.applied), maps.Clone(o.deleted), maps.Clone(o.ready), maps.Clone(o.scale), maps.Clone(o.rolls)}
}

// lay returns the objects of a layer with the overlay over them. The result
// may be the layer's own map.
func (o *overlay) lay(base *layer) map[objectID]*entry {
	if len(o.applied)+len(o.deleted) == 0 {
		return base.objects
	}
	out := maps.Clone(base.objects)
	for id := range o.deleted {
		delete(out, id)
	}
	maps.Copy(out, o.applied)
	return out
}

// renew forgets deletions that a newly read layer of files undoes.
func (o *overlay) renew(base *layer) {
	for id, sum := range o.deleted {
		if e := base.objects[id]; e == nil || e.sum != sum {
			delete(o.deleted, id)
		}
	}
}

// apply lays an object over the others. What was said of the object before it
// is no longer so.
func (o *overlay) apply(id objectID, e *entry) {
	o.applied[id] = e
	delete(o.scale, workloadOf(id))
	if id.kind == "Pod" {
		delete(o.ready, types.NamespacedName(id.Key))
	}
}

// remove takes an object away, from the overlay and from the layer below.
func (o *overlay) remove(id objectID, base *layer) {
	delete(o.applied, id)
	if e := base.objects[id]; e != nil {
		o.deleted[id] = e.sum
	}
	delete(o.scale, workloadOf(id))
	delete(o.rolls, workloadOf(id))
	if id.kind == "Pod" {
		delete(o.ready, types.NamespacedName(id.Key))
	}
}

// forget drops what was said of pods that are gone: one that comes back under
// the same name is another.
func (o *overlay) forget(known map[types.NamespacedName]bool) {
	maps.DeleteFunc(o.ready, func(name types.NamespacedName, _ bool) bool { return !known[name] })
}

// world returns a World with what the overlay says, and no object.
func (o *overlay) world() *simulate.World {
	return &simulate.World{
		Sliced: make(map[types.NamespacedName]bool),
		Ready:  o.ready,
		Scale:  o.scale,
		Rolls:  o.rolls,
	}
}

func workloadOf(id objectID) simulate.Workload {
	return simulate.Workload{Kind: id.kind, Namespace: id.Namespace, Name: id.Name}
}
