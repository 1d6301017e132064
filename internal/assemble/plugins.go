package assemble

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/debug"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/explain"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/kubedns"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
	"github.com/rollcall-dns/rollcall/resolver/pprof"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
	"github.com/rollcall-dns/rollcall/resolver/reload"
	"github.com/rollcall-dns/rollcall/resolver/root"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
	"github.com/rollcall-dns/rollcall/resolver/tls"
	"github.com/rollcall-dns/rollcall/resolver/view"
)

// block is a server block, its directives parsed. Nil and empty is not configured.
type block struct {
	corefile.Block
	configs map[string][]any // of handlers, by the directive's name

	// What is not only of a handler, but of the process or its sockets.
	timeouts    *timeouts.Config
	multisocket *multisocket.Config
	cookies     *cookies.Config
	tls         *tls.Config
	https       *https.Config
	reload      *reload.Config
	root        *root.Config
	debug       *debug.Config
	explain     *explain.Config
	pprof       *pprof.Config
	binds       []bind.Config
	ready       *ready.Config
	health      *health.Config
	prometheus  *prometheus.Config
	errors      *errorlog.Config
	chaos       *chaos.Config
	kubernetes  *kubernetes.Config
	view        *view.Config
}

// has reports whether the block has a directive.
func (b *block) has(name string) bool { return len(b.Find(name)) > 0 }

// path returns where a file is that a directive names.
func (b *block) path(file string) string {
	if b.root == nil || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(b.root.Dir, file)
}

// server returns how metrics name the first listener of the block.
func (b *block) server() string {
	host := ""
	if hosts, err := b.hostsBy(noInterface); err == nil && len(hosts) > 0 {
		host = hosts[0]
	}
	return b.Keys[0].Scheme + "://" + net.JoinHostPort(host, strconv.Itoa(b.Keys[0].Port))
}

// viewName returns how metrics name the block's view; empty for none.
func (b *block) viewName() string {
	if b.view == nil {
		return ""
	}
	return b.view.Name
}

// plugin is a directive that a server block may have.
type plugin struct {
	name string
	// parse reads one. Nil: CoreDNS has it and Rollcall has not.
	parse func(*block, corefile.Directive) error
	// handler puts a handler before next, for a block that has the directive. Nil
	// for what is none.
	handler func(g *generation, b *block, next resolver.Handler) (resolver.Handler, error)
}

// setting is a directive that is no handler, and that a block may have one of.
func setting[C any](name string, parse func(corefile.Directive) (C, error), to func(*block) **C) plugin {
	return plugin{name: name, parse: func(b *block, d corefile.Directive) error { return once(to(b), d, parse) }}
}

// builder makes the handler of a parsed directive, before next.
type builder[C any] func(g *generation, b *block, c C, next resolver.Handler) (resolver.Handler, error)

// zonal is how a directive is parsed that may name zones: without, it is for those
// of its block.
type zonal[C any] func(d corefile.Directive, blockZones []string) (C, error)

// anywhere makes zonal what has no zones.
func anywhere[C any](parse func(corefile.Directive) (C, error)) zonal[C] {
	return func(d corefile.Directive, _ []string) (C, error) { return parse(d) }
}

// one is a handler that a block may have one of.
func one[C any](name string, parse zonal[C], build builder[C]) plugin {
	p := many(name, parse, build)
	several := p.parse
	p.parse = func(b *block, d corefile.Directive) error {
		if len(b.configs[name]) > 0 {
			return errOnce(d)
		}
		return several(b, d)
	}
	return p
}

// many is a handler that a block may have several of: the first stands first.
func many[C any](name string, parse zonal[C], build builder[C]) plugin {
	return plugin{
		name: name,
		parse: func(b *block, d corefile.Directive) error {
			c, err := parse(d, b.Zones())
			if err == nil {
				b.configs[name] = append(b.configs[name], c)
			}
			return err
		},
		handler: func(g *generation, b *block, next resolver.Handler) (h resolver.Handler, err error) {
			h = next
			for i, c := range slices.Backward(b.configs[name]) {
				if h, err = build(g, b, c.(C), h); err != nil {
					return nil, handlerError(b.Find(name)[i], err)
				}
			}
			return h, nil
		},
	}
}

// together is a handler made of all of a block's directives of a name.
func together[C any](name string, parse zonal[C], build builder[[]C]) plugin {
	p := many(name, parse, nil)
	p.handler = func(g *generation, b *block, next resolver.Handler) (resolver.Handler, error) {
		if len(b.configs[name]) == 0 {
			return next, nil
		}
		var all []C
		for _, c := range b.configs[name] {
			all = append(all, c.(C))
		}
		h, err := build(g, b, all, next)
		if err != nil {
			return nil, handlerError(b.Find(name)[0], err)
		}
		return h, nil
	}
	return p
}

// handlerError returns an error of making the handler of d, whose name it has, at
// the place that it tells, or else at d.
func handlerError(d corefile.Directive, err error) error {
	if placed := (*corefile.Error)(nil); errors.As(err, &placed) {
		return err
	}
	return d.Pos.Errorf("%w", err)
}

// once parses a directive that a server block may have one of.
func once[C any](to **C, d corefile.Directive, parse func(corefile.Directive) (C, error)) error {
	if *to != nil {
		return errOnce(d)
	}
	c, err := parse(d)
	*to = &c
	return err
}

func errOnce(d corefile.Directive) error { return d.Errorf("a server block can have only one") }

// Plugins returns the names of the directives that a server block may have, sorted.
func Plugins() []string {
	var names []string
	for _, p := range plugins() {
		if p.parse != nil {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// ErrNoBlock is returned for a Corefile without a server block.
var ErrNoBlock = errors.New("no server block; the least is: .:53 { kubernetes cluster.local }")

// Plan is a Corefile whose every directive was understood.
type Plan struct {
	File   *corefile.File
	blocks []block

	// What a ConfigMap added to File, and File without; nil if it added nothing.
	configMap kubedns.Config
	corefile  *corefile.File
}

// Load checks every directive of a Corefile. All that is wrong is returned,
// joined, each as "file:line: what is wrong, what is allowed".
func Load(file *corefile.File) (*Plan, error) {
	plan := &Plan{File: file}
	all := plugins()
	var errs []error
	for _, fb := range file.Blocks {
		b := block{Block: fb, configs: map[string][]any{}}
		for _, d := range fb.Directives {
			at := slices.IndexFunc(all, func(p plugin) bool { return p.name == d.Name })
			switch {
			case at < 0:
				errs = append(errs, d.Pos.Errorf("%s", unknown(d.Name)))
			case all[at].parse == nil:
				errs = append(errs, d.Pos.Errorf("%s is a CoreDNS plugin that Rollcall does not have %s", d.Name, pluginList))
			default:
				if err := all[at].parse(&b, d); err != nil {
					errs = append(errs, err)
				}
			}
		}
		errs = append(errs, b.checkScheme())
		plan.blocks = append(plan.blocks, b)
	}
	if len(file.Blocks) == 0 {
		errs = append(errs, fmt.Errorf("%s: %w", file.Name, ErrNoBlock))
	}
	errs = append(errs, plan.checkShared()...)
	errs = append(errs, plan.checkAddresses()...)
	err := errors.Join(errs...)
	if err == nil { // else the zones are not known that names may be in
		err = plan.checkServices()
	}
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// checkServices checks that each name which a block forwards to is in a zone of a
// cluster: it is looked up there, and nowhere else.
func (p *Plan) checkServices() error {
	var errs []error
	for i := range p.blocks {
		b := &p.blocks[i]
		for j, c := range b.configs[forward.Name] {
			for _, to := range c.(forward.Config).To {
				if to.Name != "" && !p.hasName(to.Name.String()) {
					errs = append(errs, b.Find(forward.Name)[j].Errorf(
						"%q is neither an address nor a file, nor in a zone of kubernetes (names of other servers are not supported)",
						strings.TrimSuffix(to.Name.String(), ".")))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// hasName reports whether a name is in a zone of a cluster.
func (p *Plan) hasName(name string) bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool {
		return b.kubernetes != nil && slices.ContainsFunc(b.kubernetes.Zones, func(z string) bool { return dns.IsSubDomain(z, name) })
	})
}

// handlerNames returns the names of the handlers of a block, for metrics.
func (b *block) handlerNames() []string {
	var names []string
	for _, d := range b.Directives {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	return names
}

// checkScheme checks that a block of a scheme with TLS has a certificate.
func (b *block) checkScheme() error {
	for _, k := range b.Keys {
		if k.Scheme != "dns" && b.tls == nil {
			return k.Pos.Errorf("%s needs a certificate: tls CERT KEY in the server block", k)
		}
	}
	return nil
}
