package zone

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPodOf(t *testing.T) {
	c := testConfig()
	c.Pods, c.Namespaces = PodsVerified, []string{"default"}
	z := newZone(t, c,
		pod("web", "10.1.0.1,fd00::1"), pod("other/hidden", "10.1.0.2"),
		pod("old", ""), pod("new", "10.1.0.3"),
		pod("twice", "10.1.0.4,10.1.0.4"),
		pod("system/proxy", "10.9.0.1"), pod("system/agent", "10.9.0.1"),
		pod("system/dns", "10.9.0.2"), pod("default/job", "10.9.0.2"), pod("system/last", "10.9.0.2"),
	)
	tests := []struct {
		name, addr string
		want       Key
		reason     string
	}{
		{"a pod", "10.1.0.1", key("web"), "its first address"},
		{"IPv6", "fd00::1", key("web"), "its second"},
		{"mapped", "::ffff:10.1.0.1", key("web"), "as a socket of both families has it"},
		{"zone", "fd00::1%eth0", key("web"), "a zone is of the host that asks"},
		{"not shown", "10.1.0.2", key("other/hidden"), "a client may be of any Namespace"},
		{"ended", "10.1.0.3", key("new"), "an address that an ended pod had is another's"},
		{"twice", "10.1.0.4", key("twice"), "one pod, however often"},
		{"host network", "10.9.0.1", Key{Namespace: "system"}, "which of them is not known, of which Namespace is"},
		{"host network of many", "10.9.0.2", Key{}, "not known"},
		{"nobody", "10.1.0.9", Key{}, "no pod"},
		{"IPv4 within IPv6", "a01:1::", Key{}, "the octets of 10.1.0.1, at the front of another address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := z.PodOf(netip.MustParseAddr(tt.addr))
			if got != tt.want || ok != (tt.want != Key{}) {
				t.Errorf("PodOf(%s) = %v, %v, want %v\nreason: %s", tt.addr, got, ok, tt.want, tt.reason)
			}
		})
	}
	if got, ok := z.PodOf(netip.Addr{}); ok {
		t.Errorf("the pod without an address is %v", got)
	}
}

// TestPodOfEvents has pods come, change and go.
func TestPodOfEvents(t *testing.T) {
	remove := func(name string) Event { return Event{Op: Remove, Kind: Pods, Key: key(name)} }
	put := func(o Object) Event { return Event{Op: Put, Object: o} }
	rows := []struct {
		event  Event
		want   Key // of 10.1.0.1
		reason string
	}{
		{put(pod("a", "")), Key{}, "no address yet"},
		{put(pod("a", "10.1.0.1")), key("a"), "it starts"},
		{put(pod("other/b", "10.1.0.1")), Key{}, "another has the address before the first is known to have ended"},
		{put(pod("a", "")), key("other/b"), "it ends"},
		{remove("a"), key("other/b"), "it is deleted"},
		{put(pod("other/c", "10.1.0.1")), Key{Namespace: "other"}, "two of one Namespace"},
		{put(pod("other/c", "10.1.0.2")), key("other/b"), "its address changes"},
		{Event{Op: Replace, Kind: Pods, Objects: []Object{pod("a", "10.1.0.1")}}, key("a"), "a relist, without the others"},
		{Event{Op: Replace, Kind: Pods}, Key{}, "none at all"},
	}
	z := newZone(t, testConfig())
	addr := netip.MustParseAddr("10.1.0.1")
	for _, row := range rows {
		before := z.Snapshot()
		was, _ := before.PodOf(addr)
		z.Apply(row.event)
		if got, _ := z.PodOf(addr); got != row.want {
			t.Errorf("the pod is %v, want %v\nreason: %s", got, row.want, row.reason)
		}
		if got, _ := before.PodOf(addr); got != was {
			t.Errorf("%s: the event changed a snapshot taken before it from %v to %v", row.reason, was, got)
		}
	}
	if z.pods.root != (slot{}) || z.pods.size != 0 {
		t.Errorf("without pods, there are %d addresses", z.pods.size)
	}
}

// owners returns whose each address is, as its pods say.
func owners(pods map[Key]Object) map[netip.Addr]Key {
	all := map[netip.Addr]map[Key]bool{}
	for k, o := range pods {
		for _, a := range o.(*Pod).Addresses {
			if all[a] == nil {
				all[a] = map[Key]bool{}
			}
			all[a][k] = true
		}
	}
	result := map[netip.Addr]Key{}
	for a, keys := range all {
		namespaces := map[string]bool{}
		for k := range keys {
			namespaces[k.Namespace] = true
			result[a] = k
		}
		switch {
		case len(namespaces) > 1:
			delete(result, a)
		case len(keys) > 1:
			result[a] = Key{Namespace: result[a].Namespace}
		}
	}
	return result
}

// checkPods asserts that a zone tells whose each address is, and no other.
func checkPods(t testing.TB, z *Zone, pods map[Key]Object) {
	t.Helper()
	got, known := map[netip.Addr]Key{}, map[netip.Addr]bool{}
	z.pods.each(func(n *node) bool {
		h := n.holder()
		addr := netip.AddrFrom16(h.addr).Unmap()
		if known[addr] {
			t.Fatalf("%s is there twice", addr)
		}
		known[addr] = true
		if k, ok := z.PodOf(addr); ok {
			got[addr] = k
		}
		for ; h != nil; h = h.next {
			if z.objects[Pods][h.pod.Key()] != h.pod {
				t.Fatalf("%s has a pod that is there no more: %v", addr, h.pod)
			}
		}
		return true
	})
	if diff := cmp.Diff(owners(pods), got); diff != "" {
		t.Fatalf("whose addresses are (-pods +zone):\n%s", diff)
	}
	if len(known) != z.pods.size {
		t.Fatalf("there are %d addresses, counted %d", len(known), z.pods.size)
	}
}

// TestRandomPods has addresses meet, also where their hashes do.
func TestRandomPods(t *testing.T) {
	for _, limit := range []uint{1, 6, 13, 0} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(limit), 3))
			z := &Zone{hash: newHasher()}
			z.hash.limit = limit
			z.objects[Pods] = map[Key]Object{}
			address := func() netip.Addr {
				if rng.IntN(2) == 0 {
					return netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(20))})
				}
				return netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(rng.IntN(20))})
			}
			type version struct {
				snapshot Snapshot
				pods     map[Key]Object
			}
			var old []version
			for range 300 {
				z.edit++
				for range 1 + rng.IntN(4) {
					p := &Pod{Meta: Meta{Namespace: fmt.Sprint("ns-", rng.IntN(3)), Name: fmt.Sprint("p-", rng.IntN(9))}}
					for range rng.IntN(4) {
						p.Addresses = append(p.Addresses, address())
					}
					if rng.IntN(4) == 0 {
						z.store(Pods, p.Key(), nil)
					} else {
						z.store(Pods, p.Key(), p)
					}
				}
				s := Snapshot{hash: &z.hash, pods: z.pods}
				z.current.Store(&s)
				checkPods(t, z, z.objects[Pods])
				old = append(old, version{s, maps.Clone(z.objects[Pods])})
			}
			for _, v := range old { // later events changed no earlier snapshot
				for a, want := range owners(v.pods) {
					if got, _ := v.snapshot.PodOf(a); got != want {
						t.Fatalf("an old snapshot has %v at %s, had %v", got, a, want)
					}
				}
			}
		})
	}
}

// While a writer applies events, each reader sees one of them whole or not at
// all: the addresses of pods that one event moves are always of one Namespace.
func TestConcurrentPodOf(t *testing.T) {
	world := func(generation int) (objects []Object) {
		for i := range 100 {
			objects = append(objects, pod(fmt.Sprintf("ns-%d/p-%d", generation, i), fmt.Sprintf("10.1.0.%d", i)))
		}
		return objects
	}
	z := newZone(t, testConfig(), world(0)...)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				s := z.Snapshot()
				first, _ := s.PodOf(netip.MustParseAddr("10.1.0.0"))
				for i := range 100 {
					got, _ := s.PodOf(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}))
					if want := (Key{first.Namespace, fmt.Sprint("p-", i)}); got != want {
						t.Errorf("a snapshot has %v where the event had %v", got, want)
						return
					}
				}
			}
		})
	}
	for g := range 300 {
		z.Apply(Event{Op: Replace, Kind: Pods, Objects: world(g)})
	}
	stop.Store(true)
	readers.Wait()
}

func TestPodOfAllocations(t *testing.T) {
	z := newZone(t, testConfig(), pod("web", "10.1.0.1,fd00::1"), pod("a", "10.9.0.1"), pod("b", "10.9.0.1"), pod("x/c", "10.9.0.2"), pod("d", "10.9.0.2"))
	for _, addr := range addrs("10.1.0.1,::ffff:10.1.0.1,fd00::1,10.9.0.1,10.9.0.2,192.0.2.1") {
		if n := testing.AllocsPerRun(100, func() { z.PodOf(addr) }); n != 0 {
			t.Errorf("PodOf(%s) allocates %v times", addr, n)
		}
	}
}
