package zone

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// timingWorld returns services in 50 Namespaces, every tenth headless, with
// perService endpoints each, of resourceVersion 1.
func timingWorld(services, perService int) (svcs, slices []Object) {
	for i := range services {
		m := Meta{Namespace: fmt.Sprint("ns-", i%50), Name: fmt.Sprint("service-", i), ResourceVersion: 1}
		s := &Service{Meta: m, Type: ClusterIP, Ports: []Port{{"http", TCP, 80}}}
		if i%10 == 0 {
			s.Type = Headless
		} else {
			s.ClusterIPs = []netip.Addr{netip.AddrFrom4([4]byte{10, 128, byte(i >> 8), byte(i)})}
			if i >= 1<<16 {
				s.ClusterIPs[0] = netip.AddrFrom4([4]byte{10, 129, byte(i >> 8), byte(i)})
			}
		}
		svcs = append(svcs, s)
		slice := &EndpointSlice{
			Meta:    Meta{Namespace: m.Namespace, Name: m.Name + "-abcde", ResourceVersion: 1},
			Service: m.Name, Ports: []Port{{"http", TCP, 8080}},
		}
		for j := range perService {
			n := i*perService + j
			e := Endpoint{
				Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})},
				Pod:       fmt.Sprintf("%s-%d", m.Name, j), Ready: true, Serving: true,
			}
			if s.Type == Headless {
				e.Hostname = e.Pod
			}
			slice.Endpoints = append(slice.Endpoints, e)
		}
		slices = append(slices, slice)
	}
	return svcs, slices
}

func timingZone(tb testing.TB, services, perService int) *Zone {
	svcs, slices := timingWorld(services, perService)
	z := newZone(tb, testConfig())
	z.Apply(Event{Op: Replace, Kind: Services, Objects: svcs})
	z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: slices})
	return z
}

// BenchmarkAnswer is a question parsed, looked up and answered: of names all
// over the zone, so that the memory's caches help as little as they will.
func BenchmarkAnswer(b *testing.B) {
	for _, services := range []int{1000, 100_000} {
		s := timingZone(b, services, 1).Snapshot()
		kinds := []struct{ name, ask string }{
			{"A", "service-%d.ns-%d.svc.cluster.local A"},
			{"NXDOMAIN", "service-%d.ns-%d.svc.cluster.local.svc.cluster.local A"},
			{"SRV", "_http._tcp.service-%d.ns-%d.svc.cluster.local SRV"},
		}
		for _, k := range kinds {
			const packets = 1 << 14
			list := make([][]byte, packets)
			for i := range list {
				n := i * 7919 % services
				list[i] = ask{text: fmt.Sprintf(k.ask, n, n%50), size: 1232}.packet(b)
			}
			b.Run(fmt.Sprintf("%s/services=%d", k.name, services), func(b *testing.B) {
				b.ReportAllocs()
				buf := make([]byte, 0, 2*wire.MaxUDP)
				var q wire.Query
				var r wire.Reply
				for i := 0; b.Loop(); i++ {
					q.Parse(list[i%packets])
					r.Start(&q, buf, false)
					if result := s.Answer(&q, &r); result.Outcome != Success {
						s.Negative(result, &r)
					}
					r.Finish()
				}
			})
		}
	}
}

// BenchmarkEndpointChange is one endpoint of a headless Service of 5,000, in
// slices of 100, that goes and comes.
func BenchmarkEndpointChange(b *testing.B) {
	for _, endpoints := range []int{100, 5000} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) {
			z := newZone(b, testConfig(), large("big", endpoints)...)
			full := z.objects[EndpointSlices][key("big-99")].(*EndpointSlice)
			less := *full
			less.Endpoints = slices.Delete(slices.Clone(full.Endpoints), 50, 51)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				o := full
				if i%2 == 0 {
					o = &less
				}
				z.Apply(Event{Op: Put, Object: o})
			}
		})
	}
}

// BenchmarkServiceChange is an ordinary Service that goes and comes among many.
func BenchmarkServiceChange(b *testing.B) {
	z := timingZone(b, 10_000, 10)
	o := clusterIP("ns-1/new", "10.200.0.1", "http/tcp/80")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			z.Apply(Event{Op: Put, Object: o})
		} else {
			z.Apply(Event{Op: Remove, Kind: Services, Key: o.Key()})
		}
	}
}

// heap returns how much is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkReplace takes a cluster of 10,000 Services and 100,000 endpoints in,
// and then again unchanged, as after an API server's restart. It reports the heap
// that is left for each endpoint, objects included.
func BenchmarkReplace(b *testing.B) {
	const services, perService = 10_000, 10
	var zoneBytes, objectBytes, relist float64
	for b.Loop() {
		b.StopTimer()
		before := heap()
		svcs, list := timingWorld(services, perService)
		objects := heap()
		z := newZone(b, testConfig())
		b.StartTimer()
		z.Apply(Event{Op: Replace, Kind: Services, Objects: svcs})
		z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: list})
		b.StopTimer()
		start := time.Now()
		z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: list})
		relist = float64(time.Since(start).Milliseconds())
		zoneBytes, objectBytes = float64(heap()-objects), float64(objects-before)
		runtime.KeepAlive(z)
		b.StartTimer()
	}
	b.ReportMetric(zoneBytes/(services*perService), "zone-B/endpoint")
	b.ReportMetric(objectBytes/(services*perService), "object-B/endpoint")
	b.ReportMetric(relist, "relist-ms")
}

// BenchmarkPods is one of 100,000 Pods that changes in mode PodsVerified, as most
// do: not in its address. It reports the heap that is left for each Pod, and how
// much of that is for PodOf.
func BenchmarkPods(b *testing.B) {
	const pods = 100_000
	c := testConfig()
	c.Pods = PodsVerified
	before := heap()
	objects := make([]Object, pods)
	for i := range objects {
		objects[i] = &Pod{
			Meta:      Meta{Namespace: fmt.Sprint("ns-", i%50), Name: fmt.Sprintf("service-%d-5d9f7c6b8-x%d", i/3, i), ResourceVersion: 1},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})},
		}
	}
	z := newZone(b, c)
	z.Apply(Event{Op: Replace, Kind: Pods, Objects: objects})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := *objects[i%pods].(*Pod)
		p.ResourceVersion++
		z.Apply(Event{Op: Put, Object: &p})
		objects[i%pods] = &p
	}
	whole := heap()
	bare := *z.Snapshot()
	bare.pods, z.pods = trie{}, trie{}
	z.current.Store(&bare)
	without := heap()
	b.ReportMetric(float64(whole-before)/pods, "B/pod")
	b.ReportMetric(float64(whole-without)/pods, "PodOf-B/pod")
	runtime.KeepAlive(z)
	runtime.KeepAlive(objects)
}

// BenchmarkPodOf is the pod of an address among 100,000.
func BenchmarkPodOf(b *testing.B) {
	const pods = 100_000
	z := newZone(b, testConfig())
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	objects := make([]Object, pods)
	for i := range objects {
		objects[i] = &Pod{Meta: Meta{Namespace: "default", Name: fmt.Sprint("p-", i)}, Addresses: []netip.Addr{address(i)}}
	}
	z.Apply(Event{Op: Replace, Kind: Pods, Objects: objects})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := z.PodOf(address(i * 7919 % pods)); !ok {
			b.Fatal("nobody's")
		}
	}
}
