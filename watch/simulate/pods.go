package simulate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// addressPods gives an address of each family to each pod that runs and has
// none. A pod in its node's network has the node's.
func (e *expansion) addressPods() error {
	pool := newPool(podRange)
	for _, a := range e.Taken {
		pool.taken[a] = true
	}
	pool.take(e.mirroredAddresses()...)
	var claims []claim
	for _, p := range e.pods {
		s := &p.Status
		if len(s.PodIPs) == 0 && s.PodIP != "" {
			s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
		}
		for _, ip := range s.PodIPs {
			pool.take(ip.IP)
		}
		if len(s.PodIPs) > 0 || !p.bound || !runs(p.Pod) {
			continue
		}
		set := func(ips []string) {
			for _, ip := range ips {
				s.PodIPs = append(s.PodIPs, corev1.PodIP{IP: ip})
			}
			s.PodIP = s.PodIPs[0].IP
		}
		if n := e.nodes.byName[p.Spec.NodeName]; n != nil && p.Spec.HostNetwork {
			set(internalIPs(n))
			continue
		}
		claims = append(claims, claim{key: nameOf(p).String(), rolls: p.rolls, give: set})
	}
	return pool.allocate(claims)
}

// runs reports whether a pod has what runs: it neither ended nor is written as
// one that did not begin.
func runs(p *corev1.Pod) bool {
	switch p.Status.Phase {
	case corev1.PodSucceeded, corev1.PodFailed, corev1.PodPending:
		return false
	}
	return true
}

// start completes a pod's status: it runs if it has a node, and is ready as is
// said of it, or as is written, or else by default.
func (e *expansion) start(p *pod) {
	s := &p.Status
	if s.Phase == "" {
		s.Phase = corev1.PodPending
		if len(s.PodIPs) > 0 {
			s.Phase = corev1.PodRunning
		}
	}
	ready, said := e.Ready[nameOf(p)]
	written := slices.IndexFunc(s.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
	if !said {
		if written >= 0 {
			return
		}
		ready = !e.NotReady
	}
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse}
	if ready && s.Phase == corev1.PodRunning {
		condition.Status = corev1.ConditionTrue
	}
	s.Conditions = slices.Clone(s.Conditions)
	if written < 0 {
		s.Conditions = append(s.Conditions, condition)
	} else {
		s.Conditions[written] = condition
	}
}

// ready reports whether a pod has the condition.
func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
