package assemble

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	anytype "github.com/rollcall-dns/rollcall/resolver/any"
	"github.com/rollcall-dns/rollcall/resolver/bind"
	"github.com/rollcall-dns/rollcall/resolver/bufsize"
	"github.com/rollcall-dns/rollcall/resolver/chaos"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	errorlog "github.com/rollcall-dns/rollcall/resolver/errors"
	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
	querylog "github.com/rollcall-dns/rollcall/resolver/log"
	"github.com/rollcall-dns/rollcall/resolver/minimal"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
	"github.com/rollcall-dns/rollcall/resolver/nsid"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
)

// block is a server block, its directives parsed. Nil and empty is not configured.
type block struct {
	corefile.Block
	timeouts    *timeouts.Config
	multisocket *multisocket.Config
	cookies     *cookies.Config
	nsid        *nsid.Config
	bufsize     *bufsize.Config
	binds       []bind.Config
	ready       *ready.Config
	health      *health.Config
	prometheus  *prometheus.Config
	errors      *errorlog.Config
	logs        []querylog.Config
	any         *anytype.Config
	chaos       *chaos.Config
	loadbalance *loadbalance.Config
	minimal     *minimal.Config
	kubernetes  *kubernetes.Config
}

// plugins parse the directives of a server block, by name.
func plugins() map[string]func(*block, corefile.Directive) error {
	return map[string]func(*block, corefile.Directive) error{
		"timeouts":    func(b *block, d corefile.Directive) error { return once(&b.timeouts, d, timeouts.Parse) },
		"multisocket": func(b *block, d corefile.Directive) error { return once(&b.multisocket, d, multisocket.Parse) },
		"cookies":     func(b *block, d corefile.Directive) error { return once(&b.cookies, d, cookies.Parse) },
		"nsid":        func(b *block, d corefile.Directive) error { return once(&b.nsid, d, nsid.Parse) },
		"bufsize":     func(b *block, d corefile.Directive) error { return once(&b.bufsize, d, bufsize.Parse) },
		"bind": func(b *block, d corefile.Directive) error {
			c, err := bind.Parse(d)
			b.binds = append(b.binds, c)
			return err
		},
		"ready":       func(b *block, d corefile.Directive) error { return once(&b.ready, d, ready.Parse) },
		"health":      func(b *block, d corefile.Directive) error { return once(&b.health, d, health.Parse) },
		"prometheus":  func(b *block, d corefile.Directive) error { return once(&b.prometheus, d, prometheus.Parse) },
		"errors":      func(b *block, d corefile.Directive) error { return once(&b.errors, d, errorlog.Parse) },
		"any":         func(b *block, d corefile.Directive) error { return once(&b.any, d, anytype.Parse) },
		"chaos":       func(b *block, d corefile.Directive) error { return once(&b.chaos, d, chaos.Parse) },
		"minimal":     func(b *block, d corefile.Directive) error { return once(&b.minimal, d, minimal.Parse) },
		"loadbalance": func(b *block, d corefile.Directive) error { return once(&b.loadbalance, d, loadbalance.Parse) },
		"log": func(b *block, d corefile.Directive) error {
			c, err := querylog.Parse(d)
			b.logs = append(b.logs, c)
			return err
		},
		"kubernetes": func(b *block, d corefile.Directive) error {
			return once(&b.kubernetes, d, func(d corefile.Directive) (kubernetes.Config, error) {
				return kubernetes.Parse(d, b.Zones())
			})
		},
	}
}

// absent are the plugins that CoreDNS has and Rollcall does not: what a Corefile
// from there may well name, and is no slip of the pen.
func absent() []string {
	return strings.Fields(`root metadata geoip cancel proxyproto quic grpc_server https https3 reload debug trace pprof
		shed dnstap local dns64 tsig rewrite autopath acl cache header dnssec tls template transfer hosts route53 azure
		clouddns k8s_external file auto secondary etcd loop forward grpc erratic whoami on sign view nomad`)
}

// once parses a directive that a server block may have one of.
func once[C any](to **C, d corefile.Directive, parse func(corefile.Directive) (C, error)) error {
	if *to != nil {
		return d.Errorf("a server block can have only one")
	}
	c, err := parse(d)
	*to = &c
	return err
}

// ErrNoBlock is returned for a Corefile without a server block.
var ErrNoBlock = errors.New("no server block; the least is: .:53 { kubernetes cluster.local }")

// Plan is a Corefile whose every directive was understood.
type Plan struct {
	File   *corefile.File
	blocks []block
}

// Load checks every directive of a Corefile. All that is wrong is returned,
// joined, each as "file:line: what is wrong, what is allowed".
func Load(file *corefile.File) (*Plan, error) {
	plan := &Plan{File: file}
	known := plugins()
	var errs []error
	for _, fb := range file.Blocks {
		b := block{Block: fb}
		for _, d := range fb.Directives {
			parse, ok := known[d.Name]
			if !ok {
				what := fmt.Sprintf("unknown plugin %q", d.Name)
				if slices.Contains(absent(), d.Name) {
					what = d.Name + " is a CoreDNS plugin that Rollcall does not have yet"
				}
				errs = append(errs, d.Pos.Errorf("%s (known: %s)", what, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
				continue
			}
			if err := parse(&b, d); err != nil {
				errs = append(errs, err)
			}
		}
		plan.blocks = append(plan.blocks, b)
	}
	if len(file.Blocks) == 0 {
		errs = append(errs, fmt.Errorf("%s: %w", file.Name, ErrNoBlock))
	}
	errs = append(errs, plan.checkProcess()...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return plan, nil
}

// checkProcess checks what is of the process, and not of a block: two endpoints
// can't have one address, and blocks must agree on what they share.
func (p *Plan) checkProcess() []error {
	errs := p.checkShared()
	owner := map[string]string{}
	claim := func(b *block, name, address string) {
		if other, ok := owner[address]; ok && other != name {
			errs = append(errs, b.Pos.Errorf("%s and %s can't both have the address %s", other, name, address))
		}
		owner[address] = name
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.health != nil && !choosesPort(b.health.Address) {
			claim(b, "health", b.health.Address)
		}
		if b.ready != nil && !choosesPort(b.ready.Address) {
			claim(b, "ready", b.ready.Address)
		}
		if b.prometheus != nil && !choosesPort(b.prometheus.Address) {
			claim(b, "prometheus", b.prometheus.Address)
		}
	}
	return errs
}

func choosesPort(address string) bool { return strings.HasSuffix(address, ":0") }

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

// label returns how metrics name a listener, of host:port.
func label(addr string) string { return "dns://" + addr }
