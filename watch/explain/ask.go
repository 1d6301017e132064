package explain

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// outsideCode is the code of names in no zone of the cluster.
const outsideCode = "outside"

// mostAliases is how many ExternalName Services are followed from one to the next.
const mostAliases = 8

// Ask implements Asker.
func (c *Cluster) Ask(ctx context.Context, a Ask) (Answer, error) {
	apex, inside := c.apexOf(a.Name)
	if !inside {
		return c.outside(a), nil
	}
	name := a.Name
	for range mostAliases { // read what each alias leads to
		if err := c.loadFor(ctx, name); err != nil {
			return Answer{}, err
		}
		next := c.aliasOf(name)
		if next == "" {
			break
		}
		if _, inside := c.apexOf(next); !inside {
			break
		}
		name = next
	}
	snapshot := c.config.Zone.Snapshot()
	typ, ok := zone.ParseType(a.Type)
	if !ok {
		return Answer{}, fmt.Errorf("%q is no type that can be asked for", a.Type)
	}
	outcome, records, err := snapshot.Lookup(a.Name, typ)
	if err != nil {
		return Answer{}, err
	}
	out := Answer{Records: records}
	switch outcome {
	case zone.Success, zone.Leaves:
		if outcome == zone.Leaves {
			if out.Cause, err = c.shortTarget(ctx, name); out.Cause.Code != "" || err != nil {
				out.Outcome, out.Near = Outside, 6
				return out, err
			}
		}
		out.Outcome = Found
		out.Notes = c.notes(a, outcome)
		shadow, err := c.shadowed(ctx, a)
		if shadow != "" {
			out.Notes = append(out.Notes, shadow)
		}
		return out, err
	case zone.NoData:
		out.Outcome = NoData
	case zone.NameError:
		out.Outcome = NXDomain
	default:
		out.Outcome, out.Near = ServFail, 9
		out.Cause = Cause{Code: "loop", Text: "ExternalName Services lead to one another without end: SERVFAIL."}
		return out, nil
	}
	reason, ok := c.config.Zone.Explain(snapshot, a.Name, typ)
	if !ok {
		return Answer{}, fmt.Errorf("%s is %s, and the zone has no reason", a.Name, out.Outcome)
	}
	switch err := c.untold(reason); {
	case err == nil:
	case reason.Code == zone.NoNamespace && len(below(reason.Name, apex)) == 2: // it has no records if it exists, either
		out.Outcome = Untold
		out.Cause = Cause{Code: "denied", Text: fmt.Sprintf("It can't be told whether there is a Namespace %s: %v.", reason.Namespace, err)}
		return out, nil
	default:
		out.Outcome, out.Near = Untold, 4 // less than what is known to be amiss
		out.Cause = Cause{Code: "denied", Text: fmt.Sprintf("It can't be told whether %s has records: %v.", a.Name, err)}
		return out, nil
	}
	f := finder{c: c, ask: a, apex: apex, Reason: reason, service: zone.Key{Namespace: reason.Namespace, Name: reason.Service}}
	if err := f.find(ctx); err != nil {
		return Answer{}, err
	}
	out.Cause, out.Near = f.Cause, f.near
	return out, nil
}

// apexOf returns the zone that a name is in.
func (c *Cluster) apexOf(name zone.Name) (apex zone.Name, inside bool) {
	for _, z := range c.Zones() {
		if name.IsBelow(z) && len(z) > len(apex) {
			apex, inside = z, true
		}
	}
	return apex, inside
}

// loadFor reads what decides a name: the objects of the namespace in it, or those of
// all namespaces for a reverse name.
func (c *Cluster) loadFor(ctx context.Context, name zone.Name) error {
	apex, _ := c.apexOf(name)
	if apex.IsReverse() {
		return c.load(ctx, "")
	}
	l := below(name, apex)
	if len(l) < 2 || l[0] != "svc" && l[0] != "pod" {
		return nil
	}
	if err := c.load(ctx, l[1]); err != nil || len(l) < 3 || l[0] == "pod" {
		return err
	}
	return c.service(ctx, zone.Key{Namespace: l[1], Name: l[2]})
}

// below returns the labels of a name between it and apex, the one next to apex first.
func below(name, apex zone.Name) (out []string) {
	for ; name != apex; name = name.Parent() {
		out = append(out, name.Label())
	}
	slices.Reverse(out)
	return out
}

// aliasOf returns where a name leads that is an ExternalName Service's, "" for none.
func (c *Cluster) aliasOf(name zone.Name) zone.Name {
	cname, _ := zone.ParseType("CNAME")
	_, records, err := c.config.Zone.Snapshot().Lookup(name, cname)
	if err != nil || len(records) == 0 {
		return ""
	}
	fields := strings.Fields(records[0])
	target, err := zone.ParseName(fields[len(fields)-1])
	if err != nil {
		return ""
	}
	return target
}

// shortTarget is the cause where an ExternalName Service leads out of the cluster's
// zones to what in a search path would be the name of a Service.
func (c *Cluster) shortTarget(ctx context.Context, name zone.Name) (cause Cause, err error) {
	target := c.aliasOf(name)
	apex, _ := c.apexOf(name)
	from := below(name, apex)
	if len(from) != 3 {
		return cause, nil // no Service's
	}
	for _, domain := range ClusterFirst(from[1], apex).Search {
		whole, err := zone.ParseName(target.String() + domain.String())
		if err != nil {
			continue
		}
		l := below(whole, apex)
		if len(l) != 3 || l[0] != "svc" {
			continue
		}
		meant := zone.Key{Namespace: l[1], Name: l[2]}
		if err := c.load(ctx, meant.Namespace); err != nil {
			return cause, err
		}
		if _, found := c.objects[zone.Services][meant]; !found {
			continue
		}
		cause = Cause{
			Code:    "short-target",
			Text:    fmt.Sprintf("Service %s/%s is of type ExternalName and leads to %s, which is a whole name, in no zone of the cluster: nothing is searched for it.", from[1], from[2], target),
			Objects: []string{"Service " + from[1] + "/" + from[2], "Service " + meant.Namespace + "/" + meant.Name},
		}
		cause.hint("For Service %s/%s, externalName must be %s.", meant.Namespace, meant.Name, strings.TrimSuffix(whole.String(), "."))
		return cause, nil
	}
	return cause, nil
}

// outside is the answer for a name in no zone of the cluster.
func (c *Cluster) outside(a Ask) Answer {
	var zones []string
	for _, z := range c.Zones() {
		if !z.IsReverse() {
			zones = append(zones, strings.TrimSuffix(z.String(), "."))
		}
	}
	own := strings.Join(zones, ", ")
	out := Answer{Outcome: Outside, Cause: Cause{
		Code: outsideCode,
		Text: fmt.Sprintf("%s is in no zone of the cluster (%s).", a.Name, own),
	}}
	l := strings.Split(strings.TrimSuffix(a.Name.String(), "."), ".")
	last := l[len(l)-1]
	at := slices.Index(l, "svc")
	switch {
	case a.Suffix != "":
	case at > 1 && at < len(l)-1: // SERVICE.NAMESPACE.svc.…
		out.Near = 5
		other := strings.Join(l[at+1:], ".")
		out.Cause.hint("The name is written for the zone %s; the cluster's is %s.", other, own)
		if near := nearest(other, zones); near != "" {
			out.Cause.Code = "wrong-zone"
			out.Cause.hint("Did you mean %s.%s?", strings.Join(l[:at+1], "."), near)
			return out
		}
	case a.Labels > 2 && last != "svc" && last != "pod":
		out.Near = 4
	case a.Labels == 2 && elsewhere(last):
		out.Near = 3
	case a.Labels == 2:
		out.Near = 2
	}
	out.Cause.hint("What it has, if anything, other servers know.")
	return out
}

// elsewhere reports whether the last label of a name of two is a top-level domain
// rather than a Namespace: a country's, or one of the elder ones. Those of today, as
// prod, shop and cloud, are what Namespaces are called as well.
func elsewhere(label string) bool {
	return len(label) == 2 || slices.Contains([]string{"com", "net", "org", "edu", "gov", "info"}, label)
}

// notes say what else there is to know of an answer that has records.
func (c *Cluster) notes(a Ask, outcome zone.Outcome) (out []string) {
	apex, _ := c.apexOf(a.Name)
	if outcome == zone.Leaves {
		out = append(out, "the ExternalName Service leads out of the cluster's zones: what is there is not known here")
	}
	l := below(a.Name, apex)
	if len(l) != 3 || l[0] != "svc" {
		return out
	}
	s, ok := c.objects[zone.Services][zone.Key{Namespace: l[1], Name: l[2]}].Whole.(*corev1.Service)
	if !ok || s.Spec.Type == corev1.ServiceTypeExternalName {
		return out
	}
	e := endpointsOf(c, s)
	switch {
	case s.Spec.ClusterIP != corev1.ClusterIPNone:
		if c.read[l[1]][zone.EndpointSlices] == nil && len(e.ready) == 0 {
			out = append(out, fmt.Sprintf("no endpoint of Service %s/%s is ready, so that nothing answers at its ClusterIP", l[1], l[2]))
		}
	case len(e.waiting) > 0:
		out = append(out, fmt.Sprintf("left out is what is not ready: %s", e.list(e.waiting)))
	}
	return out
}

// shadowed notes where POD.SERVICE was found in the own namespace, and SERVICE.NAMESPACE
// may have been meant, which the search path has later: a Service is called as a
// Namespace is.
func (c *Cluster) shadowed(ctx context.Context, a Ask) (string, error) {
	apex, _ := c.apexOf(a.Name)
	l := below(a.Name, apex)
	if a.Suffix == "" || a.Suffix.Labels() != apex.Labels()+2 || len(l) != 4 {
		return "", nil
	}
	if err := c.load(ctx, l[2]); err != nil {
		return "", err
	}
	if _, found := c.objects[zone.Services][zone.Key{Namespace: l[2], Name: l[3]}]; !found {
		return "", nil
	}
	return fmt.Sprintf("Service %s/%s, which may be meant, is not asked: Service %s/%s is called as that Namespace is, and comes first; %s.%s.svc is the other",
		l[2], l[3], l[1], l[2], l[3], l[2]), nil
}

func sorted(objects map[zone.Key]watch.Object) []zone.Key {
	return slices.SortedFunc(maps.Keys(objects), byKey)
}

func byKey(a, b zone.Key) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
