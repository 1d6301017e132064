package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/watch/simulate"
	"github.com/rollcall-dns/rollcall/zone"
)

// workloads are the kinds that manifests may have beside those that DNS
// depends on: what makes Pods, Nodes, which say where, and Endpoints.
var workloads = []resource{
	{group: corev1.SchemeGroupVersion, kind: "Endpoints", object: func() runtime.Object { return new(simulate.Endpoints) }},
	{group: corev1.SchemeGroupVersion, kind: "Node", object: func() runtime.Object { return new(corev1.Node) }},
	{group: corev1.SchemeGroupVersion, kind: "ReplicationController", object: func() runtime.Object { return new(corev1.ReplicationController) }},
	{group: appsv1.SchemeGroupVersion, kind: "DaemonSet", object: func() runtime.Object { return new(appsv1.DaemonSet) }},
	{group: appsv1.SchemeGroupVersion, kind: "Deployment", object: func() runtime.Object { return new(appsv1.Deployment) }},
	{group: appsv1.SchemeGroupVersion, kind: "ReplicaSet", object: func() runtime.Object { return new(appsv1.ReplicaSet) }},
	{group: appsv1.SchemeGroupVersion, kind: "StatefulSet", object: func() runtime.Object { return new(appsv1.StatefulSet) }},
	{group: batchv1.SchemeGroupVersion, kind: "Job", object: func() runtime.Object { return new(batchv1.Job) }},
}

// manifestResources are all kinds that manifests may have.
func manifestResources() []resource {
	out := make([]resource, 0, len(zone.Kinds)+len(workloads))
	for _, k := range zone.Kinds {
		out = append(out, resources[k])
	}
	return append(out, workloads...)
}

// resourceOf returns the resource of a group's kind, nil for one without
// meaning for DNS: a Service of another group is no Service.
func resourceOf(group, kind string) *resource {
	for _, r := range manifestResources() {
		if r.group.Group == group && r.kind == kind {
			return &r
		}
	}
	return nil
}

// clusterScoped reports whether objects of a kind are in no namespace.
func clusterScoped(kind string) bool { return kind == "Namespace" || kind == "Node" }

// An objectID names an object of manifests.
type objectID struct {
	kind string
	zone.Key
}

// String returns the object as "Service default/web".
func (id objectID) String() string {
	return id.kind + " " + strings.TrimPrefix(id.Namespace+"/"+id.Name, "/")
}

// A place is where an object was read: a line of a file, or line 0 of
// something that has none.
type place struct {
	file string
	line int
}

func (p place) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// An entry is an object of manifests. What no controller touches is trimmed at
// once, and the rest when the controllers have played.
type entry struct {
	place    place
	object   runtime.Object // nil if it is trimmed
	trimmed  zone.Object    // an EndpointSlice or ServiceImport
	selected bool           // whether what is trimmed has the labels asked for
	sum      fingerprint    // of what was written, if anybody will ask
}

// A fingerprint tells one text from another.
type fingerprint [16]byte

// A layer is what was read: all files' objects, or those that were applied.
type layer struct {
	objects map[objectID]*entry
	files   map[string]content // by the files' names
}

// content says what is in a file.
type content struct {
	objects int  // of kinds that DNS reads
	blank   bool // it has nothing but comments and white space
}

func newLayer() *layer {
	return &layer{objects: make(map[objectID]*entry), files: make(map[string]content)}
}

// emptied says which files had objects in prev and are blank now. A shell's
// "command > file" empties the file before it writes, and an editor may: taken
// for the truth, that would be a deletion of everything in it.
func (l *layer) emptied(prev map[string]content) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if had := prev[name].objects; had > 0 && l.files[name].blank {
			errs = append(errs, fmt.Errorf("%s: it is empty and held %d objects; they stay until it has content or is deleted", name, had))
		}
	}
	return errors.Join(errs...)
}
