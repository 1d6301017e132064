package zone

import (
	"math/rand/v2"
	"testing"
)

// FuzzZone makes events of any octets, and asserts after them what
// TestRandomEvents does: the same as rebuilt, as the model, consistent, serials
// moved with content alone, the properties of a whole zone. The first octet
// chooses the configuration.
func FuzzZone(f *testing.F) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, seed))
		b := make([]byte, 150)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		next := func(n int) int {
			if len(b) == 0 {
				return 0
			}
			v := int(b[0]) % n
			b = b[1:]
			return v
		}
		c := testConfig()
		options := next(256)
		c.Zonal, c.IgnoreEmpty, c.ListedNamespaces = options&1 > 0, options&2 > 0, options&4 > 0
		c.HostnamePTR, c.EndpointPodNames = options&8 > 0, options&16 > 0
		c.Pods = PodMode(options >> 5 % 3)
		if options&128 > 0 {
			c.Zones, c.Multicluster = names(testZones+" clusterset.local"), names("clusterset.local")
			c.Self = addrs("10.1.0.1")
		}
		w := newRandomWorld(c, next)
		z := newZone(t, c)
		var last Event
		const most = 20 // events, so that a long input is not a slow one
		for i := 0; i < most && len(b) > 0; i++ {
			last = w.apply(t, z)
		}
		w.check(t, z, rand.New(rand.NewPCG(1, 2)), last)
		checkProperties(t, z)
	})
}

// FuzzAnswer asks anything of a zone with all options on: the reply is well
// formed, and the outcome is one.
func FuzzAnswer(f *testing.F) {
	for _, q := range []string{"web.default.svc.cluster.local A", "_web._tcp.nginx.default.svc.cluster.local SRV",
		"eu-1.prefer._zone.nginx.default.svc.cluster.local A", "fd00--1.default.pod.cluster.local AAAA", "loop.default.svc.cluster.local A",
		"1.0.96.10.in-addr.arpa PTR", "cluster.local ANY"} {
		f.Add(ask{text: q, size: 1232}.packet(f), uint32(3), false)
	}
	c := testConfig()
	c.Pods, c.Zonal, c.HostnamePTR, c.Self = PodsInsecure, true, true, addrs("10.9.9.9")
	s := newZone(f, c, append(cluster(), large("big", 300)...)...).Snapshot()
	f.Fuzz(func(t *testing.T, packet []byte, rotate uint32, stream bool) {
		answerAnything(t, s, packet, rotate, stream)
	})
}
