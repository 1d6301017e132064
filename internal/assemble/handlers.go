package assemble

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/acl"
	"github.com/rollcall-dns/rollcall/resolver/autopath"
	"github.com/rollcall-dns/rollcall/resolver/cache"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	"github.com/rollcall-dns/rollcall/resolver/dns64"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/file"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/local"
	querylog "github.com/rollcall-dns/rollcall/resolver/log"
	"github.com/rollcall-dns/rollcall/resolver/loop"
	"github.com/rollcall-dns/rollcall/resolver/metadata"
	"github.com/rollcall-dns/rollcall/resolver/rrl"
	"github.com/rollcall-dns/rollcall/resolver/template"
	"github.com/rollcall-dns/rollcall/resolver/view"
	"github.com/rollcall-dns/rollcall/zone"
)

// handlerMetrics are those that handlers of all generations share.
type handlerMetrics struct {
	acl      *acl.Metrics
	autopath *autopath.Metrics
	cache    *cache.Metrics
	dns64    *dns64.Metrics
	forward  *forward.Metrics
	hosts    *hosts.Metrics
	local    *local.Metrics
	loop     *loop.Metrics
	rrl      *rrl.Metrics
	template *template.Metrics
}

func newHandlerMetrics(r promclient.Registerer) (m handlerMetrics, err error) {
	var errs []error
	m.acl = made(acl.NewMetrics, r, &errs)
	m.autopath = made(autopath.NewMetrics, r, &errs)
	m.cache = made(cache.NewMetrics, r, &errs)
	m.dns64 = made(dns64.NewMetrics, r, &errs)
	m.forward = made(forward.NewMetrics, r, &errs)
	m.hosts = made(hosts.NewMetrics, r, &errs)
	m.local = made(local.NewMetrics, r, &errs)
	m.loop = made(loop.NewMetrics, r, &errs)
	m.rrl = made(rrl.NewMetrics, r, &errs)
	m.template = made(template.NewMetrics, r, &errs)
	return m, errors.Join(errs...)
}

func made[M any](metrics func(promclient.Registerer) (M, error), r promclient.Registerer, errs *[]error) M {
	m, err := metrics(r)
	*errs = append(*errs, err)
	return m
}

// plain is the builder of a handler that needs nothing but its configuration.
func plain[C any, H resolver.Handler](build func(C, resolver.Handler) H) builder[C] {
	return func(_ *generation, _ *block, c C, next resolver.Handler) (resolver.Handler, error) {
		return build(c, next), nil
	}
}

// erring makes the handler that logs errors.
func erring(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	if b.errors == nil {
		return next, nil
	}
	h := errorlog.New(*b.errors, g.Logger, next)
	g.closers = append(g.closers, h.Close)
	return h, nil
}

// logged makes one handler of all of a block's log directives.
func logged(g *generation, _ *block, configs []querylog.Config, next resolver.Handler) (resolver.Handler, error) {
	return querylog.New(configs, g.Stdout, next)
}

// localNames makes the handler of localhost.
func localNames(g *generation, _ *block, c local.Config, next resolver.Handler) (resolver.Handler, error) {
	c.Metrics = g.handlers.local
	return local.New(c, next), nil
}

// knowsPods reports whether the block's zone knows whose address an address is.
func (b *block) knowsPods() bool {
	return b.kubernetes != nil && b.kubernetes.Pods == kubernetes.PodsVerified
}

// labelled makes the handler that has others tell of a query.
func labelled(g *generation, b *block, c metadata.Config, next resolver.Handler) (resolver.Handler, error) {
	c.View = b.viewName()
	if b.kubernetes != nil {
		zones, err := zone.ParseNames(b.kubernetes.Zones)
		if err != nil {
			return nil, err
		}
		multicluster, err := zone.ParseNames(b.kubernetes.Multicluster)
		if err != nil {
			return nil, err
		}
		c.Cluster = &metadata.Cluster{Zones: zones, Multicluster: multicluster, Zonal: b.kubernetes.Zonal}
		if b.knowsPods() {
			c.Cluster.Pods = g.sourceOf[b].zone
		}
	}
	return metadata.New(c, next)
}

// viewed makes the handler that lets the queries of a block's view through.
func viewed(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	if b.view == nil {
		return next, nil
	}
	c := *b.view
	c.Logger = g.Logger
	return view.New(c, next), nil
}

// searching makes the handler that walks the search path of clients.
func searching(g *generation, b *block, c autopath.Config, next resolver.Handler) (h resolver.Handler, err error) {
	if c.File != "" {
		c.File = b.path(c.File)
	}
	if c.Kubernetes && b.knowsPods() {
		c.Pods = g.sourceOf[b].zone
		// A pod's search path is in the cluster's own zone.
		own := slices.DeleteFunc(slices.Clone(b.kubernetes.Zones), func(z string) bool {
			return slices.Contains(b.kubernetes.Multicluster, z)
		})
		if c.Cluster, err = zone.ParseNames(own); err != nil {
			return nil, err
		}
	}
	c.Server, c.Metrics = b.server(), g.handlers.autopath
	return autopath.New(c, next)
}

// access makes one handler of all of a block's acl directives.
func access(g *generation, b *block, rules []acl.Rule, next resolver.Handler) (resolver.Handler, error) {
	return acl.New(acl.Config{Rules: rules, Server: b.server(), View: b.viewName(), Metrics: g.handlers.acl}, next)
}

// limited makes the handler that bounds the rate of replies.
func limited(g *generation, _ *block, c rrl.Config, next resolver.Handler) (resolver.Handler, error) {
	c.Metrics = g.handlers.rrl
	return rrl.New(c, next)
}

// templated makes one handler of all of a block's templates.
func templated(g *generation, b *block, all []template.Config, next resolver.Handler) (resolver.Handler, error) {
	return template.New(all, template.Deps{Metrics: g.handlers.template, Server: b.server(), View: b.viewName()}, next), nil
}

// chaotic makes the handler of class CH, which a block may be asked for where
// another has chaos and both listen.
func chaotic(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	if b.chaos == nil {
		if g.plan.hasChaos() {
			return &chaos.Handler{Next: next}, nil
		}
		return next, nil
	}
	c := *b.chaos
	if c.Version == "" && g.Version != "" {
		c.Version = chaos.DefaultVersion + "-" + g.Version
	}
	return chaos.New(c, next), nil
}

// translated makes the handler that makes AAAA records of A records.
func translated(g *generation, b *block, c dns64.Config, next resolver.Handler) (resolver.Handler, error) {
	c.Server, c.Metrics = b.server(), g.handlers.dns64
	return dns64.New(c, next), nil
}

// fromFiles makes one handler of all of a block's zones in master files.
func fromFiles(g *generation, b *block, configs []file.Config, next resolver.Handler) (resolver.Handler, error) {
	for i := range configs {
		configs[i].File, configs[i].Logger = b.path(configs[i].File), g.Logger
	}
	h, err := file.New(configs, next)
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, h.Close)
	return h, nil
}

// hostTable makes the handler of a table of hosts.
func hostTable(g *generation, b *block, c hosts.Config, next resolver.Handler) (resolver.Handler, error) {
	c.File, c.Logger, c.Metrics = b.path(c.File), g.Logger, g.handlers.hosts
	h, err := hosts.New(c, next)
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, h.Close)
	return h, nil
}

// cluster makes the handler of a block's zones of a cluster.
func cluster(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	if b.kubernetes == nil {
		return next, nil
	}
	fall, err := zone.ParseNames(b.kubernetes.Fallthrough)
	if err != nil {
		return nil, b.Pos.Errorf("kubernetes: fallthrough: %w", err)
	}
	source := g.sourceOf[b]
	if source == nil {
		return nil, fmt.Errorf("%s: kubernetes has no zone", b.Pos)
	}
	return &kubernetes.Handler{Zone: source.zone, Fallthrough: fall, Recursive: b.has("forward"), Explain: b.explain != nil, Next: next}, nil
}

// loops makes the handler that looks for forwarding loops, once the block listens.
func loops(g *generation, b *block, c loop.Config, next resolver.Handler) (resolver.Handler, error) {
	c.Logger, c.Metrics = g.Logger, g.handlers.loop
	h, err := loop.New(c, next)
	if err != nil {
		return nil, err
	}
	host := "127.0.0.1"
	if bound, err := b.hosts(); err == nil && bound[0] != "" && !net.ParseIP(bound[0]).IsUnspecified() {
		host = bound[0]
	}
	for _, key := range b.Keys {
		if key.Scheme == "dns" && key.Port != 0 {
			addr := net.JoinHostPort(host, strconv.Itoa(key.Port))
			g.probes = append(g.probes, func(ctx context.Context) { h.Probe(ctx, addr) })
			break
		}
	}
	return h, nil
}

// cached makes the handler that keeps what others answered.
func cached(g *generation, b *block, c cache.Config, next resolver.Handler) (resolver.Handler, error) {
	labels := cache.Labels{Server: b.server(), Zones: strings.Join(b.Zones(), ","), View: b.viewName()}
	h, err := cache.New(c, cache.Deps{Logger: g.Logger, Metrics: g.handlers.cache, Labels: labels, Next: next, Now: g.Now})
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, h.Close)
	return h, nil
}

// forwarded makes the handler that asks other servers.
func forwarded(g *generation, b *block, c forward.Config, next resolver.Handler) (resolver.Handler, error) {
	deps := forward.Deps{Next: next, Logger: g.Logger, Metrics: g.handlers.forward, Now: g.Now, Lookup: g.addrs}
	if b.root != nil {
		deps.Root = b.root.Dir
	}
	h, err := forward.New(c, deps)
	if err != nil {
		return nil, err
	}
	g.closers = append(g.closers, h.Close)
	return h, nil
}
