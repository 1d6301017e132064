package assemble

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver"
	anytype "github.com/rollcall-dns/rollcall/resolver/any"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/bufsize"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
	querylog "github.com/rollcall-dns/rollcall/resolver/log"
	"github.com/rollcall-dns/rollcall/resolver/minimal"
	"github.com/rollcall-dns/rollcall/resolver/nsid"
	"github.com/rollcall-dns/rollcall/zone"
)

// listener is an address to listen on, and what is served there.
type listener struct {
	addr string // host:port
	mux  *resolver.Mux
	sockets
}

// chains makes the chain of each server block, and groups them by the addresses
// that they listen on.
func (r *run) chains() ([]listener, error) {
	var listeners []listener
	for i := range r.plan.blocks {
		b := &r.plan.blocks[i]
		hosts, err := b.hosts()
		if err != nil {
			return nil, err
		}
		if err := r.zones(b, hosts); err != nil {
			return nil, err
		}
		chain, err := r.chain(b)
		if err != nil {
			return nil, err
		}
		for _, key := range b.Keys {
			apexes, err := names(key.Zones)
			if err != nil {
				return nil, key.Pos.Errorf("%w", err)
			}
			for _, host := range hosts {
				addr := net.JoinHostPort(host, strconv.Itoa(key.Port))
				served := b.limits(r.counted(b, addr, apexes, chain))
				at := slices.IndexFunc(listeners, func(l listener) bool { return l.addr == addr })
				if at < 0 {
					at = len(listeners)
					listeners = append(listeners, listener{addr: addr, mux: r.newMux(addr)})
				}
				if err := listeners[at].sockets.take(b, addr); err != nil {
					return nil, err
				}
				listeners[at].mux.Chaos = listeners[at].mux.Chaos || b.chaos != nil
				for _, apex := range apexes {
					listeners[at].mux.Handle(apex, served)
				}
			}
		}
	}
	return listeners, nil
}

// limits adds to a chain what replies are, whoever answers: it comes before all
// that counts and logs.
func (b *block) limits(h resolver.Handler) resolver.Handler {
	if b.bufsize != nil {
		h = bufsize.New(*b.bufsize, h)
	}
	if b.nsid != nil {
		h = nsid.New(*b.nsid, h)
	}
	return h
}

// counted adds the metrics of one of a block's keys to its chain. They come
// before all that answers, and see it.
func (r *run) counted(b *block, addr string, apexes []zone.Name, chain resolver.Handler) resolver.Handler {
	if b.prometheus == nil {
		return chain
	}
	for _, apex := range apexes {
		for _, name := range b.handlerNames() {
			r.metrics.Enabled(label(addr), apex.String(), name)
		}
	}
	return r.metrics.Handler(label(addr), apexes, chain)
}

func (r *run) newMux(addr string) *resolver.Mux {
	return &resolver.Mux{Otherwise: r.metrics.Handler(label(addr), nil, resolver.Refuse{})}
}

// hosts returns the addresses that a block listens on; all, "", by default.
func (b *block) hosts() ([]string, error) { return b.hostsBy(bind.Interface) }

func (b *block) hostsBy(lookup bind.Lookup) ([]string, error) {
	if len(b.binds) == 0 {
		return []string{""}, nil
	}
	var hosts []string
	for _, c := range b.binds {
		addrs, err := c.Addrs(lookup)
		if err != nil {
			return nil, b.Pos.Errorf("%w", err)
		}
		for _, a := range addrs {
			if !slices.Contains(hosts, a.String()) {
				hosts = append(hosts, a.String())
			}
		}
	}
	return hosts, nil
}

// sourceMetrics returns where the metrics of a block's source go. Where there are
// several sources, they have a label with the block's place, as one that is lost
// must not hide behind another that is not.
func (r *run) sourceMetrics(b *block) promclient.Registerer {
	sources := 0
	for i := range r.plan.blocks {
		if r.plan.blocks[i].kubernetes != nil {
			sources++
		}
	}
	if sources < 2 {
		return r.Registry
	}
	return promclient.WrapRegistererWith(promclient.Labels{"source": b.Pos.String()}, r.Registry)
}

// zones makes the zone and the source of a block's kubernetes directive.
func (r *run) zones(b *block, hosts []string) error {
	if b.kubernetes == nil {
		return nil
	}
	self, err := selfAddrs(hosts)
	if err != nil {
		return err
	}
	z, err := NewZone(b.kubernetes, self)
	if err != nil {
		return b.Pos.Errorf("kubernetes: %w", err)
	}
	source, err := newSource(b.kubernetes, r.Process, r.sourceMetrics(b))
	if err != nil {
		return fmt.Errorf("%s: %w", b.Pos, err)
	}
	r.sources = append(r.sources, zones{z, source, b.kubernetes})
	r.zoneOf[b] = z
	return nil
}

// chain makes the chain of a block. Handlers take effect in a fixed order,
// whatever order the directives have: the one made here first comes last.
func (r *run) chain(b *block) (resolver.Handler, error) {
	var h resolver.Handler = resolver.Refuse{}
	if b.kubernetes != nil {
		fall, err := names(b.kubernetes.Fallthrough)
		if err != nil {
			return nil, b.Pos.Errorf("kubernetes: fallthrough: %w", err)
		}
		h = &kubernetes.Handler{Zone: r.zoneOf[b], Fallthrough: fall, Next: h}
	}
	if b.minimal != nil {
		h = &minimal.Handler{Next: h}
	}
	if b.loadbalance != nil {
		h = &loadbalance.Handler{Next: h}
	}
	if b.chaos != nil {
		c := *b.chaos
		if c.Version == "" && r.Version != "" {
			c.Version = chaos.DefaultVersion + "-" + r.Version
		}
		h = chaos.New(c, h)
	} else if r.plan.hasChaos() {
		h = &chaos.Handler{Next: h} // it may be asked, where both listen
	}
	if b.any != nil {
		h = anytype.New(h)
	}
	if len(b.logs) > 0 {
		logged, err := querylog.New(b.logs, r.Stdout, h)
		if err != nil {
			return nil, b.Pos.Errorf("log: %w", err)
		}
		h = logged
	}
	if b.errors != nil {
		logged := errorlog.New(*b.errors, r.Logger, h)
		r.closers = append(r.closers, logged.Close)
		h = logged
	}
	return h, nil
}
