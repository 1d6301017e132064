package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// state says why a pod that a Service selects is no ready endpoint, as what follows
// "pod NAME", and the cause's code. Both are empty for one that should be.
func (c *Cluster) state(p *corev1.Pod) (text, code string) {
	switch {
	case over(p):
		return fmt.Sprintf("matches, and has ended (%s%s)", p.Status.Phase, reasons(p)), "pods-ended"
	case p.DeletionTimestamp != nil:
		return "matches, and is terminating since " + c.when(p.DeletionTimestamp.Add(-grace(p))) + lost(p), "terminating"
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

// over reports whether a pod has ended, for good.
func over(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// reasons says what ended a pod, behind its phase.
func reasons(p *corev1.Pod) (text string) {
	for _, r := range []string{p.Status.Reason, p.Status.Message} {
		if r != "" {
			text += ": " + line(r)
		}
	}
	if text == "" {
		if why := waits(p); why != "" {
			return ": " + why
		}
	}
	return text
}

// lost says that a pod ends once its node is heard of again, or deleted.
func lost(p *corev1.Pod) string {
	if p.Status.Reason != "NodeLost" { // as the node life cycle controller has it
		return ""
	}
	return " (its node " + p.Spec.NodeName + " is not heard of)"
}

// line makes one line of a message, without its full stop.
func line(message string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(message), " "), ".")
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
			return phase + ", as no node takes it (" + line(cmp.Or(o.Message, o.Reason)) + ")"
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

// waits says what the first container that is not ready waits for.
func waits(p *corev1.Pod) string {
	for i, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		name, first := "container "+s.Name, i < len(p.Status.InitContainerStatuses)
		if first {
			name = "init " + name
		}
		switch last := s.LastTerminationState.Terminated; {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			text := name + " waits: " + s.State.Waiting.Reason
			if last != nil {
				text += ", after it " + ended(last)
			}
			return text
		case s.State.Terminated != nil && !s.Ready && s.State.Terminated.ExitCode != 0:
			return name + " " + ended(s.State.Terminated)
		case s.State.Running != nil && first && !sidecar(p, s.Name):
			return name + " has not ended"
		case s.State.Running != nil && !s.Ready && probed(p, s.Name):
			return name + " runs, and its readiness probe does not succeed"
		}
	}
	return ""
}

// ended says how a container ended.
func ended(t *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("ended with exit status %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
		text += " (" + t.Reason + ")"
	}
	return text
}

// sidecar reports whether an init container goes on beside the others.
func sidecar(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// probed reports whether a container has a readiness probe.
func probed(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(slices.Concat(p.Spec.InitContainers, p.Spec.Containers), func(c corev1.Container) bool {
		return c.Name == name && c.ReadinessProbe != nil
	})
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
