package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/zone"
)

// state says why a pod that a Service selects is no ready endpoint, as what follows
// "pod NAME", and the cause's code. Both are empty for one that should be.
func (c *Cluster) state(p *corev1.Pod) (text, code string) {
	switch {
	case p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed:
		return fmt.Sprintf("matches, and has ended (%s)", p.Status.Phase), "pods-ended"
	case p.DeletionTimestamp != nil:
		return "matches, and is terminating since " + c.when(p.DeletionTimestamp.Add(-grace(p))), "terminating"
	case len(p.Status.PodIPs) == 0:
		return "matches, and has no address yet: it is " + pending(p), "pods-pending"
	}
	i := slices.IndexFunc(p.Status.Conditions, func(o corev1.PodCondition) bool { return o.Type == corev1.PodReady })
	if i >= 0 && p.Status.Conditions[i].Status == corev1.ConditionTrue {
		return "", ""
	}
	since := ""
	if i >= 0 && !p.Status.Conditions[i].LastTransitionTime.IsZero() {
		since = " since " + c.when(p.Status.Conditions[i].LastTransitionTime.Time)
	}
	return "matches, has an address, and is not Ready" + since + containers(p), "not-ready"
}

func grace(p *corev1.Pod) time.Duration {
	if p.DeletionGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
}

// when says a time, without the day if that is today (UTC).
func (c *Cluster) when(t time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) == c.config.Now().UTC().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// pending says why a pod has no address.
func pending(p *corev1.Pod) string {
	phase := string(cmp.Or(p.Status.Phase, corev1.PodPending))
	for _, o := range p.Status.Conditions {
		if o.Type == corev1.PodScheduled && o.Status == corev1.ConditionFalse {
			return phase + ", as no node takes it (" + strings.TrimSuffix(cmp.Or(o.Message, o.Reason), ".") + ")"
		}
	}
	if p.Spec.NodeName == "" {
		return phase + ", on no node"
	}
	if reason := waits(p); reason != "" {
		return phase + ", " + reason
	}
	return phase
}

// waits says what a container waits for.
func waits(p *corev1.Pod) string {
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			return "container " + s.Name + " waits: " + s.State.Waiting.Reason
		case s.State.Terminated != nil && !s.Ready && s.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("container %s ended with exit status %d", s.Name, s.State.Terminated.ExitCode)
		}
	}
	return ""
}

// containers says in parentheses how many of a pod's containers are ready, and what
// the others, or readiness gates, wait for.
func containers(p *corev1.Pod) string {
	var parts []string
	if all := len(p.Status.ContainerStatuses); all > 0 {
		ready := 0
		for _, s := range p.Status.ContainerStatuses {
			if s.Ready {
				ready++
			}
		}
		parts = append(parts, fmt.Sprintf("%d/%d containers", ready, all))
	}
	if reason := waits(p); reason != "" {
		parts = append(parts, reason)
	}
	for _, gate := range p.Spec.ReadinessGates {
		i := slices.IndexFunc(p.Status.Conditions, func(o corev1.PodCondition) bool { return o.Type == gate.ConditionType })
		if i < 0 || p.Status.Conditions[i].Status != corev1.ConditionTrue {
			parts = append(parts, fmt.Sprintf("readiness gate %s is not True", gate.ConditionType))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// noEndpoint explains a name below a Service that none of its endpoints has.
func (f *finder) noEndpoint(head string, s *corev1.Service, e endpoints) {
	f.near = 3
	for _, p := range whole[*corev1.Pod](f.c, zone.Pods, s.Namespace) {
		if p.Name != f.Endpoint && p.Spec.Hostname != f.Endpoint {
			continue
		}
		f.near = 5
		if f.named(head, s, p) {
			return
		}
	}
	all := names(slices.Concat(e.ready, e.waiting))
	has := "it has no endpoint"
	if len(all) > 0 {
		const most = 8
		has = "its endpoints are " + strings.Join(all[:min(most, len(all))], ", ")
		if more := len(all) - most; more > 0 {
			has += fmt.Sprintf(" and %d more", more)
		}
	}
	f.say("%s; none of its endpoints is named %s: %s.", head, f.Endpoint, has)
	if near := nearest(f.Endpoint, all); near != "" {
		f.Cause.hint("Did you mean %s?", near)
	}
	if err := f.c.read[s.Namespace][zone.Pods]; err != nil {
		f.Cause.hint("Whether there is a Pod of this name can't be told: %v.", err)
	}
}

// named explains why a pod that is called as was asked has no name below a Service,
// and reports false if it should have one.
func (f *finder) named(head string, s *corev1.Service, p *corev1.Pod) bool {
	object := f.by("Pod", zone.Key{Namespace: p.Namespace, Name: p.Name})
	owner := metav1.GetControllerOfNoCopy(p)
	state, code := f.c.state(p)
	switch {
	case len(s.Spec.Selector) > 0 && !labels.SelectorFromValidatedSet(s.Spec.Selector).Matches(labels.Set(p.Labels)):
		f.Cause.Code = "pod-not-selected"
		f.say("%s; %s is not one of these pods: it %s.", head, object, differs(p.Labels, s.Spec.Selector))
	case code != "" && code != "not-ready" && code != "terminating":
		f.Cause.Code = code
		f.say("%s; pod %s %s: no record.", head, p.Name, state)
	case p.Spec.Subdomain != s.Name:
		f.Cause.Code = "wrong-subdomain"
		has := "no subdomain"
		if p.Spec.Subdomain != "" {
			has = "the subdomain " + p.Spec.Subdomain
		}
		f.say("%s; %s is one of its endpoints, and has %s, where the Service is called %s: the endpoint is named by its address.", head, object, has, s.Name)
		if owner != nil && owner.Kind == "StatefulSet" {
			f.Cause.hint("serviceName of StatefulSet %s must be %s: it gives its pods their subdomain.", owner.Name, s.Name)
		} else {
			f.Cause.hint("A pod with hostname: %s and subdomain: %s has this name.", f.Endpoint, s.Name)
		}
	case p.Spec.Hostname == "":
		f.Cause.Code = "wrong-hostname"
		f.say("%s; %s is one of its endpoints, and has no hostname: the endpoint is named by its address.", head, object)
		f.Cause.hint("A pod with hostname: %s and subdomain: %s has this name.", f.Endpoint, s.Name)
	case p.Spec.Hostname != f.Endpoint:
		f.Cause.Code = "wrong-hostname"
		f.say("%s; %s is one of its endpoints, with the hostname %s: it is found under that, and not under its own name.", head, object, p.Spec.Hostname)
	default:
		return false
	}
	return true
}
