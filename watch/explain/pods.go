package explain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/zone"
)

// noEndpoint explains a name below a Service that none of its endpoints has.
func (f *finder) noEndpoint(ctx context.Context, head string, s *corev1.Service, e endpoints) {
	if !f.spelled() {
		f.near = 3 // POD.SERVICE was asked, or SERVICE.NAMESPACE
	}
	for _, p := range whole[*corev1.Pod](f.c, zone.Pods, s.Namespace) {
		if p.Name != f.Endpoint && p.Spec.Hostname != f.Endpoint {
			continue
		}
		f.near = 5
		if f.named(ctx, head, s, p) {
			return
		}
	}
	all := e.names(slices.Concat(e.ready, e.waiting))
	has := "it has no endpoint"
	if len(all) > 0 {
		const most = 8
		has = "its endpoints are " + strings.Join(all[:min(most, len(all))], ", ")
		if more := len(all) - most; more > 0 {
			has += fmt.Sprintf(" and %d more", more)
		}
	}
	f.Cause.Code = zone.NoEndpoint.String()
	f.say("%s; none of its endpoints is named %s: %s.", head, f.Endpoint, has)
	if near := nearest(f.Endpoint, all); near != "" {
		f.Cause.hint("Did you mean %s?", near)
	}
	if slices.Contains([]string{"tcp", "udp", "sctp"}, f.Endpoint) {
		f.Cause.hint("SRV records of a port that has a name are at _PORT._%s.%s.", f.Endpoint, s.Name)
	}
	f.ordered(s)
	if len(e.ready) > 0 && !slices.ContainsFunc(e.ready, func(e endpoint) bool { return e.Hostname != "" }) {
		f.Cause.hint("They have no hostnames, as pods of a StatefulSet have, or pods with hostname and subdomain: %s.", s.Name)
	}
	if err := f.c.read[s.Namespace][zone.Pods]; err != nil {
		f.Cause.hint("Whether there is a Pod of this name can't be told: %v.", err)
	}
}

// ordered hints at the pod of a StatefulSet that has to be ready before the one that
// was asked for is made, or else at how many replicas it would need.
func (f *finder) ordered(s *corev1.Service) {
	set, pods := "", 0
	for _, p := range f.c.matching(s) {
		owner := metav1.GetControllerOfNoCopy(p)
		if owner == nil || owner.Kind != "StatefulSet" || !strings.HasPrefix(f.Endpoint, owner.Name+"-") {
			continue
		}
		if state, code := f.c.state(p); code != "" {
			f.by("Pod", zone.Key{Namespace: p.Namespace, Name: p.Name})
			f.Cause.hint("A StatefulSet makes one pod after another is ready, unless its podManagementPolicy is Parallel: pod %s %s.", p.Name, state)
			return
		}
		set, pods = owner.Name, pods+1
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(f.Endpoint, set+"-")); set != "" && err == nil && n >= pods {
		f.Cause.hint("StatefulSet %s has %s once it has %d replicas, if its ordinals begin with 0; it has %d pods.", set, f.Endpoint, n+1, pods)
	}
}

// named explains why a pod that is called as was asked has no name below a Service,
// and reports false if it should have one.
func (f *finder) named(ctx context.Context, head string, s *corev1.Service, p *corev1.Pod) bool {
	object := f.by("Pod", zone.Key{Namespace: p.Namespace, Name: p.Name})
	owner := metav1.GetControllerOfNoCopy(p)
	state, code := f.c.state(p)
	switch {
	case len(s.Spec.Selector) > 0 && !labels.SelectorFromValidatedSet(s.Spec.Selector).Matches(labels.Set(p.Labels)):
		f.Cause.Code = "pod-not-selected"
		f.say("%s; %s is not one of these pods: it %s.", head, object, differs(p.Labels, s.Spec.Selector))
		f.governed(ctx, p)
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
		f.governed(ctx, p)
		switch {
		case owner != nil && owner.Kind == "StatefulSet":
			f.Cause.hint("serviceName of StatefulSet %s must be %s: it gives its pods their subdomain.", owner.Name, s.Name)
		case owner != nil && owner.Kind == "ReplicaSet":
			f.Cause.hint("The pods of a Deployment have no names of their own: those of a StatefulSet have.")
		default:
			f.Cause.hint("A pod with hostname: %s and subdomain: %s has this name.", f.Endpoint, s.Name)
		}
	case p.Spec.Hostname == "":
		f.Cause.Code = "wrong-hostname"
		f.say("%s; %s is one of its endpoints, and has no hostname: the endpoint is named by its address.", head, object)
		f.Cause.hint("A pod with hostname: %s and subdomain: %s has this name.", f.Endpoint, s.Name)
	case p.Spec.Hostname != f.Endpoint:
		f.Cause.Code = "wrong-hostname"
		f.say("%s; %s is one of its endpoints, with the hostname %s: it is found under that, and not under its own name.", head, object, p.Spec.Hostname)
		f.Cause.hint("Ask for %s.%s.", p.Spec.Hostname, s.Name)
	default:
		return false
	}
	return true
}

// governed hints at the name that a pod has below the Service of its subdomain.
func (f *finder) governed(ctx context.Context, p *corev1.Pod) {
	if name, found := f.sibling(ctx, p.Namespace, p.Spec.Subdomain); found {
		f.Cause.hint("Ask for %s, which resolves.", name)
	}
}
