package simulate

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestFitting lets a DaemonSet and a pod look for nodes: a has disk=ssd and
// size=10, b has disk=hdd and a taint, and c is cordoned.
func TestFitting(t *testing.T) {
	nodes := []runtime.Object{
		node("a", func(n *corev1.Node) { n.Labels["disk"], n.Labels["size"] = "ssd", "10" }),
		node("b", func(n *corev1.Node) {
			n.Labels["disk"] = "hdd"
			n.Spec.Taints = []corev1.Taint{{Key: "only", Value: "gpu", Effect: corev1.TaintEffectNoSchedule}, {Key: "rather", Effect: corev1.TaintEffectPreferNoSchedule}}
		}),
		node("c", func(n *corev1.Node) { n.Spec.Unschedulable = true }),
	}
	require := func(terms ...corev1.NodeSelectorTerm) corev1.PodSpec {
		return corev1.PodSpec{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
		}}}
	}
	term := func(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	tolerate := func(t corev1.Toleration) corev1.PodSpec { return corev1.PodSpec{Tolerations: []corev1.Toleration{t}} }
	for _, tt := range []struct {
		name, reason string
		spec         corev1.PodSpec
		want         string
	}{
		{"plain", "no taint is tolerated but that of cordoned nodes", corev1.PodSpec{}, "a c"},
		{"tolerates all", "Exists without key", tolerate(corev1.Toleration{Operator: corev1.TolerationOpExists}), "a b c"},
		{"tolerates", "key and value are equal", tolerate(corev1.Toleration{Key: "only", Value: "gpu"}), "a b c"},
		{"tolerates another", "another value", tolerate(corev1.Toleration{Key: "only", Value: "cpu"}), "a c"},
		{"tolerates another effect", "NoExecute", tolerate(corev1.Toleration{Key: "only", Operator: "Exists", Effect: "NoExecute"}), "a c"},
		{"selector", "nodeSelector", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}, "a"},
		{"name", "spec.nodeName", corev1.PodSpec{NodeName: "a"}, "a"},
		{"in", "one of the values", require(term("disk", "In", "ssd", "hdd")), "a b"},
		{"not in", "none of the values, or no label", require(term("disk", "NotIn", "ssd")), "b c"},
		{"exists", "", require(term("disk", "Exists")), "a b"},
		{"does not exist", "", require(term("disk", "DoesNotExist")), "c"},
		{"greater", "as numbers", require(term("size", "Gt", "9")), "a"},
		{"less", "as numbers", require(term("size", "Lt", "10")), ""},
		{"no number", "matches nothing", require(term("disk", "Gt", "9")), ""},
		{"terms", "one term is enough", require(term("disk", "In", "hdd"), term("size", "Exists")), "a b"},
		{"no terms", "an empty term matches nothing", require(corev1.NodeSelectorTerm{}), ""},
		{"field", "metadata.name", require(corev1.NodeSelectorTerm{MatchFields: term("metadata.name", "In", "b").MatchExpressions}), "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := daemonSet("agent")
			d.Spec.Template.Spec = tt.spec
			p := written("p", "x", func(p *corev1.Pod) { p.Spec = tt.spec })
			c := expandAll(t, append([]runtime.Object{d, p}, nodes...)...)
			on := make(map[string]bool)
			for _, p := range c.Pods {
				if p.Name != "p" {
					on[p.Spec.NodeName] = true
				}
			}
			var got []string
			for _, n := range []string{"a", "b", "c"} {
				if on[n] {
					got = append(got, n)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("daemons on %q, want %q; reason: %s", got, tt.want, tt.reason)
			}
			if runs, can := addressOf(t, c, "p") != "[]", tt.want != ""; runs != can {
				t.Errorf("the pod runs: %t, want %t, since nodes %q fit", runs, can, tt.want)
			}
		})
	}
}

// TestHostNetwork: a pod in its node's network has the node's address, written
// or given.
func TestHostNetwork(t *testing.T) {
	host := func(p *corev1.Pod) { p.Spec.HostNetwork = true }
	c := expandAll(t, written("p", "x", host), node("n", func(n *corev1.Node) {
		n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "n"}, {Type: corev1.NodeInternalIP, Address: "192.0.2.7"}}
	}))
	if got := addressOf(t, c, "p"); got != "[{192.0.2.7}]" {
		t.Errorf("addresses %s, want the node's", got)
	}
	c = expandAll(t, written("p", "x", host))
	for _, n := range c.Nodes {
		if n.Name == c.Pods[0].Spec.NodeName && fmt.Sprint(c.Pods[0].Status.PodIPs) != strings.NewReplacer("[", "[{", " ", "} {", "]", "}]").Replace(fmt.Sprint(internalIPs(n))) {
			t.Errorf("addresses %v, want those of %s, %v", c.Pods[0].Status.PodIPs, n.Name, internalIPs(n))
		}
	}
}

// TestSpread: pods of one workload go around over the nodes.
func TestSpread(t *testing.T) {
	c := expandAll(t, statefulSet("web", "s", 6))
	on := make(map[string]int)
	for _, p := range c.Pods {
		on[p.Spec.NodeName]++
	}
	if len(on) != inventedNodes || on["node-1"] != 2 || on["node-2"] != 2 {
		t.Errorf("pods on nodes %v, want two on each of three", on)
	}
}
