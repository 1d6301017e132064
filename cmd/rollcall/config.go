package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Where things are unless told otherwise.
const (
	defaultCorefile = "Corefile"       // in the working directory, if it is there
	defaultListen   = "127.0.0.1:5300" // with -manifests or -kubeconfig
	defaultZone     = "cluster.local"
)

// builtin is the Corefile without any configuration: cluster DNS, as a pod.
const builtin = `.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
    prometheus :9153
    loadbalance
}
`

// configFlags say what to serve: a Corefile, or shorthands for one.
type configFlags struct {
	conf       string
	manifests  stringList
	kubeconfig string
	context    string // of kubeconfig
	listen     string
	zone       string
	namespace  string
	forward    string
	port       int
	// testing serves as tests want it: other names do not exist, and nobody keeps
	// what may change. No flag sets it.
	testing bool
	// changing serves what changes at any time: nobody keeps it. No flag sets it.
	changing bool
}

// declare declares the flags of commands that serve, or check what is served.
func (f *configFlags) declare(set *flag.FlagSet) {
	f.declareZones(set)
	set.IntVar(&f.port, "dns.port", corefile.DefaultPort, "the port `N` of server blocks that name none")
	set.IntVar(&f.port, "p", corefile.DefaultPort, "short for -dns.port `N`")
	set.StringVar(&f.listen, "listen", "", "listen on `ADDR`, host:port; port 0 chooses one (default "+defaultListen+
		" with -manifests or -kubeconfig, else port 53 of all addresses)")
}

// declareZones declares the flags that say which zones there are, and what they are made of.
func (f *configFlags) declareZones(set *flag.FlagSet) {
	f.port = corefile.DefaultPort
	set.StringVar(&f.conf, "conf", "", "read the Corefile `FILE` (default ./Corefile if there is one, else a built-in one)")
	f.declareObjects(set)
}

// declareObjects declares the flags that say what the zones are made of.
func (f *configFlags) declareObjects(set *flag.FlagSet) {
	set.Var(&f.manifests, "manifests", "take the objects from `PATH`: a file, a folder, or - for standard input; repeatable")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "take the objects from the cluster that `FILE` names")
	set.StringVar(&f.context, "context", "", "the context `NAME` of -kubeconfig's file (default its current one)")
	set.StringVar(&f.zone, "zone", "", "the cluster's zone `NAME` (default cluster.local)")
	set.StringVar(&f.namespace, "namespace", "", "put manifests without a namespace into `NAME` (default default)")
}

// declareForward declares the flag that says what becomes of other names, and what
// does without it.
func (f *configFlags) declareForward(set *flag.FlagSet, otherwise string) {
	set.StringVar(&f.forward, "forward", "", "have names outside of the zones looked up by the DNS server at `ADDR`; "+
		assemble.Nowhere+" says that they do not exist (default "+otherwise+")")
}

// load returns the plan that the flags describe, checked against this machine.
func (f *configFlags) load(ctx context.Context) (*assemble.Plan, error) {
	file, err := f.file(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := assemble.Load(file)
	if err != nil {
		return nil, err
	}
	return plan, byFlag(plan.Check())
}

// byFlag names the flag in errors of what the flags stand for: options of
// kubernetes have their names.
func byFlag(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, byFlag(e))
		}
		return errors.Join(errs...)
	}
	if at, ok := err.(*corefile.Error); ok && at.Pos.File == commandLine {
		return fmt.Errorf("-%w", at.Err)
	}
	return err
}

// warn logs what the plan leaves without an answer.
func warn(log *slog.Logger, plan *assemble.Plan) {
	for _, text := range plan.Warnings() {
		log.Warn(text)
	}
}

// file returns the Corefile that the flags name or stand for.
func (f *configFlags) file(ctx context.Context) (*corefile.File, error) {
	if f.port < 0 || f.port > 65535 {
		return nil, fmt.Errorf("-dns.port %d: want 0 to 65535", f.port)
	}
	shorthand := len(f.manifests) > 0 || f.kubeconfig != "" || f.context != "" || f.listen != "" || f.zone != "" || f.namespace != "" || f.forward != ""
	if f.conf == "" && !shorthand && exists(defaultCorefile) {
		return open(defaultCorefile, f.port)
	}
	switch {
	case f.conf != "" && shorthand:
		return nil, errors.New("-conf excludes -manifests, -kubeconfig, -context, -listen, -zone, -namespace and -forward: " +
			"they stand for a Corefile of their own; rollcall check -print with them shows it")
	case len(f.manifests) > 0 && f.kubeconfig != "":
		return nil, errors.New("-manifests and -kubeconfig exclude one another: objects come from files or from a cluster")
	case f.context != "" && f.kubeconfig == "":
		return nil, errors.New("-context is one of a -kubeconfig: name that too")
	case f.namespace != "" && len(f.manifests) == 0:
		return nil, errors.New("-namespace is for the manifests of -manifests")
	case f.conf != "":
		return open(f.conf, f.port)
	case !shorthand:
		return corefile.Parse("built-in Corefile", strings.NewReader(builtin))
	}
	blocks, err := f.blocks(ctx)
	if err != nil {
		return nil, err
	}
	return &corefile.File{Name: commandLine, Blocks: blocks}, nil
}

func open(path string, port int) (*corefile.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the Corefile: %w", err)
	}
	defer f.Close()
	return corefile.ParseWithPort(path, f, port)
}

// commandLine is where what the shorthands stand for is said to be.
const commandLine = "command line"

// blocks returns the server blocks that the shorthands stand for. They open nothing
// but the DNS address.
func (f *configFlags) blocks(ctx context.Context) ([]corefile.Block, error) {
	listen := f.listen
	if listen == "" {
		listen = ":53"
		if len(f.manifests) > 0 || f.kubeconfig != "" {
			listen = defaultListen
		}
	}
	host, port, err := splitListen(ctx, listen)
	if err != nil {
		return nil, fmt.Errorf("-listen %q: %w", listen, err)
	}
	if err := f.checkNames(); err != nil {
		return nil, err
	}
	at := corefile.Pos{File: commandLine}
	line := func(name string, args ...string) corefile.Directive {
		return corefile.Directive{Name: name, Args: args, Pos: at}
	}
	kubernetes := line("kubernetes", cmp.Or(f.zone, defaultZone), "in-addr.arpa", "ip6.arpa")
	kubernetes.Body = append(kubernetes.Body, line("pods", "insecure"))
	for _, path := range f.manifests {
		kubernetes.Body = append(kubernetes.Body, line("manifests", path))
	}
	if f.namespace != "" {
		kubernetes.Body = append(kubernetes.Body, line("default_namespace", f.namespace))
	}
	if f.kubeconfig != "" {
		cluster := line("kubeconfig", f.kubeconfig)
		if f.context != "" {
			cluster.Args = append(cluster.Args, f.context)
		}
		kubernetes.Body = append(kubernetes.Body, cluster)
	}
	local := assemble.Local{Kubernetes: kubernetes, Port: int(port), Forward: f.forward}
	if f.testing || f.changing {
		local.Kubernetes.Body = append(local.Kubernetes.Body, line("ttl", "0"))
	}
	if f.testing {
		local.Forward = cmp.Or(f.forward, assemble.Nowhere)
	}
	if host != "" {
		local.Common = append(local.Common, line("bind", host))
	}
	local.Common = append(local.Common, line("errors"))
	return local.Blocks(), nil
}

// checkNames checks the zone, the namespace and the server of other names.
func (f *configFlags) checkNames() error {
	if f.zone != "" {
		zones, err := corefile.Zones(f.zone)
		if err == nil && corefile.IsReverse(zones[0]) {
			err = errors.New("reverse zones are served beside it; want a name such as cluster.local")
		}
		if err != nil {
			return fmt.Errorf("-zone %q: %w", f.zone, err)
		}
	}
	if f.namespace != "" {
		if problems := validation.IsDNS1123Label(f.namespace); len(problems) > 0 {
			return fmt.Errorf("-namespace %q: %s", f.namespace, strings.Join(problems, "; "))
		}
	}
	if !isServer(f.forward) {
		return fmt.Errorf("-forward %q: want the IP address of a DNS server, with or without a port, a file such as /etc/resolv.conf, or %s", f.forward, assemble.Nowhere)
	}
	return nil
}

// isServer reports whether -forward may say so: of what has a scheme, the directive
// tells.
func isServer(text string) bool {
	_, err := netip.ParseAddr(text)
	_, err2 := netip.ParseAddrPort(text)
	return text == "" || text == assemble.Nowhere || err == nil || err2 == nil || strings.Contains(text, "://") || exists(text)
}

// splitListen returns the address and port of host:port, with names resolved;
// no address is all.
func splitListen(ctx context.Context, listen string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, errors.New("want host:port, as 127.0.0.1:5300, [::1]:5300 or :53")
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q: want 0 to 65535", text)
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return host, uint16(n), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", 0, err
	}
	return addrs[0].Unmap().String(), uint16(n), nil
}
