package simulate

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// groups has the apiVersion of each kind of workload, for owner references.
var groups = map[string]string{
	"Deployment":            "apps/v1",
	"ReplicaSet":            "apps/v1",
	"ReplicationController": "v1",
	"StatefulSet":           "apps/v1",
	"DaemonSet":             "apps/v1",
	"Job":                   "batch/v1",
}

// Labels that controllers give their pods, and that k8s.io/api does not name.
const (
	labelTemplateGeneration = "pod-template-generation"
	labelJobName            = "job-name" // the older one of two
)

// A workload is one that is written.
type workload struct {
	Workload
	meta     *metav1.ObjectMeta
	template *corev1.PodTemplateSpec
	replicas int
	scaled   bool
	rolls    int

	selector labels.Selector // of pods that it adopts; nil for none
	service  string          // of a StatefulSet
	start    int             // the first ordinal of a StatefulSet
	indexed  bool            // a Job whose pods have indexes
	labelled bool            // a Job whose pods are labelled with its name

	have []*corev1.Pod // written Pods that are its own
}

func (e *expansion) add(kind string, meta *metav1.ObjectMeta, t *corev1.PodTemplateSpec) *workload {
	w := &workload{Workload: Workload{kind, meta.Namespace, meta.Name}, meta: meta, template: t}
	w.rolls = e.Rolls[w.Workload]
	e.workloads = append(e.workloads, w)
	return w
}

// addJob adds a Job, which has pods until it ends.
func (e *expansion) addJob(o *batchv1.Job) {
	w := e.add("Job", &o.ObjectMeta, &o.Spec.Template)
	w.replicas = count(o.Spec.Parallelism)
	w.indexed = o.Spec.CompletionMode != nil && *o.Spec.CompletionMode == batchv1.IndexedCompletion
	w.labelled = o.Spec.ManualSelector == nil || !*o.Spec.ManualSelector
	if n, ok := e.Scale[w.Workload]; ok {
		w.replicas, w.scaled = n, true
	}
	if o.Spec.Completions != nil {
		w.replicas = min(w.replicas, int(max(*o.Spec.Completions-o.Status.Succeeded, 0)))
	}
	ended := o.Spec.Suspend != nil && *o.Spec.Suspend
	for _, c := range o.Status.Conditions {
		ended = ended || c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	}
	if ended {
		w.replicas = 0
	}
}

// selector returns the selector of pods that a workload adopts.
func selector(s *metav1.LabelSelector) labels.Selector {
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || out.Empty() {
		return labels.Nothing()
	}
	return out
}

// replicationSelector is the selector of a ReplicationController, the labels
// of its template by default.
func replicationSelector(o *corev1.ReplicationController) labels.Selector {
	set := o.Spec.Selector
	if len(set) == 0 && o.Spec.Template != nil {
		set = o.Spec.Template.Labels
	}
	if len(set) == 0 {
		return labels.Nothing()
	}
	return labels.SelectorFromSet(set)
}

// runWorkloads makes the pods that workloads want and that are not written.
func (e *expansion) runWorkloads() error {
	e.settleOwners()
	left := MaxPods
	for _, w := range e.workloads {
		if left -= w.replicas; left < 0 {
			return &TooManyError{w.Workload, w.replicas}
		}
	}
	kept := e.written[:0:0]
	gone := make(map[*corev1.Pod]bool)
	for _, w := range e.workloads {
		for _, p := range w.surplus() {
			gone[p] = true
			delete(e.names, nameOf(p))
		}
	}
	for _, p := range e.written {
		if !gone[p] {
			kept = append(kept, p)
		}
	}
	e.written = kept
	for i, p := range e.written {
		e.pods = append(e.pods, &pod{Pod: p, index: i})
	}
	for _, w := range e.workloads {
		switch w.Kind {
		case "StatefulSet":
			e.statefulSet(w)
		case "DaemonSet":
			e.daemonSet(w)
		case "Job":
			e.job(w)
		case "Deployment":
			hash := templateHash(w.template, w.rolls)
			owner := Workload{"ReplicaSet", w.Namespace, w.Name + "-" + hash}
			e.replicas(w, owner, map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash})
		default:
			e.replicas(w, w.Workload, nil)
		}
	}
	return nil
}

// settleOwners finds out whose the written pods are, and leaves out ReplicaSets
// that are a written Deployment's: their pods are the Deployment's own.
func (e *expansion) settleOwners() {
	owners := make(map[Workload]*workload, len(e.workloads))
	for _, w := range e.workloads {
		owners[w.Workload] = w
		if n, ok := e.Scale[w.Workload]; ok && w.Kind != "Job" {
			w.replicas, w.scaled = n, true
		}
	}
	rest := e.workloads[:0:0]
	for _, w := range e.workloads {
		if of := owners[controllerOf(w.meta)]; w.Kind == "ReplicaSet" && of != nil && of.Kind == "Deployment" {
			owners[w.Workload] = of
			continue
		}
		rest = append(rest, w)
		e.out.Workloads = append(e.out.Workloads, w.Workload)
	}
	e.workloads = rest
	for _, p := range e.written {
		controller := controllerOf(&p.ObjectMeta)
		w := owners[controller]
		switch {
		case controller.Kind == "":
			w = e.adopter(p)
		case w == nil && controller.Kind == "ReplicaSet":
			// Not written itself, but called as its Deployment's.
			name := strings.TrimSuffix(controller.Name, "-"+p.Labels[appsv1.DefaultDeploymentUniqueLabelKey])
			w = owners[Workload{"Deployment", p.Namespace, name}]
		}
		if w != nil {
			w.have = append(w.have, p)
		}
	}
}

// controllerOf returns what an object's owner references call its controller,
// the zero value for none.
func controllerOf(m *metav1.ObjectMeta) Workload {
	ref := metav1.GetControllerOfNoCopy(m)
	if ref == nil {
		return Workload{}
	}
	return Workload{ref.Kind, m.Namespace, ref.Name}
}

// adopter returns the workload that takes in a pod without controller.
func (e *expansion) adopter(p *corev1.Pod) *workload {
	for _, w := range e.workloads {
		if w.selector != nil && w.Namespace == p.Namespace && active(p) && w.selector.Matches(labels.Set(p.Labels)) {
			return w
		}
	}
	return nil
}

// active reports whether a pod has neither ended nor is about to.
func active(p *corev1.Pod) bool {
	return p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed && p.DeletionTimestamp == nil
}

// surplus returns written pods that go because their workload was rolled, or
// scaled to fewer, and forgets them.
func (w *workload) surplus() (gone []*corev1.Pod) {
	rest := w.have[:0:0]
	for i, p := range w.have {
		var excess bool
		switch w.Kind {
		case "DaemonSet":
		case "StatefulSet":
			excess = w.scaled && !w.wants(p.Name)
		default:
			excess = w.scaled && i >= w.replicas
		}
		if excess || w.rolls > 0 {
			gone = append(gone, p)
		} else {
			rest = append(rest, p)
		}
	}
	w.have = rest
	return gone
}

// wants reports whether a StatefulSet has a pod of this name.
func (w *workload) wants(name string) bool {
	i, err := strconv.Atoi(strings.TrimPrefix(name, w.Name+"-"))
	i -= w.start
	return err == nil && i >= 0 && i < w.replicas && name == w.ordinal(i)
}

// ordinal returns the name of a StatefulSet's i-th pod.
func (w *workload) ordinal(i int) string { return w.Name + "-" + strconv.Itoa(w.start+i) }

// make makes a pod of a workload's template, owned by it or, for a Deployment,
// by its ReplicaSet.
func (e *expansion) make(w *workload, owner Workload, index int, name string, more map[string]string) *pod {
	p := &pod{index: index, rolls: w.rolls, Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   w.Namespace,
			Name:        name,
			Labels:      make(map[string]string, len(w.template.Labels)+len(more)),
			Annotations: w.template.Annotations,
			OwnerReferences: []metav1.OwnerReference{
				{APIVersion: groups[owner.Kind], Kind: owner.Kind, Name: owner.Name, Controller: new(true)},
			},
		},
		Spec: w.template.Spec,
	}}
	maps.Copy(p.Labels, w.template.Labels)
	maps.Copy(p.Labels, more)
	e.names[nameOf(p)] = true
	e.pods = append(e.pods, p)
	return p
}

// unused returns a generated name that no other pod has. which tells the
// workload's pods apart: a number, or the name of a node.
func (e *expansion) unused(w *workload, base string, which any) string {
	for try := 0; ; try++ {
		name := generateName(base, w.Kind, w.Namespace, which, w.rolls, try)
		if !e.names[types.NamespacedName{Namespace: w.Namespace, Name: name}] {
			return name
		}
	}
}

// replicas makes the pods of a ReplicaSet, a ReplicationController, or the
// ReplicaSet of a Deployment.
func (e *expansion) replicas(w *workload, owner Workload, more map[string]string) {
	for i := range w.replicas - w.counted() {
		e.make(w, owner, i, e.unused(w, owner.Name+"-", i), more)
	}
}

// counted returns how many of a workload's written pods count as replicas.
func (w *workload) counted() (n int) {
	for _, p := range w.have {
		if active(p) {
			n++
		}
	}
	return n
}

// statefulSet makes a StatefulSet's pods. A written Pod has the place of one
// that is called as it is.
func (e *expansion) statefulSet(w *workload) {
	hash := w.Name + "-" + templateHash(w.template, w.rolls)
	for i := range w.replicas {
		name := w.ordinal(i)
		if e.names[types.NamespacedName{Namespace: w.Namespace, Name: name}] {
			continue
		}
		p := e.make(w, w.Workload, i, name, map[string]string{
			appsv1.StatefulSetPodNameLabel:        name,
			appsv1.PodIndexLabel:                  strconv.Itoa(w.start + i),
			appsv1.ControllerRevisionHashLabelKey: hash,
		})
		p.Spec.Hostname, p.Spec.Subdomain = name, w.service
	}
}

// daemonSet makes a pod for each node that fits and has none.
func (e *expansion) daemonSet(w *workload) {
	has := make(map[string]bool)
	for _, p := range w.have {
		if active(p) {
			has[p.Spec.NodeName] = true
		}
	}
	hash := templateHash(w.template, w.rolls)
	for i, n := range e.nodes.fitting(&w.template.Spec, daemonTolerations) {
		if has[n.Name] {
			continue
		}
		// Named by its node, so that one node more changes no other's pod.
		p := e.make(w, w.Workload, i, e.unused(w, w.Name+"-", n.Name), map[string]string{
			appsv1.ControllerRevisionHashLabelKey: hash,
			labelTemplateGeneration:               strconv.Itoa(1 + w.rolls),
		})
		p.Spec.NodeName = n.Name
	}
}

// job makes the pods that a Job runs at a time, as if none had ended yet.
func (e *expansion) job(w *workload) {
	more := make(map[string]string)
	if w.labelled {
		more[batchv1.JobNameLabel], more[labelJobName] = w.Name, w.Name
	}
	if !w.indexed {
		for i := range w.replicas - w.counted() {
			e.make(w, w.Workload, i, e.unused(w, w.Name+"-", i), more)
		}
		return
	}
	has := make(map[string]bool)
	for _, p := range w.have {
		has[p.Annotations[batchv1.JobCompletionIndexAnnotation]] = true
	}
	for made, i := w.counted(), 0; made < w.replicas; i++ {
		index := strconv.Itoa(i)
		if has[index] {
			continue
		}
		made++
		more[batchv1.JobCompletionIndexAnnotation] = index
		p := e.make(w, w.Workload, i, e.unused(w, fmt.Sprintf("%s-%d-", w.Name, i), i), more)
		p.Spec.Hostname = fmt.Sprintf("%s-%d", w.Name, i)
		p.Annotations = maps.Clone(p.Annotations)
		if p.Annotations == nil {
			p.Annotations = make(map[string]string, 1)
		}
		p.Annotations[batchv1.JobCompletionIndexAnnotation] = index
	}
}
