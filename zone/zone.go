package zone

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Zone builds zones from events and gives snapshots of them. All methods may be
// called concurrently; Snapshot takes no lock.
type Zone struct {
	config  Config
	primary Name   // the forward zone that PTR records point into
	forward []Name // zones that hold Services
	imports []Name // zones that hold ServiceImports
	apexes  []Name // all zones
	hash    hasher

	current atomic.Pointer[Snapshot]

	mu      sync.RWMutex
	objects [kinds]map[Key]Object          // guarded by mu, as all below
	slices  map[Key]map[Key]*EndpointSlice // by the Service or, with "\x00" before its name, the ServiceImport
	members map[string]map[Object]struct{} // by namespace, if Config.ListedNamespaces
	self    map[Key]Key                    // slices that have a Config.Self address, and their Service
	names   trie                           // the trie last published
	pods    trie                           // of holders
	more    map[string]int                 // how often beyond once a record is contributed
	edit    uint64                         // of the tries
	serials []uint32                       // by index of apexes
	pending map[Kind]bool                  // kinds of Config.Kinds not replaced yet
	skipped int                            // names left out as they can't be
}

// New returns a Zone without objects. It is synced at once if config.Kinds is
// empty.
func New(config Config) (*Zone, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	z := &Zone{
		config:  config,
		apexes:  slices.Clone(config.zones()),
		hash:    newHasher(),
		slices:  map[Key]map[Key]*EndpointSlice{},
		members: map[string]map[Object]struct{}{},
		self:    map[Key]Key{},
		more:    map[string]int{},
	}
	for _, apex := range z.apexes {
		switch {
		case apex.IsReverse():
		case slices.Contains(config.Multicluster, apex):
			z.imports = append(z.imports, apex)
		default:
			z.forward = append(z.forward, apex)
		}
	}
	z.primary = slices.Concat(z.forward, z.imports)[0]
	for kind := range z.objects {
		z.objects[kind] = map[Key]Object{}
	}
	z.serials = make([]uint32, len(z.apexes))
	z.pending = map[Kind]bool{}
	for _, kind := range config.Kinds {
		z.pending[kind] = true
	}
	c := z.begin()
	z.fixed(c)
	z.nameServer(c, z.nameServerAddrs())
	z.publish(c)
	return z, nil
}

// Object returns the object of a kind and key, nil if there is none.
func (z *Zone) Object(kind Kind, key Key) Object {
	z.mu.RLock()
	defer z.mu.RUnlock()
	if kind >= kinds {
		return nil
	}
	return z.objects[kind][key]
}

// Objects returns the objects of a kind, by namespace and name. They must not be
// changed.
//
// Slow path.
func (z *Zone) Objects(kind Kind) []Object {
	z.mu.RLock()
	defer z.mu.RUnlock()
	if kind >= kinds {
		return nil
	}
	return slices.SortedFunc(maps.Values(z.objects[kind]), func(a, b Object) int {
		k, l := a.Key(), b.Key()
		return cmp.Or(cmp.Compare(k.Namespace, l.Namespace), cmp.Compare(k.Name, l.Name))
	})
}

// Count returns how many objects of a kind there are.
func (z *Zone) Count(kind Kind) int {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return len(z.objects[kind])
}

// Skipped returns how many names are left out of the zones because they would be
// longer than a domain name can be, each counted for every time that an object
// means it.
func (z *Zone) Skipped() int {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return z.skipped
}

// Snapshot returns the zones as of the last event. It takes no lock and does
// not allocate. The result never changes.
func (z *Zone) Snapshot() *Snapshot { return z.current.Load() }

// Apply takes events in. The zones show all of them or, before Apply returns,
// nothing. Objects become the Zone's. Should an object make it panic, the Zone is
// left as if it had never had that object, and without the events after it.
func (z *Zone) Apply(events ...Event) {
	z.mu.Lock()
	defer z.mu.Unlock()
	c := z.begin()
	defer func() {
		if !c.published {
			z.rebuild(c.kind, c.key)
		}
	}()
	for _, e := range events {
		switch e.Op {
		case Put:
			z.set(c, e.Object.Kind(), e.Object.Key(), e.Object)
		case Remove:
			z.set(c, e.Kind, e.Key, nil)
		case Replace:
			z.replace(c, e.Kind, e.Objects)
			delete(z.pending, e.Kind)
		}
	}
	z.publish(c)
}

// rebuild makes the zones anew of all objects but one.
func (z *Zone) rebuild(kind Kind, key Key) {
	if kind < kinds {
		z.store(kind, key, nil)
	}
	z.names, z.more, z.skipped = trie{}, map[string]int{}, 0
	c := z.begin()
	z.fixed(c)
	z.nameServer(c, z.nameServerAddrs())
	for _, objects := range z.objects {
		for _, o := range objects {
			z.contribute(c, o)
		}
	}
	z.publish(c)
}

// replace makes objects all there are of kind.
func (z *Zone) replace(c *change, kind Kind, objects []Object) {
	keep := make(map[Key]struct{}, len(objects))
	for _, o := range objects {
		keep[o.Key()] = struct{}{}
		z.set(c, kind, o.Key(), o)
	}
	for key := range z.objects[kind] {
		if _, ok := keep[key]; !ok {
			z.set(c, kind, key, nil)
		}
	}
}

// set puts an object in the place of the one of its kind and key, or removes
// that if o is nil. What the old one and all that depends on it contributed is
// taken back, and contributed anew; what is the same cancels out.
func (z *Zone) set(c *change, kind Kind, key Key, o Object) {
	c.kind, c.key = kind, key
	old := z.objects[kind][key]
	if old == o {
		return // as in a relist, where nothing happened
	}
	if o != nil {
		c.version = max(c.version, o.Version())
	}
	servers := z.nameServerAddrs()
	if was, now, ok := sameSlice(old, o); ok && !z.config.IgnoreEmpty {
		// Fast path: a slice of the same Service changes by its own endpoints.
		z.store(kind, key, o)
		z.sliceDiff(c, was, now)
	} else {
		// Slow path: take everything back and contribute it anew.
		dependents := z.dependents(kind, old, o)
		c.sign = -1
		z.contributeAll(c, append(dependents, old))
		z.store(kind, key, o)
		c.sign = +1
		z.contributeAll(c, append(dependents, o))
	}
	if now := z.nameServerAddrs(); !slices.Equal(now, servers) {
		c.sign = -1
		z.nameServer(c, servers)
		c.sign = +1
		z.nameServer(c, now)
	}
	if len(c.records) >= flushAt {
		c.flush()
	}
}

func (z *Zone) contributeAll(c *change, objects []Object) {
	for _, o := range objects {
		z.contribute(c, o)
	}
}

// dependents returns the objects, other than the two, whose records depend on
// which of the two is there.
func (z *Zone) dependents(kind Kind, old, now Object) []Object {
	var result []Object
	addSlices := func(owner Key) {
		for _, s := range z.slices[owner] {
			result = append(result, s)
		}
	}
	switch kind {
	case Services:
		was, _ := old.(*Service)
		is, _ := now.(*Service)
		if was == nil || is == nil || was.Type != is.Type {
			addSlices(cmp.Or(was, is).Key())
		}
	case ServiceImports:
		was, _ := old.(*ServiceImport)
		is, _ := now.(*ServiceImport)
		if was == nil || is == nil || was.Type != is.Type {
			addSlices(importOwner(cmp.Or(was, is).Key()))
		}
	case EndpointSlices:
		if !z.config.IgnoreEmpty {
			break
		}
		owners := map[Key]bool{}
		for _, o := range []Object{old, now} {
			if s, ok := o.(*EndpointSlice); ok && s != nil {
				owners[Key{s.Namespace, s.Service}] = true
			}
		}
		for owner := range owners {
			if service := z.objects[Services][owner]; service != nil {
				result = append(result, service)
			}
		}
	case Namespaces:
		if !z.config.ListedNamespaces || old != nil && now != nil {
			break
		}
		name := Key{}
		if old != nil {
			name = old.Key()
		} else {
			name = now.Key()
		}
		for o := range z.members[name.Name] {
			result = append(result, o)
		}
	}
	return result
}

// importOwner is the key of Zone.slices for the slices of a ServiceImport.
func importOwner(k Key) Key { return Key{k.Namespace, "\x00" + k.Name} }

// store puts o, or if nil nothing, in the place of the object of its kind and
// key, in all indexes.
func (z *Zone) store(kind Kind, key Key, o Object) {
	old := z.objects[kind][key]
	if z.config.ListedNamespaces && kind != Namespaces {
		z.join(key.Namespace, old, o)
	}
	if s, ok := old.(*EndpointSlice); ok {
		z.index(s, func(owner Key) {
			delete(z.slices[owner], key)
			if len(z.slices[owner]) == 0 {
				delete(z.slices, owner)
			}
		})
		delete(z.self, key)
	}
	if kind == Pods {
		was, _ := old.(*Pod)
		is, _ := o.(*Pod)
		z.hold(was, is)
	}
	if o == nil {
		delete(z.objects[kind], key)
		return
	}
	z.objects[kind][key] = o
	if s, ok := o.(*EndpointSlice); ok {
		z.index(s, func(owner Key) {
			if z.slices[owner] == nil {
				z.slices[owner] = map[Key]*EndpointSlice{}
			}
			z.slices[owner][key] = s
		})
		if s.Service != "" && z.hasSelf(s) {
			z.self[key] = Key{s.Namespace, s.Service}
		}
	}
}

// join puts now in the place of old among the objects of a namespace.
func (z *Zone) join(namespace string, old, now Object) {
	members := z.members[namespace]
	if members == nil {
		members = map[Object]struct{}{}
		z.members[namespace] = members
	}
	delete(members, old)
	if now != nil {
		members[now] = struct{}{}
	}
	if len(members) == 0 {
		delete(z.members, namespace)
	}
}

// index calls f with each owner that a slice has in Zone.slices.
func (z *Zone) index(s *EndpointSlice, f func(owner Key)) {
	if s.Service != "" {
		f(Key{s.Namespace, s.Service})
	}
	if s.ImportedService != "" {
		f(importOwner(Key{s.Namespace, s.ImportedService}))
	}
}

func (z *Zone) hasSelf(s *EndpointSlice) bool {
	return len(z.config.Self) > 0 && slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool {
		return slices.ContainsFunc(e.Addresses, func(a netip.Addr) bool { return slices.Contains(z.config.Self, a) })
	})
}

// publish makes the change visible to readers, and moves the serials of the
// zones whose content it moved.
func (z *Zone) publish(c *change) {
	c.flush()
	for i, touched := range c.compare() {
		if touched {
			z.serials[i] = nextSerial(z.serials[i], c.version)
		}
	}
	z.names = c.names
	z.skipped += c.skipped
	z.current.Store(&Snapshot{
		config:  &z.config,
		hash:    &z.hash,
		names:   z.names,
		pods:    z.pods,
		primary: z.primary,
		apexes:  z.apexes,
		zones:   z.states(),
		Synced:  len(z.pending) == 0,
	})
	c.published = true
}

// apexOf returns the index of the longest apex that name is at or below, -1 if
// there is none.
func (z *Zone) apexOf(name []byte) int { return longestApex(z.apexes, name) }
