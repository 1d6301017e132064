package zone

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chooser returns a number from 0 up to and without n.
type chooser func(n int) int

func pick[T any](choose chooser, from ...T) T { return from[choose(len(from))] }

// randomWorld makes events, few names and addresses so that they meet often, and
// keeps what the objects should be.
type randomWorld struct {
	modelWorld
	choose  chooser
	version uint64
	texts   map[Name]string // of each zone, after the last event
}

func newRandomWorld(c Config, choose chooser) *randomWorld {
	w := &randomWorld{modelWorld{c, map[Kind]map[Key]Object{}}, choose, 0, map[Name]string{}}
	for _, k := range Kinds {
		w.objects[k] = map[Key]Object{}
	}
	return w
}

// event returns the next event, having taken it in itself.
func (w *randomWorld) event() Event {
	kind := pick(w.choose, EndpointSlices, EndpointSlices, EndpointSlices, Services, Services, Namespaces, Pods, ServiceImports)
	switch w.choose(10) {
	case 0, 1:
		k := w.object(kind).Key()
		delete(w.objects[kind], k)
		return Event{Op: Remove, Kind: kind, Key: k}
	case 2:
		var list []Object
		for _, k := range w.keys(kind) { // some stay, some are new, some are there twice
			if w.choose(3) > 0 {
				list = append(list, w.objects[kind][k])
			}
		}
		for range w.choose(4) {
			list = append(list, w.object(kind))
		}
		clear(w.objects[kind])
		for _, o := range list {
			w.objects[kind][o.Key()] = o
		}
		return Event{Op: Replace, Kind: kind, Objects: list}
	default:
		o := w.object(kind)
		if kind == EndpointSlices && w.choose(2) == 0 {
			o = w.edited(o.(*EndpointSlice))
		}
		w.objects[kind][o.Key()] = o
		return Event{Op: Put, Object: o}
	}
}

// edited returns one of the slices that are there with one thing changed to what
// it is in fresh; fresh if there is none.
func (w *randomWorld) edited(fresh *EndpointSlice) Object {
	keys := w.keys(EndpointSlices)
	if len(keys) == 0 {
		return fresh
	}
	s := *w.objects[EndpointSlices][pick(w.choose, keys...)].(*EndpointSlice)
	s.ResourceVersion = fresh.ResourceVersion
	s.Endpoints = slices.Clone(s.Endpoints)
	if len(s.Endpoints) == 0 || len(fresh.Endpoints) == 0 {
		s.Endpoints = fresh.Endpoints
		return &s
	}
	i := w.choose(len(s.Endpoints))
	e, other := &s.Endpoints[i], fresh.Endpoints[0]
	switch w.choose(10) {
	case 0, 1:
		e.Ready = !e.Ready
	case 2:
		e.Zone = other.Zone
	case 3:
		e.Hostname = other.Hostname
	case 4:
		e.Pod = other.Pod
	case 5:
		s.Endpoints = slices.Delete(s.Endpoints, i, i+1)
	case 6:
		s.Endpoints = append(s.Endpoints, *e)
	case 7:
		s.Cluster = fresh.Cluster
	case 8:
		s.Service = fresh.Service
	default:
		s.Ports = fresh.Ports
	}
	return &s
}

// keys returns the keys of the objects of a kind, in an order that a chooser can
// rely on.
func (w *randomWorld) keys(kind Kind) []Key {
	return slices.SortedFunc(maps.Keys(w.objects[kind]), func(a, b Key) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
}

// object returns a new object, half of them with a version.
func (w *randomWorld) object(kind Kind) Object {
	m := Meta{Namespace: pick(w.choose, "default", "default", "svc", "pod")}
	if w.version++; w.choose(2) == 0 {
		m.ResourceVersion = w.version
	}
	service := pick(w.choose, "web", "db", "svc", "10-1-0-1")
	portList := pick(w.choose, "", "http/tcp/80", "http/tcp/80 http/udp/80", "/tcp/81 dns/udp/53")
	switch kind {
	case Services:
		m.Name = service
		s := &Service{Meta: m, Type: pick(w.choose, ClusterIP, Headless, Headless, ExternalName), Ports: ports(portList)}
		switch s.Type {
		case ClusterIP:
			s.ClusterIPs = addrs(pick(w.choose, "", "10.96.0.1", "10.96.0.2,fd00:96::2", "10.1.0.1"))
		case ExternalName:
			s.ExternalName = pick(w.choose, "web.default.svc.cluster.local", "db.svc.svc.cluster.local.", "www.example.com", "10.0.0.1")
		}
		return s
	case EndpointSlices:
		m.Name = pick(w.choose, "s1", "s2", "s3", "s4", "s5")
		s := &EndpointSlice{Meta: m, Service: service, Ports: ports(portList)}
		if w.choose(3) == 0 {
			s.ImportedService, s.Cluster = service, pick(w.choose, "", "east", "west")
		}
		for range w.choose(5) {
			s.Endpoints = append(s.Endpoints, Endpoint{
				Addresses: addrs(pick(w.choose, "10.1.0.1", "10.1.0.2", "10.1.0.3", "fd00::1", "fd00::", "192.0.2.1", "10.1.0.1,10.1.0.4", "")),
				Hostname:  pick(w.choose, "", "", "web-0", "web-1", "10-1-0-1"),
				Pod:       pick(w.choose, "", "p-1", "p-2"),
				Zone:      pick(w.choose, "", "eu-1", "eu-1.x"),
				Ready:     w.choose(4) > 0,
			})
		}
		return s
	case Pods:
		m.Name = pick(w.choose, "p-1", "p-2", "p-3")
		return &Pod{Meta: m, Addresses: addrs(pick(w.choose, "", "10.1.0.1", "10.1.0.2,fd00::1"))}
	case ServiceImports:
		m.Name = service
		s := &ServiceImport{Meta: m, Type: pick(w.choose, ClusterIP, Headless), Ports: ports(portList)}
		if s.Type == ClusterIP {
			s.ClusterIPs = addrs(pick(w.choose, "10.97.0.1", "10.97.0.2,fd00:97::2"))
		}
		return s
	default:
		m.Namespace, m.Name = "", m.Namespace
		return &Namespace{m}
	}
}

// rebuilt returns a Zone that took in the same objects from nothing, in random
// order, one by one or kind by kind.
func (w *randomWorld) rebuilt(t testing.TB, rng *rand.Rand) *Zone {
	t.Helper()
	var events []Event
	for kind, objects := range w.objects {
		list := slices.Collect(maps.Values(objects))
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		if rng.IntN(2) == 0 {
			events = append(events, Event{Op: Replace, Kind: kind, Objects: list})
			continue
		}
		for _, o := range list {
			events = append(events, Event{Op: Put, Object: o})
		}
	}
	rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	z := newZone(t, w.config)
	for _, e := range events {
		z.Apply(e)
	}
	return z
}

// hasModel reports whether the model knows all that the configuration asks for.
func (w *randomWorld) hasModel() bool {
	return len(w.config.Multicluster) == 0 && !w.config.HostnamePTR
}

// apply takes the next event into z, and asserts that each zone's serial moves
// if and only if its content does.
func (w *randomWorld) apply(t testing.TB, z *Zone) Event {
	t.Helper()
	before := z.Snapshot()
	for _, apex := range before.Zones() {
		if _, ok := w.texts[apex]; !ok {
			w.texts[apex] = dumpZone(t, before, apex)
		}
	}
	e := w.event()
	z.Apply(e)
	for _, apex := range before.Zones() {
		text, now := w.texts[apex], dumpZone(t, z.Snapshot(), apex)
		if was, is := before.Serial(apex), z.Snapshot().Serial(apex); (was != is) != (text != now) {
			t.Fatalf("serial of %s from %d to %d, content (-before +after):\n%s\nevent: %+v", apex, was, is, cmp.Diff(text, now), e)
		}
		if dumpZone(t, before, apex) != text {
			t.Fatalf("the event changed a snapshot taken before it: %+v", e)
		}
		w.texts[apex] = now
	}
	return e
}

// check asserts that z is what its objects mean: the same as one rebuilt, and as
// the model, and in itself consistent.
func (w *randomWorld) check(t testing.TB, z *Zone, rng *rand.Rand, last Event) {
	t.Helper()
	checkStructure(t, z)
	checkPods(t, z, w.objects[Pods])
	other := w.rebuilt(t, rng)
	if diff := cmp.Diff(dump(t, other.Snapshot()), dump(t, z.Snapshot())); diff != "" {
		t.Fatalf("zones (-rebuilt +incremental):\n%s\nafter %+v", diff, last)
	}
	if diff := cmp.Diff(other.more, z.more); diff != "" {
		t.Fatalf("counts of records contributed more than once (-rebuilt +incremental):\n%s\nafter %+v", diff, last)
	}
	if diff := cmp.Diff(nodeCounts(other), nodeCounts(z)); diff != "" {
		t.Fatalf("names and how many are below (-rebuilt +incremental):\n%s\nafter %+v", diff, last)
	}
	if z.Skipped() != other.Skipped() || z.Snapshot().Len() != other.Snapshot().Len() {
		t.Fatalf("skipped %d, names %d, rebuilt %d, %d", z.Skipped(), z.Snapshot().Len(), other.Skipped(), other.Snapshot().Len())
	}
	if w.hasModel() {
		if diff := cmp.Diff(w.records().lines(), dumpLines(dump(t, z.Snapshot()))); diff != "" {
			t.Fatalf("zones (-model +built):\n%s\nafter %+v", diff, last)
		}
	}
}

func TestRandomEvents(t *testing.T) {
	configs := map[string]func(*Config){
		"plain":      func(*Config) {},
		"verified":   func(c *Config) { c.Pods = PodsVerified },
		"insecure":   func(c *Config) { c.Pods, c.EndpointPodNames = PodsInsecure, true },
		"zonal":      func(c *Config) { c.Zonal = true },
		"empty":      func(c *Config) { c.IgnoreEmpty = true },
		"listed":     func(c *Config) { c.ListedNamespaces = true },
		"namespaces": func(c *Config) { c.Namespaces = []string{"default", "pod"} },
		"hostname":   func(c *Config) { c.HostnamePTR = true },
		"zones":      func(c *Config) { c.Zones = names(testZones + " x.local a.cluster.local 1.10.in-addr.arpa") },
		"imports": func(c *Config) {
			c.Zones, c.Multicluster = names(testZones+" clusterset.local"), names("clusterset.local")
		},
		"self": func(c *Config) { c.Self = addrs("10.1.0.1,10.1.0.2,10.1.0.3,fd00::1") },
		"all": func(c *Config) {
			c.Zones, c.Multicluster = names(testZones+" clusterset.local"), names("clusterset.local")
			c.Pods, c.EndpointPodNames, c.Zonal, c.IgnoreEmpty, c.HostnamePTR = PodsVerified, true, true, true, true
			c.ListedNamespaces, c.Namespaces, c.Self = true, []string{"default", "svc"}, addrs("10.1.0.1")
		},
	}
	for name, set := range configs {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				rng := rand.New(rand.NewPCG(seed, 7))
				c := testConfig()
				set(&c)
				w := newRandomWorld(c, rng.IntN)
				z := newZone(t, c)
				var last Event
				for range 60 {
					for range 1 + rng.IntN(3) {
						last = w.apply(t, z)
					}
					w.check(t, z, rng, last)
				}
				checkProperties(t, z)
				for _, kind := range Kinds { // and back to nothing
					z.Apply(Event{Op: Replace, Kind: kind})
					clear(w.objects[kind])
				}
				w.check(t, z, rng, Event{})
				if len(z.slices)+len(z.self)+len(z.more)+z.pods.size != 0 {
					t.Fatalf("without objects there are left: %v %v %v, %d addresses", z.slices, z.self, z.more, z.pods.size)
				}
			}
		})
	}
}

// dumpZone returns one zone as text, without its SOA.
func dumpZone(t testing.TB, s *Snapshot, apex Name) string {
	t.Helper()
	var b strings.Builder
	if err := s.Dump(&b, apex); err != nil {
		t.Fatal(err)
	}
	_, records, _ := strings.Cut(b.String(), "\n")
	return records
}

// nodeCounts returns how many names are below each.
func nodeCounts(z *Zone) map[string]string {
	counts := map[string]string{}
	z.names.each(func(n *node) bool {
		counts[n.name().String()] = fmt.Sprintf("%d below, exists %v", n.below, setOf(n.sets(), setKey{typ: typeExists}).count > 0)
		return true
	})
	return counts
}
