package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// A Reader reads a cluster's objects: watch.Reader, or watch.Objects of manifests.
// An error is a *watch.Denied where rights are missing.
type Reader interface {
	// List returns the objects of a kind in a namespace, of all namespaces for "".
	List(ctx context.Context, kind zone.Kind, namespace string) ([]watch.Object, error)
	// Get returns an object, and false if there is none.
	Get(ctx context.Context, kind zone.Kind, key zone.Key) (watch.Object, bool, error)
	// Select returns some of the objects of all namespaces that match a selector.
	Select(ctx context.Context, kind zone.Kind, selector labels.Selector) ([]watch.Object, error)
}

// Config says whose names a Cluster tells of.
type Config struct {
	// Zone is configured as the server's. It has no objects yet, and is the
	// Cluster's from then on.
	Zone *zone.Zone
	// Kinds are those that the server reads; of others the zone has none.
	Kinds  []zone.Kind
	Reader Reader
	// Selector is the label selector that the server's objects must match, for
	// telling of those that do not.
	Selector string
	Now      func() time.Time // nil for time.Now
}

// A Cluster is an Asker that reads objects as names lead to them. It is for one
// goroutine.
type Cluster struct {
	config  Config
	objects map[zone.Kind]map[zone.Key]watch.Object
	read    map[string]map[zone.Kind]error // by namespace; why not, if it could not be
	spaces  map[string]error               // why Namespaces could not be looked for
	single  map[zone.Key]bool              // Services that were looked for by their names
	// What is nearly called so: the names of all Namespaces, and all Services, once
	// they were listed.
	names            []string
	services         []zone.Key
	listed, searched bool
	denied           []string
}

// NewCluster makes a Cluster.
func NewCluster(c Config) *Cluster {
	if c.Now == nil {
		c.Now = time.Now
	}
	for _, kind := range zone.Kinds {
		c.Zone.Apply(zone.Event{Op: zone.Replace, Kind: kind}) // synced from the start
	}
	cluster := &Cluster{
		config:  c,
		objects: make(map[zone.Kind]map[zone.Key]watch.Object),
		read:    make(map[string]map[zone.Kind]error),
		spaces:  make(map[string]error),
		single:  make(map[zone.Key]bool),
	}
	for _, kind := range zone.Kinds {
		cluster.objects[kind] = make(map[zone.Key]watch.Object)
	}
	return cluster
}

// Zones implements Asker.
func (c *Cluster) Zones() []zone.Name { return c.config.Zone.Snapshot().Zones() }

// Denied implements Asker.
func (c *Cluster) Denied() []string { return c.denied }

// Pod returns a Pod, nil if there is none.
func (c *Cluster) Pod(ctx context.Context, key zone.Key) (*corev1.Pod, error) {
	o, found, err := c.config.Reader.Get(ctx, zone.Pods, key)
	if err != nil || !found {
		return nil, err
	}
	pod, ok := o.Whole.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("pod %s/%s: it is not known whole", key.Namespace, key.Name)
	}
	return pod, nil
}

// put takes an object in, and hands it to the zone if the server has it.
func (c *Cluster) put(objects ...watch.Object) {
	var events []zone.Event
	for _, o := range objects {
		c.objects[o.Kind()][o.Key()] = o
		if !o.Hidden && slices.Contains(c.config.Kinds, o.Kind()) {
			events = append(events, zone.Event{Op: zone.Put, Object: o.Object})
		}
	}
	if len(events) > 0 {
		c.config.Zone.Apply(events...)
	}
}

// deny notes what may not be read, and passes on all other errors.
func (c *Cluster) deny(err error) error {
	d := (*watch.Denied)(nil)
	if !errors.As(err, &d) {
		return err
	}
	if text := d.Error(); !slices.Contains(c.denied, text) {
		c.denied = append(c.denied, text)
	}
	return nil
}

// load reads what there is in a namespace, once, all namespaces for "". In one that
// does not exist it looks for nothing more.
func (c *Cluster) load(ctx context.Context, namespace string) error {
	if c.read[namespace] != nil || c.read[""] != nil {
		return nil
	}
	c.read[namespace] = make(map[zone.Kind]error)
	exists, err := c.space(ctx, namespace)
	denied := (*watch.Denied)(nil)
	if err != nil && !errors.As(err, &denied) || err == nil && !exists {
		return err
	}
	found, err := c.loadObjects(ctx, namespace)
	switch {
	case err != nil || denied == nil:
		return err
	case found: // a Namespace that has objects is there, whatever may be read
		c.put(watch.Object{Object: &zone.Namespace{Meta: zone.Meta{Name: namespace}}})
		return nil
	}
	c.spaces[namespace] = denied
	return c.deny(denied)
}

// space looks for a Namespace, all of them for "".
func (c *Cluster) space(ctx context.Context, name string) (found bool, err error) {
	if name == "" {
		return true, c.listSpaces(ctx)
	}
	o, found, err := c.config.Reader.Get(ctx, zone.Namespaces, zone.Key{Name: name})
	if found && err == nil {
		c.put(o)
	}
	return found, err
}

// loadObjects reads what there is in a namespace, and reports whether there is any.
func (c *Cluster) loadObjects(ctx context.Context, namespace string) (found bool, err error) {
	for _, kind := range []zone.Kind{zone.Services, zone.EndpointSlices, zone.Pods, zone.ServiceImports} {
		if kind == zone.ServiceImports && !slices.Contains(c.config.Kinds, kind) {
			continue
		}
		objects, err := c.config.Reader.List(ctx, kind, namespace)
		if err != nil {
			c.read[namespace][kind] = err
			if err := c.deny(err); err != nil {
				return false, err
			}
			continue
		}
		found = found || len(objects) > 0
		c.put(objects...)
	}
	return found, nil
}

// listSpaces lists all Namespaces, as far as allowed, for those that are called
// nearly as another.
func (c *Cluster) listSpaces(ctx context.Context) error {
	if c.listed {
		return nil
	}
	c.listed = true
	objects, err := c.config.Reader.List(ctx, zone.Namespaces, "")
	if d := (*watch.Denied)(nil); errors.As(err, &d) {
		return nil // it would only have helped
	}
	if err != nil {
		return err
	}
	for _, o := range objects {
		c.names = append(c.names, o.Key().Name)
	}
	c.put(objects...)
	return nil
}

// listServices lists the Services of all namespaces, as far as allowed, for those
// that are called as one that is missing.
func (c *Cluster) listServices(ctx context.Context) error {
	if c.searched {
		return nil
	}
	c.searched = true
	objects, err := c.config.Reader.List(ctx, zone.Services, "")
	if d := (*watch.Denied)(nil); errors.As(err, &d) {
		return nil // it would only have helped
	}
	for _, o := range objects {
		c.services = append(c.services, o.Key())
	}
	slices.SortFunc(c.services, byKey)
	return err
}

// elsewhere returns an object of another namespace than own that has labels, as far
// as allowed, and false if there is none.
func (c *Cluster) elsewhere(ctx context.Context, kind zone.Kind, own string, set labels.Set) (key zone.Key, found bool, err error) {
	objects, err := c.config.Reader.Select(ctx, kind, labels.SelectorFromValidatedSet(set))
	if d := (*watch.Denied)(nil); errors.As(err, &d) {
		return key, false, nil // it would only have helped
	}
	for _, o := range objects {
		if o.Key().Namespace != own {
			return o.Key(), true, err
		}
	}
	return key, false, err
}

// service looks for a Service by its name where its namespace may not be listed.
func (c *Cluster) service(ctx context.Context, key zone.Key) error {
	if c.read[key.Namespace][zone.Services] == nil {
		return nil
	}
	o, found, err := c.config.Reader.Get(ctx, zone.Services, key)
	if err != nil {
		return c.deny(err)
	}
	c.single[key] = true
	if found {
		c.put(o)
	}
	return nil
}

// untold returns why a reason can't be trusted: what it is about was not read.
func (c *Cluster) untold(r zone.Reason) error {
	read := func(namespace string, kind zone.Kind) error {
		if all := c.read[""]; all != nil {
			return all[kind]
		}
		return c.read[namespace][kind]
	}
	switch r.Code {
	case zone.NoNamespace:
		if read(r.Namespace, zone.Services) == nil {
			return nil // there is nothing in it, be it there or not
		}
		return c.spaces[r.Namespace]
	case zone.NoService:
		if r.Imported {
			return read(r.Namespace, zone.ServiceImports)
		}
		if c.single[zone.Key{Namespace: r.Namespace, Name: r.Service}] {
			return nil
		}
		return read(r.Namespace, zone.Services)
	case zone.NoSlice, zone.NoEndpoints, zone.NoEndpoint, zone.NoPort, zone.OtherProtocol, zone.EmptyIgnored, zone.NoneInZone:
		return read(r.Namespace, zone.EndpointSlices)
	case zone.NoPod:
		return read(r.Namespace, zone.Pods)
	case zone.NoPointer:
		for _, kind := range []zone.Kind{zone.Services, zone.EndpointSlices} {
			if err := read("", kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole returns the objects of a kind in a namespace as the API has them.
func whole[T any](c *Cluster, kind zone.Kind, namespace string) (out []T) {
	for _, key := range sorted(c.objects[kind]) {
		if key.Namespace != namespace {
			continue
		}
		if o, ok := c.objects[kind][key].Whole.(T); ok {
			out = append(out, o)
		}
	}
	return out
}
