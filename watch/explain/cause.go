package explain

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// A finder finds the cause behind a reason of the zone.
type finder struct {
	zone.Reason
	c       *Cluster
	ask     Ask
	apex    zone.Name
	service zone.Key
	Cause   Cause
	near    int
}

// find sets Cause and near.
func (f *finder) find(ctx context.Context) error {
	f.Cause.Code = f.Code.String()
	var err error
	switch f.Code {
	case zone.NoNamespace, zone.HiddenNamespace:
		err = f.noNamespace(ctx)
	case zone.NoService:
		err = f.noService(ctx)
	case zone.NoForm:
		f.noForm()
	case zone.NoPointer, zone.NoPod, zone.NoPodAddress, zone.PodNamesDisabled:
		f.address()
	case zone.Empty, zone.OtherType, zone.NotZonal, zone.NoneInZone, zone.Long:
		f.plain()
	default:
		f.near = 5
		err = f.ofService(ctx)
	}
	if f.Alias {
		f.alias()
	}
	return err
}

// say sets the text.
func (f *finder) say(format string, args ...any) { f.Cause.Text = fmt.Sprintf(format, args...) }

// by notes an object that decides.
func (f *finder) by(kind string, key zone.Key) string {
	object := kind + " " + strings.TrimPrefix(key.Namespace+"/"+key.Name, "/")
	if !slices.Contains(f.Cause.Objects, object) {
		f.Cause.Objects = append(f.Cause.Objects, object)
	}
	return object
}

// spelled reports whether the Namespace is in what was asked for, rather than in the
// search domain.
func (f *finder) spelled() bool {
	return f.Alias || f.ask.Suffix.Labels() < f.apex.Labels()+2 || f.ask.Suffix == ""
}

// sibling returns the name with another Namespace or Service in the place of its own,
// without final dot, and whether that has records of the type.
func (f *finder) sibling(ctx context.Context, namespace, service string) (name string, found bool) {
	labels := below(f.Name, f.apex)
	n := f.apex
	for i, l := range labels {
		switch i {
		case 1:
			l = namespace
		case 2:
			if service != "" {
				l = service
			}
		}
		n, _ = n.Child(l)
	}
	if n == "" || f.c.load(ctx, namespace) != nil {
		return "", false
	}
	typ, _ := zone.ParseType(f.ask.Type)
	outcome, _, err := f.c.config.Zone.Snapshot().Lookup(n, typ)
	return strings.TrimSuffix(n.String(), "."), err == nil && (outcome == zone.Success || outcome == zone.Leaves)
}

func (f *finder) noNamespace(ctx context.Context) error {
	f.near = 1
	// A name of one label is a Service's of the asker's own Namespace.
	own := !f.spelled() && f.ask.Labels == 1
	switch {
	case own:
		f.near = 4
	case f.spelled() && f.ask.Labels > 1:
		f.near = 2
	}
	_, exists := f.c.objects[zone.Namespaces][zone.Key{Name: f.Namespace}]
	if f.Code == zone.HiddenNamespace && (exists || f.c.spaces[f.Namespace] != nil) {
		f.say("Namespace %s is not among those that the server serves (namespaces, namespace_labels of its configuration).", f.Namespace)
		f.by("Namespace", zone.Key{Name: f.Namespace})
		return nil
	}
	f.Cause.Code = zone.NoNamespace.String()
	f.say("There is no Namespace %s.", f.Namespace)
	if err := f.c.spaces[f.Namespace]; err != nil {
		f.say("There is no Service in a Namespace %s; whether there is such a Namespace can't be told: %v.", f.Namespace, err)
	}
	if err := f.c.listSpaces(ctx); err != nil {
		return err
	}
	near := nearest(f.Namespace, f.c.names)
	if near != "" && (own || f.spelled()) {
		f.by("Namespace", zone.Key{Name: near})
		name, found := f.sibling(ctx, near, f.Service)
		if found {
			f.near += 2
			f.Cause.hint("Did you mean Namespace %s? %s resolves.", near, name)
		} else {
			f.near++
			f.Cause.hint("Did you mean Namespace %s?", near)
		}
	}
	switch {
	case f.Imported || !own && !f.spelled():
		return nil
	case f.Service == "":
		return f.unplaced(ctx)
	}
	found, err := f.others(ctx, near)
	if swapped := (zone.Key{Namespace: f.Service, Name: f.Namespace}); slices.Contains(f.c.services, swapped) {
		found = true
		f.Cause.hint("%s is called %s.%s: the Service's name goes before the Namespace's.", f.by("Service", swapped), f.Namespace, f.Service)
	}
	if found {
		f.near = max(f.near, 3)
	}
	return err
}

// unplaced hints at Services that are called as the Namespace that there is none of,
// where the name stops short of one: SERVICE.svc.ZONE was written.
func (f *finder) unplaced(ctx context.Context) error {
	if err := f.c.listServices(ctx); err != nil {
		return err
	}
	n := 0
	for _, key := range f.c.services {
		if key.Name != f.Namespace {
			continue
		}
		if n++; n <= mostListed {
			f.Cause.hint("Between a Service's name and svc is its Namespace's: %s is called %s.%s.svc.%s", f.by("Service", key), key.Name, key.Namespace, f.apex)
			f.near = max(f.near, 3)
		}
	}
	return nil
}

// others hints at the Services of other Namespaces than one that are called as the one
// asked for.
func (f *finder) others(ctx context.Context, than string) (found bool, err error) {
	if err := f.c.listServices(ctx); err != nil {
		return false, err
	}
	n := 0
	for _, key := range f.c.services {
		if key.Name != f.Service || key.Namespace == than {
			continue
		}
		if n++; n <= mostListed {
			f.Cause.hint("Namespace %s has a Service %s: from other namespaces its name is %s.%s.", key.Namespace, key.Name, key.Name, key.Namespace)
			f.by("Service", key)
		}
	}
	if more := n - mostListed; more > 0 {
		f.Cause.hint("So have %d more.", more)
	}
	return n > 0, nil
}

func (f *finder) noService(ctx context.Context) error {
	kind, called := zone.Services, "Service"
	if f.Imported {
		kind, called = zone.ServiceImports, "ServiceImport"
	}
	f.near = 2
	if f.spelled() || f.ask.Labels == 1 || f.namesPod() {
		f.near = 4
	}
	if o, ok := f.c.objects[kind][f.service]; ok && o.Hidden {
		f.near = 5
		f.Cause.Code = "not-selected"
		f.say("%s does not have the labels of what the server serves (labels %s of its configuration): it has no name.", f.by(called, f.service), f.c.config.Selector)
		return nil
	}
	f.say("Namespace %s has no %s %s.", f.Namespace, called, f.Service)
	f.by("Namespace", zone.Key{Name: f.Namespace})
	if strings.HasPrefix(f.Service, "_") {
		f.Cause.hint("A port goes before the Service that it is of: _PORT._PROTOCOL.SERVICE.")
	}
	var names []string
	for key := range f.c.objects[kind] {
		if key.Namespace == f.Namespace {
			names = append(names, key.Name)
		}
	}
	if near := cmp.Or(nearest(f.Service, names), containing(f.Service, names)); near != "" {
		f.by(called, zone.Key{Namespace: f.Namespace, Name: near})
		if name, found := f.sibling(ctx, f.Namespace, near); found {
			f.near += 2
			f.Cause.hint("Did you mean %s %s? %s resolves.", called, near, name)
		} else {
			f.near++
			f.Cause.hint("Did you mean %s %s?", called, near)
		}
	}
	if f.Imported {
		if _, found := f.c.objects[zone.Services][f.service]; found {
			f.Cause.hint("%s is there: a ServiceExport of its name has other clusters, and this one, import it.", f.by("Service", f.service))
		}
		return nil
	}
	f.governing()
	if err := f.elsewhere(ctx); err != nil {
		return err
	}
	for _, key := range sorted(f.c.objects[zone.Services]) {
		if f.spelled() && key.Name == f.Namespace {
			f.Cause.hint("%s is called as the Namespace is: in its own namespace it is asked first.", f.by("Service", key))
		}
	}
	if len(f.Cause.Hints) == 0 && len(names) > 0 && len(names) <= mostNamed {
		slices.Sort(names)
		f.Cause.hint("Its Services are %s.", strings.Join(names, ", "))
	}
	return nil
}

// governing hints at pods that have the Service that there is none of for a
// subdomain.
func (f *finder) governing() {
	for _, pod := range whole[*corev1.Pod](f.c, zone.Pods, f.Namespace) {
		if pod.Spec.Subdomain == f.Service {
			f.Cause.hint("%s has the subdomain %s (of a StatefulSet, its serviceName): a headless Service of that name, which selects the pod, gives it %s.%s.",
				f.by("Pod", zone.Key{Namespace: pod.Namespace, Name: pod.Name}), f.Service, cmp.Or(pod.Spec.Hostname, "HOSTNAME"), f.Service)
			return
		}
	}
}

// namesPod reports whether the label below the Service that there is none of is what a
// Pod is called: POD.SERVICE was meant then.
func (f *finder) namesPod() bool {
	l := below(f.Name, f.apex)
	return len(l) == 4 && slices.ContainsFunc(whole[*corev1.Pod](f.c, zone.Pods, f.Namespace), func(p *corev1.Pod) bool {
		return p.Name == l[3] || p.Spec.Hostname == l[3]
	})
}

// mostNamed is how many Services there may be for all to be named.
const mostNamed = 8

// elsewhere hints at what else is called as the Service that there is none of.
func (f *finder) elsewhere(ctx context.Context) error {
	found, err := f.others(ctx, f.Namespace)
	if err != nil {
		return err
	}
	if found && f.ask.Labels == 2 { // POD.SERVICE, rather than SERVICE.NAMESPACE
		f.near = max(f.near, 4)
	}
	if err := f.c.listSpaces(ctx); err != nil {
		return err
	}
	if slices.Contains(f.c.names, f.Service) && f.ask.Labels == 1 {
		f.Cause.hint("%s is the name of a Namespace: a Service in it is SERVICE.%s.", f.Service, f.Service)
	}
	for _, pod := range whole[*corev1.Pod](f.c, zone.Pods, f.Namespace) {
		if pod.Name == f.Service {
			f.by("Pod", f.service)
			if h, d := pod.Spec.Hostname, pod.Spec.Subdomain; h != "" && d != "" {
				f.Cause.hint("%s is the name of a Pod, and its hostname and subdomain have it called %s.%s.", f.Service, h, d)
				continue
			}
			f.Cause.hint("%s is the name of a Pod, and Pods have no names by themselves: one with hostname and subdomain has POD.SERVICE below a headless Service.", f.Service)
		}
	}
	return nil
}

// noForm explains a name that the schema has no form for.
func (f *finder) noForm() {
	apex := strings.TrimSuffix(f.apex.String(), ".")
	f.say("No name in %s has the form of %s.", apex, strings.TrimSuffix(f.Name.String(), "."))
	labels := below(f.Name, f.apex)
	switch {
	case f.ask.Suffix != "" && f.ask.Suffix != f.apex:
	case nearest(labels[0], []string{"svc"}) != "" && f.ask.Labels > 1:
		f.near = 5
		f.Cause.hint("Did you mean svc in the place of %s?", labels[0])
	case f.ask.Suffix == "" && len(labels) > 3 && labels[0] == "pod":
		f.near = 5
		if a, err := netip.ParseAddr(strings.TrimSuffix(f.Name.String(), "."+labels[1]+".pod."+f.apex.String())); err == nil {
			f.Cause.hint("An address is written with dashes: %s.%s.pod.%s", strings.ReplaceAll(a.String(), ".", "-"), labels[1], apex)
			break
		}
		f.Cause.hint("What is below a Service has svc before the zone: %s.svc.%s", strings.TrimSuffix(f.Name.String(), ".pod."+f.apex.String()), apex)
	case f.ask.Suffix == "" && len(labels) == 2:
		f.near = 5
		f.Cause.hint("A Service's name has svc before the zone: %s.%s.svc.%s", labels[1], labels[0], apex)
	}
	f.Cause.hint("The forms are SERVICE.NAMESPACE.svc.%s, names below that, and ADDRESS.NAMESPACE.pod.%s.", apex, apex)
}

// address explains names that spell addresses.
func (f *finder) address() {
	f.near = 5
	switch f.Code {
	case zone.PodNamesDisabled:
		f.say("The server is configured without names of pods (pods disabled).")
		f.Cause.hint("A pod that is to have a name needs a hostname, a subdomain, and a headless Service of that name.")
	case zone.NoPodAddress:
		f.say("Below pod.%s a pod is named by its address with dashes, as 10-1-2-3: %s is none.",
			strings.TrimSuffix(f.apex.String(), "."), strings.Split(f.Name.String(), ".")[0])
		f.Cause.hint("By its own name a pod is found below a headless Service that is its subdomain: POD.SERVICE.NAMESPACE.svc.")
	case zone.NoPod:
		f.say("No Pod of Namespace %s has the address that the name spells.", f.Namespace)
	default:
		f.say("Neither a Service's ClusterIP nor a ready endpoint has the address that %s spells.", f.ask.Name)
		f.waiting()
	}
}

// plain explains names that exist, or can't, with nothing behind them.
func (f *finder) plain() {
	name := strings.TrimSuffix(f.Name.String(), ".")
	f.near = 4
	switch f.Code {
	case zone.Empty:
		f.say("%s exists since there are names below it, and has no records of its own: NODATA.", name)
		if f.Service == "" && f.Namespace != "" {
			f.by("Namespace", zone.Key{Name: f.Namespace})
			f.Cause.hint("%s is a Namespace: a Service in it is SERVICE.%s.", f.Namespace, f.Namespace)
			if f.ask.Labels == 1 {
				f.near = 1
			}
		}
		if f.Protocol != "" {
			f.Cause.hint("SRV records are those of a port, asked for by its name: _PORT._%s.%s.", f.Protocol, f.Service)
		}
	case zone.OtherType:
		f.say("%s has records of other types alone: NODATA.", name)
	case zone.NotZonal:
		f.say("The server is configured without zone-scoped names (zonal).")
	case zone.NoneInZone:
		f.say("No ready endpoint of Service %s/%s is in the topology zone that %s names: NODATA.", f.Namespace, f.Service, name)
	case zone.Long:
		f.say("What the objects mean would be longer than a domain name can be (255 octets, 63 in a label).")
	}
}

// alias says how the name asked for led to the one that the cause is of.
func (f *finder) alias() {
	labels := below(f.ask.Name, f.apex)
	if len(labels) < 3 {
		return
	}
	from := f.by("Service", zone.Key{Namespace: labels[1], Name: labels[2]})
	f.near = 5
	f.Cause.Text = fmt.Sprintf("%s is of type ExternalName and leads to %s. %s", from, strings.TrimSuffix(f.Name.String(), "."), f.Cause.Text)
}
