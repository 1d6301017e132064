package watch

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/zone"
)

// What manifests mean together, and what about them is allowed but hardly
// meant.

// links are what the manifests' objects say of one another, by Service. They
// hold for objects that a selector leaves out, too.
type links struct {
	slices    map[zone.Key][]string // where the slices are that belong to a Service
	headless  map[zone.Key]string   // where a headless Service is
	published map[zone.Key]bool     // Services with publishNotReadyAddresses
}

func newLinks() links {
	return links{make(map[zone.Key][]string), make(map[zone.Key]string), make(map[zone.Key]bool)}
}

// note takes in an object, read at a place, and what it was trimmed to.
func (l *links) note(obj runtime.Object, trimmed zone.Object, place string) {
	switch o := trimmed.(type) {
	case *zone.Service:
		if o.Type == zone.Headless {
			l.headless[o.Key()] = place
		}
		l.published[o.Key()] = obj.(*corev1.Service).Spec.PublishNotReadyAddresses
	case *zone.EndpointSlice:
		if o.Service != "" {
			key := zone.Key{Namespace: o.Namespace, Name: o.Service}
			l.slices[key] = append(l.slices[key], place)
		}
	}
}

// link makes the endpoints of Services with publishNotReadyAddresses ready, as
// the EndpointSlice controller does, and warns of Services and slices that lack
// one another.
func (d *manifestDecoder) link() {
	slices, watched := d.set.objects[zone.EndpointSlices]
	if !watched {
		return
	}
	for _, o := range slices {
		s := o.(*zone.EndpointSlice)
		if !d.links.published[zone.Key{Namespace: s.Namespace, Name: s.Service}] {
			continue
		}
		for i := range s.Endpoints {
			s.Endpoints[i].Ready = true
		}
	}
	for _, key := range sortedKeys(d.links.slices) {
		if _, ok := d.places[zone.Services][key]; ok {
			continue
		}
		for _, place := range d.links.slices[key] {
			d.m.warn("%s: %s, which the EndpointSlice belongs to, is not in the manifests, so the slice has no names",
				place, describe(zone.Services, key))
		}
	}
	for _, key := range sortedKeys(d.links.headless) {
		if len(d.links.slices[key]) == 0 {
			d.m.warn("%s: headless %s has no EndpointSlice, so it has no names: write one with the label kubernetes.io/service-name: %s",
				d.links.headless[key], describe(zone.Services, key), key.Name)
		}
	}
}

// skipped logs that an object of a kind without meaning for DNS was left out:
// once for a kind, and each object of a kind that was meant to have one.
func (m *Manifests) skipped(group, kind string, doc *document) {
	if group == "" && kind == "Endpoints" {
		m.warn("%s:%d: Endpoints is not read; write an EndpointSlice", doc.file, doc.line)
		return
	}
	for _, r := range resources {
		if r.group.Group == group && strings.EqualFold(r.kind, kind) {
			m.warn("%s:%d: kind %q is not known and is skipped; did you mean %s?", doc.file, doc.line, kind, r.kind)
			return
		}
	}
	kind = strings.TrimSuffix(kind+"."+group, ".")
	if _, ok := m.said[kind]; !ok {
		m.said[kind] = struct{}{}
		m.log.Info("skipping a kind without meaning for DNS", "kind", kind, "first", fmt.Sprintf("%s:%d", doc.file, doc.line))
	}
}
