package zone

import (
	"net/netip"
	"testing"
)

// nothing is an Object of a kind that there is not.
type nothing struct{ Meta }

func (*nothing) Kind() Kind { return kinds }

// TestApplyPanics sees that a panic leaves the zones as the objects say, those
// before it in the same call included.
func TestApplyPanics(t *testing.T) {
	z := newZone(t, testConfig())
	service := func(name, ip string) *Service {
		return &Service{Meta: Meta{Namespace: "default", Name: name}, ClusterIPs: []netip.Addr{netip.MustParseAddr(ip)}}
	}
	z.Apply(Event{Object: service("first", "10.96.0.1")})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic; the test needs another object")
			}
		}()
		z.Apply(Event{Object: service("second", "10.96.0.2")}, Event{Object: pod("web", "10.1.0.1")}, Event{Object: &nothing{}})
	}()
	checkPods(t, z, map[Key]Object{key("web"): z.Object(Pods, key("web"))})
	z.Apply(Event{Op: Remove, Kind: Pods, Key: key("web")})
	checkPods(t, z, nil)
	z.Apply(Event{Object: service("third", "10.96.0.3")})

	want := newZone(t, testConfig())
	for name, ip := range map[string]string{"first": "10.96.0.1", "second": "10.96.0.2", "third": "10.96.0.3"} {
		want.Apply(Event{Object: service(name, ip)})
	}
	if got, want := z.Snapshot().Len(), want.Snapshot().Len(); got != want {
		t.Errorf("%d names after a panic, want %d", got, want)
	}
	z.Apply(Event{Op: Remove, Kind: Services, Key: Key{"default", "second"}})
	want.Apply(Event{Op: Remove, Kind: Services, Key: Key{"default", "second"}})
	if got, want := z.Snapshot().Len(), want.Snapshot().Len(); got != want {
		t.Errorf("%d names after a removal, want %d", got, want)
	}
}
