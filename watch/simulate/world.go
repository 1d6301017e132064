package simulate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// A Workload names what makes Pods.
type Workload struct{ Kind, Namespace, Name string }

// String returns the workload as "StatefulSet default/web".
func (w Workload) String() string { return w.Kind + " " + w.Namespace + "/" + w.Name }

// A World is what is known of a cluster before its controllers did anything.
// The zero value is an empty one.
type World struct {
	// Objects are Services, Endpoints, Pods, Nodes and workloads (apps/v1, batch/v1 and
	// core/v1), each with its namespace, and each once. They are read as the
	// API server would have them but for defaults, which may be missing.
	Objects []runtime.Object
	// Sliced has the Services for which EndpointSlices are written, and Taken
	// the addresses in them. They are not among Objects, since no controller
	// touches them.
	Sliced map[types.NamespacedName]bool
	Taken  []netip.Addr

	// NotReady makes Pods unready of which nothing else is said.
	NotReady bool
	// Ready says of single Pods whether they are ready, whatever is written.
	Ready map[types.NamespacedName]bool
	// Scale has the replicas of workloads, whatever is written; a Job's is its
	// parallelism. A DaemonSet has none.
	Scale map[Workload]int
	// Rolls says how often a workload's pods were all replaced. Each time they
	// get other addresses, and other names if their names are random.
	Rolls map[Workload]int
}

// A Cluster is what the controllers make of a World.
type Cluster struct {
	// Workloads are those of the World, ordered, but for ReplicaSets that are
	// a written Deployment's.
	Workloads []Workload
	// Nodes are those of the World, or the invented ones.
	Nodes []*corev1.Node
	// Pods are the written ones that are still there and the made ones, with
	// their status: a phase, a Ready condition and, once they run, addresses.
	Pods []*corev1.Pod
	// Services are those of the World, with their IP families and, unless they
	// are headless or of type ExternalName, ClusterIPs.
	Services []*corev1.Service
	// EndpointSlices are the made ones.
	EndpointSlices []*discoveryv1.EndpointSlice
}

// MaxPods is how many pods there are addresses for.
const MaxPods = 256 * 254

// A TooManyError says that a workload wants more pods than are left of MaxPods.
type TooManyError struct {
	Workload Workload
	Pods     int // that it wants
}

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%s wants %d pods: %s has addresses for %d in all", e.Workload, e.Pods, podRange.v4, MaxPods)
}

// Expand lets the controllers play. An error says that an object is of no kind
// that they know, or that a range has no address left; it is a *TooManyError if
// that is to be seen beforehand.
func (w *World) Expand() (*Cluster, error) {
	e, err := w.sort()
	if err != nil {
		return nil, err
	}
	if err := e.placeNodes(); err != nil {
		return nil, err
	}
	if err := e.runWorkloads(); err != nil {
		return nil, err
	}
	e.schedule()
	if err := e.addressPods(); err != nil {
		return nil, err
	}
	for _, p := range e.pods {
		e.start(p)
		e.out.Pods = append(e.out.Pods, p.Pod)
	}
	if err := e.addressServices(); err != nil {
		return nil, err
	}
	e.endpoints()
	return &e.out, nil
}

// An expansion is one run of the controllers.
type expansion struct {
	*World
	out Cluster

	written   []*corev1.Pod
	workloads []*workload
	pods      []*pod
	nodes     nodes
	names     map[types.NamespacedName]bool // of pods
	mirrored  map[types.NamespacedName]*Endpoints
}

// A pod is a Pod of the Cluster, written or made.
type pod struct {
	*corev1.Pod
	index int // which of its workload's pods it is; for spreading
	rolls int
	bound bool // it has a node
}

// sort takes the objects apart by kind, and orders each kind by name.
func (w *World) sort() (*expansion, error) {
	e := &expansion{World: w, names: make(map[types.NamespacedName]bool), mirrored: make(map[types.NamespacedName]*Endpoints)}
	for _, obj := range w.Objects {
		switch o := obj.(type) {
		case *corev1.Service:
			s := *o
			e.out.Services = append(e.out.Services, &s)
		case *corev1.Pod:
			p := *o
			e.written = append(e.written, &p)
		case *corev1.Node:
			n := *o
			e.out.Nodes = append(e.out.Nodes, &n)
		case *Endpoints:
			e.mirrored[nameOf(o)] = o
		case *appsv1.Deployment:
			e.add("Deployment", &o.ObjectMeta, &o.Spec.Template).replicas = count(o.Spec.Replicas)
		case *appsv1.ReplicaSet:
			r := e.add("ReplicaSet", &o.ObjectMeta, &o.Spec.Template)
			r.replicas, r.selector = count(o.Spec.Replicas), selector(o.Spec.Selector)
		case *corev1.ReplicationController:
			template := o.Spec.Template
			if template == nil {
				template = new(corev1.PodTemplateSpec)
			}
			r := e.add("ReplicationController", &o.ObjectMeta, template)
			r.replicas, r.selector = count(o.Spec.Replicas), replicationSelector(o)
		case *appsv1.StatefulSet:
			s := e.add("StatefulSet", &o.ObjectMeta, &o.Spec.Template)
			s.replicas, s.service = count(o.Spec.Replicas), o.Spec.ServiceName
			if o.Spec.Ordinals != nil {
				s.start = int(o.Spec.Ordinals.Start)
			}
		case *appsv1.DaemonSet:
			e.add("DaemonSet", &o.ObjectMeta, &o.Spec.Template)
		case *batchv1.Job:
			e.addJob(o)
		default:
			return nil, fmt.Errorf("%T is of no kind that a controller of this package knows", obj)
		}
	}
	slices.SortFunc(e.out.Services, func(a, b *corev1.Service) int { return byName(a, b) })
	slices.SortFunc(e.written, func(a, b *corev1.Pod) int { return byName(a, b) })
	slices.SortFunc(e.out.Nodes, func(a, b *corev1.Node) int { return byName(a, b) })
	slices.SortFunc(e.workloads, func(a, b *workload) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	for _, p := range e.written {
		e.names[nameOf(p)] = true
	}
	return e, nil
}

// named is what every object is.
type named interface {
	GetNamespace() string
	GetName() string
}

func byName(a, b named) int {
	return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
}

func nameOf(o named) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// count returns a number of replicas, of which none written is one.
func count(n *int32) int {
	if n == nil {
		return 1
	}
	return int(max(*n, 0))
}
