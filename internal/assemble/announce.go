package assemble

import (
	"context"
	"net/netip"
	"time"

	"github.com/rollcall-dns/rollcall/zone"
)

// Announcement is what there is to know of a process that serves.
type Announcement struct {
	// Zones are the apexes of all zones, in the order of the Corefile.
	Zones []zone.Name
	// Listeners are those of DNS in the order of the Corefile, then the HTTP
	// endpoints.
	Listeners []Listener
}

// Listener is an address that is listened on.
type Listener struct {
	// Scheme is that of the server block's key, "dns" for UDP and TCP; "http" for
	// an endpoint.
	Scheme string
	Addr   netip.AddrPort
	// Endpoint is the directive that opened an endpoint; empty for DNS.
	Endpoint string
}

// announce tells Process.Serving, once the zones are synced, what is listened on
// now.
func (r *run) announce(ctx context.Context, g *generation) {
	if r.Serving == nil {
		return
	}
	var a Announcement
	for _, l := range g.listeners {
		a.Listeners = append(a.Listeners, Listener{Scheme: l.scheme, Addr: r.servers[l.addr].Addr()})
	}
	for _, e := range r.endpoints.opened {
		// What isn't an address and a port, nobody could ask.
		if addr, err := netip.ParseAddrPort(e.server.Addr().String()); err == nil {
			a.Listeners = append(a.Listeners, Listener{"http", addr, e.kind})
		}
	}
	for _, z := range g.allZones() {
		a.Zones = append(a.Zones, z.Snapshot().Zones()...)
	}
	r.start(func() error {
		tick := time.NewTicker(syncPoll)
		defer tick.Stop()
		for !r.current.Load().synced(nil) {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
		return r.Serving(a)
	})
}
