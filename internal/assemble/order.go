package assemble

import (
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/acl"
	anytype "github.com/rollcall-dns/rollcall/resolver/any"
	"github.com/rollcall-dns/rollcall/resolver/autopath"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/bufsize"
	"github.com/rollcall-dns/rollcall/resolver/cache"
	"github.com/rollcall-dns/rollcall/resolver/cancel"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/debug"
	"github.com/rollcall-dns/rollcall/resolver/dns64"
	"github.com/rollcall-dns/rollcall/resolver/erratic"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/explain"
	"github.com/rollcall-dns/rollcall/resolver/file"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/resolver/header"
	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
	"github.com/rollcall-dns/rollcall/resolver/local"
	querylog "github.com/rollcall-dns/rollcall/resolver/log"
	"github.com/rollcall-dns/rollcall/resolver/loop"
	"github.com/rollcall-dns/rollcall/resolver/metadata"
	"github.com/rollcall-dns/rollcall/resolver/minimal"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
	"github.com/rollcall-dns/rollcall/resolver/nsid"
	"github.com/rollcall-dns/rollcall/resolver/pprof"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
	"github.com/rollcall-dns/rollcall/resolver/reload"
	"github.com/rollcall-dns/rollcall/resolver/rewrite"
	"github.com/rollcall-dns/rollcall/resolver/root"
	"github.com/rollcall-dns/rollcall/resolver/rrl"
	"github.com/rollcall-dns/rollcall/resolver/template"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
	"github.com/rollcall-dns/rollcall/resolver/tls"
	"github.com/rollcall-dns/rollcall/resolver/view"
	"github.com/rollcall-dns/rollcall/resolver/whoami"
)

// plugins returns every directive in the order in which they take effect, which
// is CoreDNS's, whatever order a server block has them in. Different are cache,
// which stands directly before forward, so that it never comes between a client
// and a zone of ours; chaos, which any block may be asked for where another has
// it; and view, which CoreDNS lists last and asks first, once it has metadata.
func plugins() []plugin {
	return []plugin{
		setting("root", root.Parse, func(b *block) **root.Config { return &b.root }),
		one("metadata", metadata.Parse, labelled),
		{
			name:    "view",
			parse:   func(b *block, d corefile.Directive) error { return once(&b.view, d, view.Parse) },
			handler: viewed,
		},
		{name: "geoip"},
		one("cancel", anywhere(cancel.Parse), plain(cancel.New)),
		{name: "proxyproto"}, {name: "quic"}, {name: "grpc_server"},
		setting("https", https.Parse, func(b *block) **https.Config { return &b.https }),
		{name: "https3"},
		setting("timeouts", timeouts.Parse, func(b *block) **timeouts.Config { return &b.timeouts }),
		setting("multisocket", multisocket.Parse, func(b *block) **multisocket.Config { return &b.multisocket }),
		setting("cookies", cookies.Parse, func(b *block) **cookies.Config { return &b.cookies }),
		setting("reload", reload.Parse, func(b *block) **reload.Config { return &b.reload }),
		one("nsid", anywhere(nsid.Parse), plain(nsid.New)),
		one("bufsize", anywhere(bufsize.Parse), plain(bufsize.New)),
		{name: "bind", parse: func(b *block, d corefile.Directive) error {
			c, err := bind.Parse(d)
			b.binds = append(b.binds, c)
			return err
		}},
		setting("explain", explain.Parse, func(b *block) **explain.Config { return &b.explain }),
		setting("debug", debug.Parse, func(b *block) **debug.Config { return &b.debug }),
		{name: "trace"},
		setting("ready", ready.Parse, func(b *block) **ready.Config { return &b.ready }),
		setting("health", health.Parse, func(b *block) **health.Config { return &b.health }),
		setting("pprof", pprof.Parse, func(b *block) **pprof.Config { return &b.pprof }),
		{name: "shed"},
		setting("prometheus", prometheus.Parse, func(b *block) **prometheus.Config { return &b.prometheus }),
		{
			name:    "errors",
			parse:   func(b *block, d corefile.Directive) error { return once(&b.errors, d, errorlog.Parse) },
			handler: erring,
		},
		together("log", anywhere(querylog.Parse), logged),
		one("rrl", rrl.Parse, limited),
		{name: "dnstap"},
		one("local", anywhere(local.Parse), localNames),
		one("dns64", anywhere(dns64.Parse), translated),
		one("any", anywhere(anytype.Parse), func(_ *generation, _ *block, _ anytype.Config, next resolver.Handler) (resolver.Handler, error) {
			return anytype.New(next), nil
		}),
		{
			name:    "chaos",
			parse:   func(b *block, d corefile.Directive) error { return once(&b.chaos, d, chaos.Parse) },
			handler: chaotic,
		},
		one("loadbalance", anywhere(loadbalance.Parse), func(_ *generation, _ *block, _ loadbalance.Config, next resolver.Handler) (resolver.Handler, error) {
			return &loadbalance.Handler{Next: next}, nil
		}),
		{name: "tsig"},
		together("rewrite", anywhere(rewrite.Parse), plain(rewrite.New)),
		one("autopath", autopath.Parse, searching),
		together("acl", acl.Parse, access),
		one("header", anywhere(header.Parse), func(_ *generation, _ *block, c header.Config, next resolver.Handler) (resolver.Handler, error) {
			return &header.Handler{Config: c, Next: next}, nil
		}),
		{name: "dnssec"},
		setting("tls", tls.Parse, func(b *block) **tls.Config { return &b.tls }),
		one("minimal", anywhere(minimal.Parse), func(_ *generation, _ *block, _ minimal.Config, next resolver.Handler) (resolver.Handler, error) {
			return &minimal.Handler{Next: next}, nil
		}),
		together("template", template.Parse, templated),
		{name: "transfer"},
		one("hosts", hosts.Parse, hostTable),
		{name: "route53"}, {name: "azure"}, {name: "clouddns"}, {name: "k8s_external"},
		{
			name: "kubernetes",
			parse: func(b *block, d corefile.Directive) error {
				return once(&b.kubernetes, d, func(d corefile.Directive) (kubernetes.Config, error) {
					return kubernetes.Parse(d, b.Zones())
				})
			},
			handler: cluster,
		},
		together("file", file.Parse, fromFiles),
		{name: "auto"}, {name: "secondary"}, {name: "etcd"},
		one("loop", loop.Parse, loops),
		one("cache", anywhere(cache.Parse), cached),
		many("forward", anywhere(forward.Parse), forwarded),
		{name: "grpc"},
		one("erratic", anywhere(erratic.Parse), func(_ *generation, _ *block, c erratic.Config, _ resolver.Handler) (resolver.Handler, error) {
			return erratic.New(c), nil
		}),
		one("whoami", anywhere(whoami.Parse), func(_ *generation, _ *block, _ whoami.Config, _ resolver.Handler) (resolver.Handler, error) {
			return whoami.Handler{}, nil
		}),
		{name: "on"}, {name: "sign"}, {name: "nomad"},
	}
}
