package watch

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rollcall-dns/rollcall/watch/simulate"
)

// workload checks what makes pods, and Nodes.
func (c *checker) workload(obj runtime.Object) {
	switch o := obj.(type) {
	case *corev1.Node:
		for i, a := range o.Status.Addresses {
			if a.Type == corev1.NodeInternalIP {
				c.address(fmt.Sprintf("status.addresses[%d].address", i), a.Address, "")
			}
		}
	case *simulate.Endpoints:
		c.endpoints(o)
	case *appsv1.Deployment:
		c.template(o.Spec.Selector, &o.Spec.Template)
		c.atLeast("spec.replicas", o.Spec.Replicas, 0)
	case *appsv1.ReplicaSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
		c.atLeast("spec.replicas", o.Spec.Replicas, 0)
	case *appsv1.StatefulSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
		c.atLeast("spec.replicas", o.Spec.Replicas, 0)
		if o.Spec.Ordinals != nil {
			c.atLeast("spec.ordinals.start", &o.Spec.Ordinals.Start, 0)
		}
	case *appsv1.DaemonSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
	case *corev1.ReplicationController:
		c.atLeast("spec.replicas", o.Spec.Replicas, 0)
		if o.Spec.Template == nil {
			c.fail("spec.template", "is missing: it says what pods to make")
			return
		}
		selector := o.Spec.Selector
		if len(selector) == 0 {
			selector = o.Spec.Template.Labels
		}
		c.template(&metav1.LabelSelector{MatchLabels: selector}, o.Spec.Template)
	case *batchv1.Job:
		c.atLeast("spec.parallelism", o.Spec.Parallelism, 0)
		c.atLeast("spec.completions", o.Spec.Completions, 0)
		c.podSpec("spec.template.spec", &o.Spec.Template.Spec)
		if o.Spec.CompletionMode != nil && *o.Spec.CompletionMode == batchv1.IndexedCompletion && o.Spec.Completions == nil {
			c.fail("spec.completions", "is missing: a Job whose completionMode is Indexed needs a number of indexes")
		}
	}
}

func (c *checker) endpoints(o *simulate.Endpoints) {
	for i := range o.Subsets {
		s, path := &o.Subsets[i], fmt.Sprintf("subsets[%d]", i)
		names := make(map[string]bool)
		for j, p := range s.Ports {
			c.port(fmt.Sprintf("%s.ports[%d]", path, j), rawPort{p.Name, p.Protocol, p.Port}, names, len(s.Ports) > 1)
		}
		address := func(at, ip, hostname string) {
			c.address(at+".ip", ip, "")
			if hostname != "" {
				c.text(at+".hostname", hostname, validation.IsDNS1123Label)
			}
		}
		for j, a := range s.Addresses {
			address(fmt.Sprintf("%s.addresses[%d]", path, j), a.IP, a.Hostname)
		}
		for j, a := range s.NotReadyAddresses {
			address(fmt.Sprintf("%s.notReadyAddresses[%d]", path, j), a.IP, a.Hostname)
		}
	}
}

func (c *checker) atLeast(path string, n *int32, low int32) {
	if n != nil && *n < low {
		c.fail(path, "%d: allowed is a number from %d", *n, low)
	}
}

// template checks a pod template, whose labels the selector must match.
func (c *checker) template(s *metav1.LabelSelector, t *corev1.PodTemplateSpec) {
	c.podSpec("spec.template.spec", &t.Spec)
	selector, err := metav1.LabelSelectorAsSelector(s)
	switch {
	case err != nil:
		c.fail("spec.selector", "%v", err)
	case s == nil || selector.Empty():
		c.fail("spec.selector", "is missing: it must match the labels of spec.template")
	case !selector.Matches(labels.Set(t.Labels)):
		c.fail("spec.template.metadata.labels", "%s does not match spec.selector, %s: a %s must select the pods that it makes",
			describeLabels(t.Labels), selector, c.res.kind)
	}
}

func describeLabels(set map[string]string) string {
	if len(set) == 0 {
		return "none"
	}
	return labels.FormatLabels(set)
}

func (c *checker) podSpec(path string, s *corev1.PodSpec) {
	if s.Hostname != "" {
		c.text(path+".hostname", s.Hostname, validation.IsDNS1123Label)
	}
	if s.Subdomain != "" {
		c.text(path+".subdomain", s.Subdomain, validation.IsDNS1123Label)
	}
	c.containers(path+".containers", s.Containers)
	c.containers(path+".initContainers", s.InitContainers)
}

func (c *checker) containers(path string, containers []corev1.Container) {
	for i := range containers {
		for j, p := range containers[i].Ports {
			at := fmt.Sprintf("%s[%d].ports[%d]", path, i, j)
			if p.ContainerPort < 1 || p.ContainerPort > 65535 {
				c.fail(at+".containerPort", "%d: allowed is 1 to 65535", p.ContainerPort)
			}
			if _, ok := protocol(p.Protocol); !ok {
				c.fail(at+".protocol", "%q is not known: allowed are TCP, UDP and SCTP", p.Protocol)
			}
			if p.Name != "" {
				c.text(at+".name", p.Name, validation.IsValidPortName)
			}
		}
	}
}

// targetPort checks where a Service's port leads. None is the same number.
func (c *checker) targetPort(path string, p intstr.IntOrString) {
	switch {
	case p.Type == intstr.String:
		c.text(path, p.StrVal, validation.IsValidPortName)
	case p.IntVal < 0 || p.IntVal > 65535:
		c.fail(path, "%d: allowed is 1 to 65535, or the name of a container's port", p.IntVal)
	}
}

// families checks what a Service says of IP families.
func (c *checker) families(s *corev1.ServiceSpec) {
	for i, f := range s.IPFamilies {
		path := fmt.Sprintf("spec.ipFamilies[%d]", i)
		switch {
		case f != corev1.IPv4Protocol && f != corev1.IPv6Protocol:
			c.fail(path, "%q is not known: allowed are IPv4 and IPv6", f)
		case i > 0 && f == s.IPFamilies[0]:
			c.fail(path, "%q is there already: allowed is each family once", f)
		}
	}
	if s.IPFamilyPolicy == nil {
		return
	}
	switch *s.IPFamilyPolicy {
	case corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack:
	case corev1.IPFamilyPolicySingleStack:
		if len(s.IPFamilies) > 1 || len(s.ClusterIPs) > 1 {
			c.fail("spec.ipFamilyPolicy", "%q, and both families are asked for: write PreferDualStack or RequireDualStack", *s.IPFamilyPolicy)
		}
	default:
		c.fail("spec.ipFamilyPolicy", "%q is not known: allowed are SingleStack, PreferDualStack and RequireDualStack", *s.IPFamilyPolicy)
	}
}
