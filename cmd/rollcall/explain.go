package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

// The exit status of rollcall explain.
const (
	statusUnresolved = 1 // the name does not resolve
	statusUsage      = 2 // it is not told whether it does
)

// explainAbout is what help says of explain before its flags.
const explainAbout = `
  rollcall explain -manifests DIR web.prod          as a pod of the namespace default asks
  rollcall explain -kubeconfig FILE -from shop/cart-0 db
  rollcall explain -kubeconfig FILE _http._tcp.web.prod.svc.cluster.local SRV
  rollcall explain -server 10.96.0.10 web.prod      what a server with the directive explain says
  rollcall explain -manifests DIR -o json 10.96.0.1 a PTR record, as JSON

The exit status is 0 if the name resolves, 1 if it does not, and 2 if that can't be told.
`

// explainFlags are the flags of explain beside those that say where objects are.
type explainFlags struct {
	config  configFlags
	server  string
	from    podKey
	output  string
	timeout duration
}

// explainCommand says why a name does or does not resolve.
func explainCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	f := explainFlags{timeout: duration(30 * time.Second)}
	f.config.declareZones(set)
	set.StringVar(&f.server, "server", "", "ask the server at `ADDR`, a host or host:port, instead of reading objects; one with the directive explain says why")
	set.Var(&f.from, "from", "walk the search path of the pod `NAMESPACE/POD`, by its dnsPolicy and dnsConfig; of NAMESPACE alone, that of pods there (default default)")
	set.StringVar(&f.output, "o", "text", "print the report in a `FORMAT`: text or json")
	set.Var(&f.timeout, "timeout", "take at most `DURATION`")
	return func(ctx context.Context, args []string, s streams) error {
		ctx, cancel, err := f.timeout.bound(ctx, "no answer")
		if err != nil {
			return err
		}
		defer cancel()
		report, err := f.explain(ctx, args, s)
		if err != nil {
			return err
		}
		if err := f.print(s.out, report); err != nil {
			return err
		}
		switch {
		case report.Unknown:
			return &exitError{status: statusUsage}
		case !report.Resolves:
			return &exitError{status: statusUnresolved}
		}
		return nil
	}
}

func (f *explainFlags) explain(ctx context.Context, args []string, s streams) (*explain.Report, error) {
	q, err := question(args)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"text", "json"}, f.output) {
		return nil, fmt.Errorf("-o %q: want text or json", f.output)
	}
	namespace := cmp.Or(f.from.Namespace, "default")
	if f.server != "" {
		return f.askServer(ctx, q, namespace)
	}
	plan, err := f.config.load(ctx)
	if err != nil {
		return nil, err
	}
	version, _ := buildVersion()
	cluster, err := plan.Cluster(ctx, assemble.Process{Stdin: s.in, Logger: newQuietLogger(s.err), Version: version})
	if err != nil {
		return nil, err
	}
	apex := cluster.Zones()[slices.IndexFunc(cluster.Zones(), func(n zone.Name) bool { return !n.IsReverse() })]
	q.Path, q.From = explain.ClusterFirst(namespace, apex), "a pod of namespace "+namespace
	if f.from.Name != "" {
		pod, err := cluster.Pod(ctx, zone.Key(f.from))
		switch {
		case err != nil:
			q.Path.Notes = append(q.Path.Notes, fmt.Sprintf("the Pod was not read (%v): its search path is taken for that of dnsPolicy ClusterFirst", err))
		case pod == nil:
			return nil, fmt.Errorf("-from %s: there is no such Pod", &f.from)
		default:
			q.Path = explain.PathOf(pod, apex)
		}
		q.From = "Pod " + f.from.String()
	}
	return explain.Explain(ctx, cluster, q)
}

// question reads NAME [TYPE].
func question(args []string) (q explain.Question, err error) {
	switch {
	case len(args) == 0:
		return q, errors.New("explain needs a name: rollcall explain NAME [TYPE]")
	case len(args) > 2:
		return q, fmt.Errorf("explain takes a name and a type, got %q too", args[2])
	case args[0] == "":
		return q, errors.New("the name is empty")
	}
	q.Name = args[0]
	if _, err := netip.ParseAddr(q.Name); err != nil && strings.ContainsAny(q.Name, ":/") {
		return q, fmt.Errorf("%q is no name: want the host's alone, as web.prod of http://web.prod:8080/", q.Name)
	}
	if len(args) == 2 {
		if _, ok := zone.ParseType(args[1]); !ok {
			return q, fmt.Errorf("%q is no type that can be asked for, as A, AAAA, SRV, PTR, TXT, CNAME", args[1])
		}
		q.Types = []string{strings.ToUpper(args[1])}
	}
	return q, nil
}

func (f *explainFlags) print(w io.Writer, report *explain.Report) error {
	if f.output == "text" {
		return report.Print(w)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(report)
}

// podKey is a flag that names a Pod, or a namespace alone: NAMESPACE[/POD].
type podKey zone.Key

func (k *podKey) String() string {
	return strings.TrimSuffix(k.Namespace+"/"+k.Name, "/")
}

// Set sets the value. Of an empty one strict tells.
func (k *podKey) Set(s string) error {
	namespace, name, found := strings.Cut(s, "/")
	bad := len(validation.IsDNS1123Label(namespace)) > 0 || found && len(validation.IsDNS1123Subdomain(name)) > 0
	if s != "" && bad {
		return errors.New("want NAMESPACE/POD, such as default/web-0, or NAMESPACE")
	}
	*k = podKey{namespace, name}
	return nil
}
