package kubernetes

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// PodMode says what names below pod.<zone> are answered with.
type PodMode string

// The pod modes. The zero value is PodsDisabled too.
const (
	PodsDisabled PodMode = "disabled" // NXDOMAIN
	PodsInsecure PodMode = "insecure" // the address in the name, unchecked
	PodsVerified PodMode = "verified" // the address in the name, if a Pod of the namespace has it
)

// The defaults of options, as in CoreDNS.
const (
	DefaultTTL            = 5
	DefaultNegativeTTL    = 1
	DefaultStartupTimeout = 5 * time.Second
	maxTTL                = 3600
)

// Config is a kubernetes directive: where the objects come from, which of them
// count, and how they are answered. The zero value reads the cluster that the
// process runs in, and serves no zone. [Parse] starts from [Default].
type Config struct {
	// Zones are the zones to answer for, lower-case with trailing dot. At
	// least one is not for addresses; the first such is the primary one.
	Zones []string

	// Manifests are files and folders to take objects from, instead of an
	// API server; "-" is standard input.
	Manifests []string
	// DefaultNamespace is where a manifest's object is that names none,
	// "default" if empty.
	DefaultNamespace string
	// Kubeconfig is a file that says how to reach the API server, and Context
	// which of its contexts to use, empty for the current one. It is
	// preferred over Endpoint.
	Kubeconfig, Context string
	// Endpoint is the API server's URL, and TLS the files for it. Without it
	// and Kubeconfig, the process' service account is used.
	Endpoint string
	TLS      TLSFiles
	// QPS, Burst and MaxInflight limit requests to the API server. 0 leaves
	// each to the client's own default; MaxInflight 0 is no limit.
	QPS                float32
	Burst, MaxInflight int
	// StartupTimeout is how long sockets wait for the first full sync.
	StartupTimeout time.Duration

	// Namespaces are those exposed, all if there are none. NamespaceLabels
	// selects them by their labels instead, and Labels selects Services,
	// EndpointSlices and Pods: label selectors in Kubernetes' syntax, valid,
	// empty for all.
	Namespaces              []string
	NamespaceLabels, Labels string
	// NoEndpoints leaves out EndpointSlices: neither headless Services nor
	// endpoint names exist.
	NoEndpoints bool
	// Multicluster are those of Zones that are for ServiceImports.
	Multicluster []string

	// Pods is what names below pod.<zone> are answered with.
	Pods PodMode
	// EndpointPodNames names an endpoint without hostname by its Pod rather
	// than by its address.
	EndpointPodNames bool
	// IgnoreEmptyService makes a Service without ready endpoints NXDOMAIN,
	// whatever its type.
	IgnoreEmptyService bool
	// Zonal adds the names <zone>.pin._zone.… and <zone>.prefer._zone.…
	Zonal bool
	// PTRHostname answers an address with the names of headless hostnames
	// only, where it has one.
	PTRHostname bool
	// TTL is that of records, in seconds, 0 to 3600.
	TTL uint32
	// HeadlessTTL is the TTL of records that endpoints have, in seconds, 0 to
	// 3600: TTL, if the directive doesn't say.
	HeadlessTTL uint32
	// NegativeTTL is for how long caches may hold that a name or a record does
	// not exist, in seconds, 0 to 3600 (RFC 2308 section 5). TTL limits it.
	NegativeTTL uint32
	// Fallthrough are the zones in which a name that does not exist is left
	// to the next handler: none by default, "." for all.
	Fallthrough []string
}

// TLSFiles are the files of a client certificate, its key, and the
// certificate authority of the API server.
type TLSFiles struct{ Cert, Key, CA string }

// Default returns the configuration that a directive without options has, but
// for the zones.
func Default() Config {
	return Config{
		Pods: PodsDisabled, TTL: DefaultTTL, HeadlessTTL: DefaultTTL, NegativeTTL: DefaultNegativeTTL,
		StartupTimeout: DefaultStartupTimeout,
	}
}

// Parse reads a kubernetes directive. BlockZones are the zones of its server
// block, which count if the directive names none. Its errors are
// [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	c := Default()
	zones, err := d.Zones()
	if err != nil {
		return Config{}, err
	}
	if c.Zones = zones; len(zones) == 0 {
		c.Zones = slices.Clone(blockZones)
	}
	const follows = math.MaxUint32
	c.HeadlessTTL = follows
	if err := d.Options(c.options()); err != nil {
		return Config{}, err
	}
	if c.HeadlessTTL == follows {
		c.HeadlessTTL = c.TTL
	}
	if err := c.Validate(); err != nil {
		return Config{}, d.Errorf("%w", err)
	}
	return c, nil
}

// options returns the directive's options, which set the fields of c.
func (c *Config) options() corefile.Options {
	return corefile.Options{
		"manifests":         {Parse: list(&c.Manifests, "PATH..."), Repeat: true},
		"default_namespace": {Parse: text(&c.DefaultNamespace, "the namespace of manifests that name none")},
		"kubeconfig":        {Parse: c.kubeconfig},
		"endpoint":          {Parse: text(&c.Endpoint, "the URL of one API server")},
		"tls":               {Parse: c.tls},
		"apiserver_qps": {Parse: func(o corefile.Directive) (err error) {
			c.QPS, err = o.Float(0)
			return err
		}},
		"apiserver_burst":        {Parse: integer(&c.Burst, math.MaxInt32)},
		"apiserver_max_inflight": {Parse: integer(&c.MaxInflight, math.MaxInt32)},
		"startup_timeout": {Parse: func(o corefile.Directive) (err error) {
			c.StartupTimeout, err = o.Duration()
			return err
		}},

		"namespaces":       {Parse: list(&c.Namespaces, "NAMESPACE..."), Repeat: true},
		"namespace_labels": {Parse: selector(&c.NamespaceLabels)},
		"labels":           {Parse: selector(&c.Labels)},
		"noendpoints":      {Parse: flag(&c.NoEndpoints)},
		"multicluster":     {Parse: c.multicluster},

		"pods": {Parse: func(o corefile.Directive) error {
			mode, err := o.Enum(string(PodsDisabled), string(PodsInsecure), string(PodsVerified))
			c.Pods = PodMode(mode)
			return err
		}},
		"endpoint_pod_names": {Parse: flag(&c.EndpointPodNames)},
		"ignore":             {Parse: word(&c.IgnoreEmptyService, "empty_service")},
		"zonal":              {Parse: flag(&c.Zonal)},
		"ptr":                {Parse: word(&c.PTRHostname, "hostname")},
		"ttl":                {Parse: seconds(&c.TTL)},
		"headless_ttl":       {Parse: seconds(&c.HeadlessTTL)},
		"negative_ttl":       {Parse: seconds(&c.NegativeTTL)},
		"fallthrough": {Parse: func(o corefile.Directive) (err error) {
			if c.Fallthrough, err = o.Zones(); err == nil && len(c.Fallthrough) == 0 {
				c.Fallthrough = []string{"."}
			}
			return err
		}},
	}
}

// kubeconfig parses "kubeconfig FILE [CONTEXT]".
func (c *Config) kubeconfig(o corefile.Directive) error {
	if err := o.ArgCount(1, 2, "KUBECONFIG [CONTEXT]"); err != nil {
		return err
	}
	c.Kubeconfig = o.Args[0]
	if len(o.Args) == 2 {
		c.Context = o.Args[1]
	}
	return nil
}

// tls parses "tls CERT KEY CACERT".
func (c *Config) tls(o corefile.Directive) error {
	if err := o.ArgCount(3, 3, "CERT KEY CACERT"); err != nil {
		return err
	}
	c.TLS = TLSFiles{Cert: o.Args[0], Key: o.Args[1], CA: o.Args[2]}
	return nil
}

// multicluster parses "multicluster ZONES...".
func (c *Config) multicluster(o corefile.Directive) (err error) {
	if err := o.ArgCount(1, -1, "ZONES..., some of the zones that are served"); err != nil {
		return err
	}
	c.Multicluster, err = o.Zones()
	return err
}

// Validate checks what no option alone can tell.
func (c *Config) Validate() error {
	switch {
	case !slices.ContainsFunc(c.Zones, func(z string) bool { return !corefile.IsReverse(z) }):
		return errors.New("at least one zone that is not a reverse zone is needed, such as cluster.local")
	case len(c.Namespaces) > 0 && c.NamespaceLabels != "":
		return errors.New("namespaces and namespace_labels exclude one another")
	case c.Zonal && c.NoEndpoints:
		return errors.New("zonal names are those of endpoints, so that zonal excludes noendpoints")
	case c.DefaultNamespace != "" && len(c.Manifests) == 0:
		return errors.New("default_namespace is for manifests, of which none are named")
	case len(c.Manifests) > 0 && (c.Endpoint != "" || c.Kubeconfig != "" || c.TLS != TLSFiles{}):
		return errors.New("objects come from files or from an API server, so that manifests excludes endpoint, kubeconfig and tls")
	case max(c.TTL, c.HeadlessTTL, c.NegativeTTL) > maxTTL:
		return fmt.Errorf("ttl, headless_ttl and negative_ttl must be 0 to %d", maxTTL)
	}
	for _, z := range c.Multicluster {
		if !slices.Contains(c.Zones, z) {
			return fmt.Errorf("the multicluster zone %s is none of the zones served (%s)", z, strings.Join(c.Zones, ", "))
		}
	}
	return nil
}

// seconds parses a TTL.
func seconds(to *uint32) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		ttl, err := o.Int(0, maxTTL)
		if err == nil {
			*to = uint32(ttl)
		}
		return err
	}
}

// list parses arguments that an option adds to a list, each once.
func list(to *[]string, usage string) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		for _, a := range o.Args {
			if !slices.Contains(*to, a) {
				*to = append(*to, a)
			}
		}
		return o.ArgCount(1, -1, usage)
	}
}

// text parses an option with one argument of any form.
func text(to *string, usage string) func(corefile.Directive) error {
	return func(o corefile.Directive) (err error) {
		*to, err = o.Arg(usage)
		return err
	}
}

// integer parses an option with a number from 0 to most.
func integer(to *int, most int) func(corefile.Directive) error {
	return func(o corefile.Directive) (err error) {
		*to, err = o.Int(0, most)
		return err
	}
}

// flag parses an option without arguments.
func flag(to *bool) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		*to = true
		return o.NoArgs()
	}
}

// word parses an option that has one possible argument.
func word(to *bool, allowed string) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		*to = true
		_, err := o.Enum(allowed)
		return err
	}
}

// selector parses a label selector, which may hold spaces and so stand in
// several arguments.
func selector(to *string) func(corefile.Directive) error {
	return func(o corefile.Directive) error {
		if err := o.ArgCount(1, -1, "a label selector such as app=web,tier!=test"); err != nil {
			return err
		}
		s := strings.Join(o.Args, " ")
		if _, err := labels.Parse(s); err != nil {
			return o.Errorf("%q is not a label selector such as app=web,tier!=test: %w", s, err)
		}
		*to = s
		return nil
	}
}
