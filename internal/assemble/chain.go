package assemble

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	tlsconfig "github.com/rollcall-dns/rollcall/resolver/tls"
	"github.com/rollcall-dns/rollcall/zone"
)

// listener is an address to listen on, and what is served there.
type listener struct {
	scheme string
	addr   string // host:port
	mux    *resolver.Mux
	tls    *tls.Config // of the scheme, if it has any
	https  https.Config
	// certificate is what blocks that listen here must agree on.
	certificate shared[tlsconfig.Config]
	sockets
}

// label returns how metrics name the listener.
func (l *listener) label() string { return l.scheme + "://" + l.addr }

// chains makes the chain of each server block, and groups them by the addresses
// that they listen on.
func (g *generation) chains() error {
	hosts := make([][]string, len(g.plan.blocks)) // of each block
	for i := range g.plan.blocks {
		// All zones come before any chain: a block may forward to a Service of
		// another's.
		b := &g.plan.blocks[i]
		var err error
		if hosts[i], err = b.hosts(); err != nil {
			return err
		}
		if err := g.zones(b, hosts[i]); err != nil {
			return err
		}
	}
	outer, inner := split(plugins())
	var errs []error // of handlers, of which each tells its own
	for i := range g.plan.blocks {
		b := &g.plan.blocks[i]
		chain, err := g.chain(b, inner, resolver.Refuse{})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, key := range b.Keys {
			apexes, err := zone.ParseNames(key.Zones)
			if err != nil {
				return key.Pos.Errorf("%w", err)
			}
			for _, host := range hosts[i] {
				addr := net.JoinHostPort(host, strconv.Itoa(key.Port))
				l, err := g.listener(b, key, addr)
				if err != nil {
					return errors.Join(append(errs, err)...)
				}
				served, err := g.chain(b, outer, g.counted(b, l, apexes, chain))
				if err != nil {
					return err
				}
				for _, apex := range apexes {
					l.mux.Handle(apex, served)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// split parts the directives into those that take effect before replies are
// counted, as they are of the reply as a whole, and those after.
func split(all []plugin) (outer, inner []plugin) {
	at := slices.IndexFunc(all, func(p plugin) bool { return p.name == "prometheus" })
	return all[:at], all[at+1:]
}

// chain puts a block's handlers before next: the one made first comes last. The
// errors of all of them are joined.
func (g *generation) chain(b *block, order []plugin, next resolver.Handler) (resolver.Handler, error) {
	h := next
	var errs []error
	for _, p := range slices.Backward(order) {
		if p.handler == nil {
			continue
		}
		made, err := p.handler(g, b, h)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h = made
	}
	return h, errors.Join(errs...)
}

// listener returns the listener for an address of a block's key.
func (g *generation) listener(b *block, key corefile.Key, addr string) (*listener, error) {
	at := slices.IndexFunc(g.listeners, func(l *listener) bool { return l.addr == addr })
	if at < 0 {
		l := &listener{scheme: key.Scheme, addr: addr, mux: new(resolver.Mux)}
		l.mux.Otherwise = g.metrics.Handler(l.label(), "", nil, resolver.Refuse{})
		if key.Scheme != "dns" {
			files := *b.tls
			for _, file := range []*string{&files.Cert, &files.Key, &files.CA} {
				if *file != "" {
					*file = b.path(*file)
				}
			}
			config, err := files.Load(g.Logger, g.Now)
			if err != nil {
				return nil, b.Find("tls")[0].Errorf("%w", err)
			}
			l.tls = config
		}
		l.https = https.Config{MaxConns: https.DefaultMaxConns}
		at = len(g.listeners)
		g.listeners = append(g.listeners, l)
	}
	l := g.listeners[at]
	if l.scheme != key.Scheme {
		return nil, key.Pos.Errorf("%s is also served as %s", key, l.label())
	}
	if key.Scheme != "dns" {
		if err := l.certificate.take(b, "tls", "the sockets of "+addr, b.tls); err != nil {
			return nil, err
		}
	}
	if b.https != nil {
		l.https = *b.https
	}
	l.mux.Chaos = l.mux.Chaos || b.chaos != nil
	return l, l.take(b, addr)
}

// counted adds the metrics of one of a block's keys to its chain. They come
// before all that answers, and see it.
func (g *generation) counted(b *block, l *listener, apexes []zone.Name, chain resolver.Handler) resolver.Handler {
	if b.prometheus == nil {
		return chain
	}
	for _, apex := range apexes {
		for _, name := range b.handlerNames() {
			g.enabled = append(g.enabled, prometheus.Enabled{Server: l.label(), View: b.viewName(), Zone: apex.String(), Handler: name})
		}
	}
	return g.metrics.Handler(l.label(), b.viewName(), apexes, chain)
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
