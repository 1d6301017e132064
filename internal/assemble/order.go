package assemble

import (
	"fmt"

	"github.com/rollcall-dns/rollcall/resolver"
	anytype "github.com/rollcall-dns/rollcall/resolver/any"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/bufsize"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
	querylog "github.com/rollcall-dns/rollcall/resolver/log"
	"github.com/rollcall-dns/rollcall/resolver/minimal"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
	"github.com/rollcall-dns/rollcall/resolver/nsid"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
	"github.com/rollcall-dns/rollcall/resolver/reload"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
	"github.com/rollcall-dns/rollcall/resolver/tls"
)

// plugins returns every directive in the order in which they take effect, which
// is CoreDNS's, whatever order a server block has them in. Different are cache,
// which stands directly before forward, so that it never comes between a client
// and a zone of ours; and chaos, which any block may be asked for where another
// has it.
func plugins() []plugin {
	return []plugin{
		{name: "root"}, {name: "metadata"}, {name: "geoip"}, {name: "cancel"}, {name: "proxyproto"}, {name: "quic"},
		{name: "grpc_server"},
		setting("https", https.Parse, func(b *block) **https.Config { return &b.https }),
		{name: "https3"},
		setting("timeouts", timeouts.Parse, func(b *block) **timeouts.Config { return &b.timeouts }),
		setting("multisocket", multisocket.Parse, func(b *block) **multisocket.Config { return &b.multisocket }),
		setting("cookies", cookies.Parse, func(b *block) **cookies.Config { return &b.cookies }),
		setting("reload", reload.Parse, func(b *block) **reload.Config { return &b.reload }),
		one("nsid", nsid.Parse, func(_ *generation, _ *block, c nsid.Config, next resolver.Handler) (resolver.Handler, error) {
			return nsid.New(c, next), nil
		}),
		one("bufsize", bufsize.Parse, func(_ *generation, _ *block, c bufsize.Config, next resolver.Handler) (resolver.Handler, error) {
			return bufsize.New(c, next), nil
		}),
		{name: "bind", parse: func(b *block, d corefile.Directive) error {
			c, err := bind.Parse(d)
			b.binds = append(b.binds, c)
			return err
		}},
		{name: "debug"}, {name: "trace"},
		setting("ready", ready.Parse, func(b *block) **ready.Config { return &b.ready }),
		setting("health", health.Parse, func(b *block) **health.Config { return &b.health }),
		{name: "pprof"}, {name: "shed"},
		setting("prometheus", prometheus.Parse, func(b *block) **prometheus.Config { return &b.prometheus }),
		{
			name:  "errors",
			parse: func(b *block, d corefile.Directive) error { return once(&b.errors, d, errorlog.Parse) },
			handler: func(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
				if b.errors == nil {
					return next, nil
				}
				h := errorlog.New(*b.errors, g.Logger, next)
				g.closers = append(g.closers, h.Close)
				return h, nil
			},
		},
		{
			name:    "log",
			parse:   many("log", querylog.Parse, nil).parse,
			handler: logged,
		},
		{name: "dnstap"}, {name: "local"}, {name: "dns64"},
		one("any", anytype.Parse, func(_ *generation, _ *block, _ anytype.Config, next resolver.Handler) (resolver.Handler, error) {
			return anytype.New(next), nil
		}),
		{
			name:    "chaos",
			parse:   func(b *block, d corefile.Directive) error { return once(&b.chaos, d, chaos.Parse) },
			handler: chaotic,
		},
		one("loadbalance", loadbalance.Parse, func(_ *generation, _ *block, _ loadbalance.Config, next resolver.Handler) (resolver.Handler, error) {
			return &loadbalance.Handler{Next: next}, nil
		}),
		{name: "tsig"}, {name: "rewrite"}, {name: "autopath"}, {name: "acl"}, {name: "header"}, {name: "dnssec"},
		setting("tls", tls.Parse, func(b *block) **tls.Config { return &b.tls }),
		one("minimal", minimal.Parse, func(_ *generation, _ *block, _ minimal.Config, next resolver.Handler) (resolver.Handler, error) {
			return &minimal.Handler{Next: next}, nil
		}),
		{name: "template"}, {name: "transfer"}, {name: "hosts"}, {name: "route53"}, {name: "azure"}, {name: "clouddns"}, {name: "k8s_external"},
		{
			name: "kubernetes",
			parse: func(b *block, d corefile.Directive) error {
				return once(&b.kubernetes, d, func(d corefile.Directive) (kubernetes.Config, error) {
					return kubernetes.Parse(d, b.Zones())
				})
			},
			handler: cluster,
		},
		{name: "file"}, {name: "auto"}, {name: "secondary"}, {name: "etcd"}, {name: "loop"}, {name: "cache"}, {name: "forward"},
		{name: "grpc"}, {name: "erratic"}, {name: "whoami"}, {name: "on"}, {name: "sign"}, {name: "view"}, {name: "nomad"},
	}
}

// logged makes one handler of all of a block's log directives.
func logged(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	var configs []querylog.Config
	for _, c := range b.configs["log"] {
		configs = append(configs, c.(querylog.Config))
	}
	if len(configs) == 0 {
		return next, nil
	}
	h, err := querylog.New(configs, g.Stdout, next)
	if err != nil {
		return nil, b.Pos.Errorf("log: %w", err)
	}
	return h, nil
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

// cluster makes the handler of a block's zones of a cluster.
func cluster(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
	if b.kubernetes == nil {
		return next, nil
	}
	fall, err := names(b.kubernetes.Fallthrough)
	if err != nil {
		return nil, b.Pos.Errorf("kubernetes: fallthrough: %w", err)
	}
	source := g.sourceOf[b]
	if source == nil {
		return nil, fmt.Errorf("%s: kubernetes has no zone", b.Pos)
	}
	return &kubernetes.Handler{Zone: source.zone, Fallthrough: fall, Next: next}, nil
}
