package explain

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/zone"
)

// An endpoint is one of a Service's, with the Pod that it is, if that is known.
type endpoint struct {
	zone.Endpoint
	slice zone.Key
	pod   *corev1.Pod
}

// endpoints are what a Service has in its EndpointSlices, in the order of their Pods:
// a controller's slices have no order.
type endpoints struct {
	c              *Cluster
	slices         []zone.Key
	ready, waiting []endpoint
}

func endpointsOf(c *Cluster, s *corev1.Service) endpoints {
	e := endpoints{c: c}
	for _, key := range sorted(c.objects[zone.EndpointSlices]) {
		slice, ok := c.objects[zone.EndpointSlices][key].Object.(*zone.EndpointSlice)
		if !ok || slice.Namespace != s.Namespace || slice.Service != s.Name {
			continue
		}
		e.slices = append(e.slices, key)
		for _, p := range slice.Endpoints {
			pod, _ := c.objects[zone.Pods][zone.Key{Namespace: s.Namespace, Name: p.Pod}].Whole.(*corev1.Pod)
			if one := (endpoint{p, key, pod}); p.Ready {
				e.ready = append(e.ready, one)
			} else {
				e.waiting = append(e.waiting, one)
			}
		}
	}
	for _, all := range [][]endpoint{e.ready, e.waiting} {
		slices.SortStableFunc(all, func(a, b endpoint) int { return strings.Compare(a.Pod, b.Pod) })
	}
	return e
}

// names returns what the endpoints are called below their Service, in order.
func (e endpoints) names(all []endpoint) (out []string) {
	for i := range all {
		out = append(out, e.c.config.Zone.EndpointLabels(&all[i].Endpoint)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mostListed is how many objects a sentence has.
const mostListed = 3

// list says of endpoints why they are not ready.
func (e endpoints) list(waiting []endpoint) string {
	var out []string
	said := make(map[string]bool) // a pod may be in a slice of each family
	for _, w := range waiting {
		text := ""
		switch {
		case w.pod != nil:
			state, _ := e.c.state(w.pod)
			text = "pod " + w.pod.Name + " " + state
		case w.Pod != "":
			text = "pod " + w.Pod + " is an endpoint and is not ready"
		case len(w.Addresses) > 0:
			text = fmt.Sprintf("endpoint %s in EndpointSlice %s has ready: false", w.Addresses[0], w.slice.Name)
		}
		if text != "" && !said[text] {
			said[text] = true
			out = append(out, text)
		}
	}
	return several(out)
}

// several joins clauses, of which it leaves out those that are too many.
func several(clauses []string) string {
	if more := len(clauses) - mostListed; more > 0 {
		clauses = append(clauses[:mostListed:mostListed], fmt.Sprintf("and %d more likewise", more))
	}
	return strings.Join(clauses, "; ")
}

// matching returns the pods that a Service selects, in order.
func (c *Cluster) matching(s *corev1.Service) (out []*corev1.Pod) {
	if len(s.Spec.Selector) == 0 {
		return nil
	}
	selector := labels.SelectorFromValidatedSet(s.Spec.Selector)
	for _, p := range whole[*corev1.Pod](c, zone.Pods, s.Namespace) {
		if selector.Matches(labels.Set(p.Labels)) {
			out = append(out, p)
		}
	}
	return out
}

// endpoints explains what a Service lacks endpoints for.
func (f *finder) endpoints(ctx context.Context, object string, s *corev1.Service) (err error) {
	head := fmt.Sprintf("%s %s and %s", object, kindOf(s), selects(s))
	e := endpointsOf(f.c, s)
	f.near = 5
	switch {
	case f.Code == zone.EndpointNotReady:
		f.Cause.Code = "not-ready"
		var named []endpoint
		for _, w := range e.waiting {
			if slices.Contains(e.names([]endpoint{w}), f.Endpoint) {
				named = append(named, w)
			}
		}
		f.notReady(head, s, named)
	case len(s.Spec.Selector) > 0 && len(e.slices) > 0 && len(e.ready)+len(e.waiting)+len(f.c.matching(s)) == 0:
		err = f.noPods(ctx, head, s) // which is amiss, whatever endpoint is asked for
	case f.Code == zone.NoEndpoint, f.Endpoint != "" && len(f.c.matching(s)) > 0:
		f.noEndpoint(ctx, head, s, e)
	case len(e.waiting) > 0:
		f.notReady(head, s, e.waiting)
	case len(s.Spec.Selector) == 0:
		err = f.unselected(ctx, head, s, e)
	default:
		err = f.noPods(ctx, head, s)
	}
	if f.Code == zone.EmptyIgnored {
		f.Cause.hint("The server leaves out Services without a ready endpoint (ignore empty_service of its configuration).")
	}
	return err
}

// notReady explains endpoints that are not.
func (f *finder) notReady(head string, s *corev1.Service, waiting []endpoint) {
	e := endpoints{c: f.c}
	f.Cause.Code = "not-ready"
	terminating, ended, unknown := 0, 0, 0
	for i, w := range waiting {
		switch {
		case i >= mostListed:
		case w.Pod != "":
			f.by("Pod", zone.Key{Namespace: s.Namespace, Name: w.Pod})
		default:
			f.by("EndpointSlice", w.slice)
		}
		switch {
		case w.Terminating:
			terminating++
		case w.Pod != "" && w.pod == nil:
			unknown++
		case w.pod != nil && over(w.pod):
			ended++ // the EndpointSlice controller leaves it in until it next looks
		}
	}
	f.say("%s; %s: no record.", head, e.list(waiting))
	switch len(waiting) {
	case ended:
		f.Cause.Code = "pods-ended"
		return
	case terminating:
		f.Cause.Code = "terminating"
		f.Cause.hint("A pod that terminates has no record any more; publishNotReadyAddresses would keep it until it is gone.")
		return
	}
	if err := f.c.read[s.Namespace][zone.Pods]; unknown > 0 && err != nil {
		f.Cause.hint("Why they are not ready can't be told: %v.", err)
	}
	if len(s.Spec.Selector) > 0 {
		f.Cause.hint("publishNotReadyAddresses would publish %s.", map[bool]string{true: "it", false: "them"}[len(waiting) == 1])
	} else {
		f.Cause.hint("Who writes the EndpointSlice says what is ready.")
	}
}

// unselected explains a Service without selector, whose EndpointSlices somebody
// writes.
func (f *finder) unselected(ctx context.Context, head string, s *corev1.Service, e endpoints) error {
	for _, key := range sorted(f.c.objects[zone.EndpointSlices]) {
		slice, ok := f.c.objects[zone.EndpointSlices][key].Object.(*zone.EndpointSlice)
		if !ok || key.Namespace != s.Namespace || len(slice.Endpoints) == 0 {
			continue
		}
		if slice.Service == "" && slice.ImportedService == "" && strings.HasPrefix(key.Name, s.Name) {
			f.unlabelled(head, key)
			return nil
		}
		known := f.c.objects[zone.Services][zone.Key{Namespace: s.Namespace, Name: slice.Service}].Whole != nil
		if !known && slice.Service != "" && (nearest(slice.Service, []string{s.Name}) != "" || strings.HasPrefix(key.Name, s.Name)) {
			f.Cause.Code = "slice-of-another"
			f.say("%s; %s has the label kubernetes.io/service-name: %s, and there is no such Service: no record.", head, f.by("EndpointSlice", key), slice.Service)
			f.Cause.hint("Label it kubernetes.io/service-name: %s.", s.Name)
			return nil
		}
	}
	if len(e.slices) == 0 {
		f.Cause.Code = "no-slice"
		f.say("%s, and no EndpointSlice has the label kubernetes.io/service-name: %s: no record.", head, s.Name)
		key, found, err := f.c.elsewhere(ctx, zone.EndpointSlices, s.Namespace, labels.Set{discoveryv1.LabelServiceName: s.Name})
		if found {
			f.Cause.hint("%s has it: a slice counts in its own Namespace alone.", f.by("EndpointSlice", key))
		}
		f.Cause.hint("Give the Service a selector, or write an EndpointSlice with that label, or Endpoints that are called %s.", s.Name)
		return err
	}
	f.Cause.Code = "no-endpoints"
	f.say("%s, and its %s has no endpoint with an IP address: no record.", head, f.by("EndpointSlice", e.slices[0]))
	f.Cause.hint("The names in a slice of addressType FQDN have no records: a Service of type ExternalName leads to a name.")
	return nil
}

func (f *finder) unlabelled(head string, key zone.Key) {
	f.Cause.Code = "slice-without-label"
	f.say("%s, and %s, which seems meant for it, has no label kubernetes.io/service-name: it is nobody's, and gives no record.", head, f.by("EndpointSlice", key))
	f.Cause.hint("Label it kubernetes.io/service-name: %s.", f.service.Name)
}

// noPods explains a selector without endpoints.
func (f *finder) noPods(ctx context.Context, head string, s *corev1.Service) error {
	if err := f.c.read[s.Namespace][zone.Pods]; err != nil {
		f.Cause.Code = "no-endpoints"
		f.say("%s, and it has no endpoint: no record.", head)
		f.Cause.hint("Why there is none can't be told: %v.", err)
		return nil
	}
	pods := f.c.matching(s)
	if len(pods) == 0 {
		return f.matchesNothing(ctx, head, s)
	}
	var clauses []string
	ready := 0
	for i, p := range pods {
		if i < mostListed {
			f.by("Pod", zone.Key{Namespace: p.Namespace, Name: p.Name})
		}
		state, code := f.c.state(p)
		if code == "" {
			ready++
			continue
		}
		if f.Cause.Code == f.Code.String() {
			f.Cause.Code = code
		}
		clauses = append(clauses, "pod "+p.Name+" "+state)
	}
	if ready == 0 {
		f.say("%s; %s: no record.", head, several(clauses))
		return nil
	}
	if missing := f.missingFamily(s, pods); missing != "" {
		f.Cause.Code = "no-address-of-family"
		f.say("%s; the pods that match have no %s address, and the Service has no other family: no record.", head, missing)
		f.Cause.hint("ipFamilies of the Service must have a family that its pods have.")
		return nil
	}
	for _, key := range sorted(f.c.objects[zone.EndpointSlices]) {
		slice, ok := f.c.objects[zone.EndpointSlices][key].Object.(*zone.EndpointSlice)
		if ok && slice.Service == "" && key.Namespace == s.Namespace && slices.ContainsFunc(slice.Endpoints, func(e zone.Endpoint) bool {
			return slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.Name == e.Pod })
		}) {
			f.unlabelled(head, key)
			return nil
		}
	}
	f.Cause.Code = "slices-behind"
	f.say("%s; pods match and are Ready, and no EndpointSlice has them: no record.", head)
	f.Cause.hint("The EndpointSlice controller, which is part of kube-controller-manager, seems not to run, or to be behind.")
	return nil
}

// missingFamily returns the only family of a Service if no pod has an address of it.
func (f *finder) missingFamily(s *corev1.Service, pods []*corev1.Pod) string {
	if len(s.Spec.IPFamilies) != 1 {
		return ""
	}
	for _, p := range pods {
		for _, ip := range p.Status.PodIPs {
			if a, err := netip.ParseAddr(ip.IP); err == nil && a.Unmap().Is4() == (s.Spec.IPFamilies[0] == corev1.IPv4Protocol) {
				return ""
			}
		}
	}
	return string(s.Spec.IPFamilies[0])
}

// matchesNothing explains a selector that no pod has the labels of, by the pod that
// has most of them.
func (f *finder) matchesNothing(ctx context.Context, head string, s *corev1.Service) error {
	f.Cause.Code = "selector-matches-nothing"
	var best *corev1.Pod
	most := -1
	for _, p := range whole[*corev1.Pod](f.c, zone.Pods, s.Namespace) {
		if n := likeness(p.Labels, s.Spec.Selector); n > most {
			best, most = p, n
		}
	}
	if best == nil {
		f.say("%s, and Namespace %s has no Pod: no record.", head, s.Namespace)
	} else {
		f.say("%s, and no Pod of Namespace %s has these labels: no record.", head, s.Namespace)
	}
	elsewhere, found, err := f.c.elsewhere(ctx, zone.Pods, s.Namespace, s.Spec.Selector)
	if found {
		f.Cause.hint("%s has these labels: a Service selects the Pods of its own Namespace alone.", f.by("Pod", elsewhere))
	}
	switch {
	case most > 0:
		pod := f.by("Pod", zone.Key{Namespace: best.Namespace, Name: best.Name})
		f.Cause.hint("%s comes nearest: it %s.", pod, differs(best.Labels, s.Spec.Selector))
	case !found:
		f.Cause.hint("Are there replicas of what is to make the pods?")
	}
	return err
}

// likeness counts what labels have of a selector: three for a label that is the same,
// two for one whose value is misspelled, one for one that has the key or the value.
func likeness(have, want map[string]string) (n int) {
	for key, value := range want {
		v, ok := have[key]
		switch {
		case ok && v == value:
			n += 3
		case ok && nearest(value, []string{v}) != "":
			n += 2
		case ok, slices.Contains(slices.Collect(maps.Values(have)), value):
			n++
		}
	}
	return n
}

// differs says in which labels.
func differs(have, want map[string]string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch v, ok := have[key]; {
		case !ok:
			out = append(out, "has no label "+key)
		case v != want[key]:
			out = append(out, fmt.Sprintf("has %s=%s, and not %s", key, v, want[key]))
		}
	}
	return several(out)
}

// waiting adds to a reverse name the endpoints that have the address and are not
// ready.
func (f *finder) waiting() {
	for _, key := range sorted(f.c.objects[zone.EndpointSlices]) {
		slice, ok := f.c.objects[zone.EndpointSlices][key].Object.(*zone.EndpointSlice)
		if !ok {
			continue
		}
		for _, p := range slice.Endpoints {
			if !slices.ContainsFunc(p.Addresses, func(a netip.Addr) bool { return zone.ReverseName(a) == f.Name }) || p.Ready {
				continue
			}
			f.by("EndpointSlice", key)
			f.Cause.hint("Pod %s of Service %s/%s has the address and is not ready.", p.Pod, key.Namespace, slice.Service)
		}
	}
	if len(f.Cause.Hints) > 0 {
		return
	}
	for _, key := range sorted(f.c.objects[zone.Pods]) {
		pod, ok := f.c.objects[zone.Pods][key].Object.(*zone.Pod)
		if ok && slices.ContainsFunc(pod.Addresses, func(a netip.Addr) bool { return zone.ReverseName(a) == f.Name }) {
			f.Cause.hint("%s has the address; a pod has a PTR record as the endpoint of a Service alone.", f.by("Pod", key))
		}
	}
}
