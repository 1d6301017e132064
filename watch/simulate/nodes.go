package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inventedNodes is how many nodes there are where none is written.
const inventedNodes = 3

// nodes are the Cluster's, ordered by name.
type nodes struct {
	all      []*corev1.Node
	byName   map[string]*corev1.Node
	invented bool // they fit whatever a pod asks for
}

// placeNodes invents nodes where none is written, and gives addresses to those
// that have none.
func (e *expansion) placeNodes() error {
	e.nodes.byName = make(map[string]*corev1.Node)
	if len(e.out.Nodes) == 0 {
		e.nodes.invented = true
		for i := range inventedNodes {
			name := fmt.Sprintf("node-%d", i+1)
			e.out.Nodes = append(e.out.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
				Name:   name,
				Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"},
			}})
		}
	}
	e.nodes.all = e.out.Nodes
	pool := newPool(nodeRange)
	var claims []claim
	for _, n := range e.nodes.all {
		e.nodes.byName[n.Name] = n
		ips := internalIPs(n)
		pool.take(ips...)
		if len(ips) == 0 {
			claims = append(claims, claim{key: n.Name, give: func(ips []string) {
				addresses := slices.Clone(n.Status.Addresses)
				for _, ip := range ips {
					addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
				}
				n.Status.Addresses = addresses
			}})
		}
	}
	return pool.allocate(claims)
}

// internalIPs returns a node's addresses as pods in its network have them.
func internalIPs(n *corev1.Node) (ips []string) {
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			ips = append(ips, a.Address)
		}
	}
	return ips
}

// schedule gives a node to each pod that runs and has none. A workload's pods
// go around over the nodes that fit, from one that its name chooses.
func (e *expansion) schedule() {
	for _, p := range e.pods {
		if p.bound = p.Spec.NodeName != ""; p.bound || !runs(p.Pod) {
			continue
		}
		fit := e.nodes.fitting(&p.Spec, nil)
		if len(fit) == 0 {
			continue
		}
		from := controllerOf(&p.ObjectMeta)
		first := sum(from.Kind, p.Namespace, cmp.Or(from.Name, p.Name))[0]
		if from.Name == "" {
			p.index = 0
		}
		p.Spec.NodeName = fit[(int(first)+p.index)%len(fit)].Name
		p.bound = true
	}
}

// fitting returns the nodes that a pod may be on. more are tolerations beside
// the pod's own.
func (n *nodes) fitting(spec *corev1.PodSpec, more []corev1.Toleration) (out []*corev1.Node) {
	if spec.NodeName != "" {
		if node := n.byName[spec.NodeName]; node != nil {
			out = append(out, node)
		}
		return out
	}
	if n.invented {
		return n.all
	}
	tolerations := slices.Concat(spec.Tolerations, more)
	for _, node := range n.all {
		if selected(node, spec) && tolerated(node, tolerations) {
			out = append(out, node)
		}
	}
	return out
}

// selected reports whether a node has what a pod requires: the labels of its
// nodeSelector, and one term of its required node affinity.
func selected(node *corev1.Node, spec *corev1.PodSpec) bool {
	for k, v := range spec.NodeSelector {
		if have, ok := node.Labels[k]; !ok || have != v {
			return false
		}
	}
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return true
	}
	required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		return true
	}
	fields := map[string]string{metav1.ObjectNameField: node.Name}
	return slices.ContainsFunc(required.NodeSelectorTerms, func(t corev1.NodeSelectorTerm) bool {
		if len(t.MatchExpressions)+len(t.MatchFields) == 0 {
			return false // an empty term matches no node
		}
		return meets(node.Labels, t.MatchExpressions) && meets(fields, t.MatchFields)
	})
}

// meets reports whether labels meet all requirements.
func meets(labels map[string]string, requirements []corev1.NodeSelectorRequirement) bool {
	for _, r := range requirements {
		value, ok := labels[r.Key]
		var met bool
		switch r.Operator {
		case corev1.NodeSelectorOpIn:
			met = ok && slices.Contains(r.Values, value)
		case corev1.NodeSelectorOpNotIn:
			met = !ok || !slices.Contains(r.Values, value)
		case corev1.NodeSelectorOpExists:
			met = ok
		case corev1.NodeSelectorOpDoesNotExist:
			met = !ok
		case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
			met = ok && compares(r, value)
		}
		if !met {
			return false
		}
	}
	return true
}

func compares(r corev1.NodeSelectorRequirement, value string) bool {
	if len(r.Values) != 1 {
		return false
	}
	have, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return false
	}
	want, err := strconv.ParseInt(r.Values[0], 10, 64)
	if err != nil {
		return false
	}
	return r.Operator == corev1.NodeSelectorOpGt && have > want || r.Operator == corev1.NodeSelectorOpLt && have < want
}

// daemonTolerations are those that the DaemonSet controller adds, of the
// taints that keep pods off.
var daemonTolerations = []corev1.Toleration{
	{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeDiskPressure, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeMemoryPressure, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodePIDPressure, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists},
}

// tolerated reports whether no taint of a node keeps a pod off.
func tolerated(node *corev1.Node, tolerations []corev1.Toleration) bool {
	taints := node.Spec.Taints
	if node.Spec.Unschedulable {
		taints = append(slices.Clone(taints), corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	}
	return !slices.ContainsFunc(taints, func(t corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule &&
			!slices.ContainsFunc(tolerations, func(o corev1.Toleration) bool { return tolerates(o, t) })
	})
}

// tolerates says what the API does of Toleration: no key with the operator
// Exists is every taint, no effect is every effect, no operator is Equal.
func tolerates(o corev1.Toleration, t corev1.Taint) bool {
	if o.Effect != "" && o.Effect != t.Effect || o.Key != "" && o.Key != t.Key {
		return false
	}
	switch o.Operator {
	case corev1.TolerationOpExists:
		return true
	case corev1.TolerationOpEqual, "":
		return o.Key != "" && o.Value == t.Value
	}
	return false
}
