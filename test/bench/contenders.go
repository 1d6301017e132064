package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// The contenders by name, in the order of the tables. The bars against CoreDNS are
// those against corednsKube, as its plugin file only shows what the plugin adds,
// and of forwarding, against corednsForward.
const (
	plain       = "rollcall"
	kubeadm     = "rollcall-kubeadm"
	knot        = "knot"
	nsd         = "nsd"
	corednsFile = "coredns-file"
	corednsKube = "coredns-kubernetes"

	plainForward   = "rollcall-forward"
	unbound        = "unbound"
	corednsForward = "coredns-forward"
)

// authorities are the contenders that have the records themselves, forwarders those
// that ask another server: a table of each.
func authorities() []string {
	return []string{plain, kubeadm, knot, nsd, corednsFile, corednsKube}
}
func forwarders() []string { return []string{plainForward, unbound, corednsForward} }

func names() []string { return append(authorities(), forwarders()...) }

// descriptions say what a contender serves, and how.
var descriptions = map[string]string{
	plain:       "Rollcall, `kubernetes` alone",
	kubeadm:     "Rollcall, kubeadm's Corefile",
	knot:        "Knot DNS, zone files",
	nsd:         "NSD, zone files",
	corednsFile: "CoreDNS, plugin `file`",
	corednsKube: "CoreDNS, plugin `kubernetes`, kubeadm's Corefile",

	plainForward:   "Rollcall, kubeadm's Corefile without `kubernetes`",
	unbound:        "Unbound, a `forward-zone`",
	corednsForward: "CoreDNS, kubeadm's Corefile without `kubernetes`",

	echo: "an echo that sends each packet back",
}

// A contender is a running server.
type contender struct {
	name    string
	addr    netip.AddrPort
	process *process.Process
	pids    []int  // of all its processes
	metrics string // the address of /metrics, if it is a Go program
}

// kubernetesBody is what Rollcall and CoreDNS are told of the zones; %s is where
// the objects come from.
const kubernetesBody = `kubernetes cluster.local in-addr.arpa ip6.arpa {
    %s
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
}
`

// kubeadmBody is what stands in kubeadm's Corefile beside bind and ready, with
// kubernetes, which may be empty, in its place.
func kubeadmBody(health, kubernetes, metrics, upstream string) string {
	return fmt.Sprintf("errors\nhealth %s {\nlameduck 5s\n}\n%sprometheus %s\nforward . %s {\nmax_concurrent 1000\n}\ncache 30\nloop\nreload\nloadbalance",
		health, kubernetes, metrics, upstream)
}

// sources are where the contenders get their answers from.
type sources struct {
	program    string            // rollcall
	manifests  string            // a folder
	zones      map[string]string // zone files by apex
	kubeconfig string            // of an API server, if a contender wants it
	upstream   netip.AddrPort    // for those that forward
}

// start starts a contender on the core that this process is pinned to, and
// returns when it answers. Its files go into dir, which must exist.
func start(ctx context.Context, name, dir string, from sources, logf func(string, ...any)) (c *contender, err error) {
	ports, err := process.FreePorts(5)
	if err != nil {
		return nil, err
	}
	local := func(i int) string { return "127.0.0.1:" + ports[i] }
	c = &contender{name: name}
	options := peers.Options{Logf: logf}
	var server *peers.Server
	switch name {
	case plain:
		c.metrics = local(0)
		// A second block, which nobody asks, so that there are metrics of the
		// process and none of the queries.
		server, err = serve(ctx, from.program, dir, ports[3], fmt.Sprintf(
			".:%s {\nbind 127.0.0.1\n%s}\n.:%s {\nbind 127.0.0.1\nprometheus %s\n}\n",
			ports[3], fmt.Sprintf(kubernetesBody, "manifests "+from.manifests), ports[4], c.metrics))
	case kubeadm:
		c.metrics = local(0)
		// Whole; nothing answers at the address that it forwards to.
		server, err = serve(ctx, from.program, dir, ports[3], fmt.Sprintf(
			".:%s {\nbind 127.0.0.1\nready %s\n%s\n}\n",
			ports[3], local(2), kubeadmBody(local(1), fmt.Sprintf(kubernetesBody, "manifests "+from.manifests), c.metrics, local(4))))
	case knot:
		server, err = peers.Knot(ctx, dir, from.zones, options)
	case nsd:
		server, err = peers.NSD(ctx, dir, from.zones, options)
	case corednsFile:
		c.metrics = local(0)
		var directives strings.Builder
		fmt.Fprintf(&directives, "prometheus %s\n", c.metrics)
		for apex, file := range from.zones {
			fmt.Fprintf(&directives, "file %s %s\n", file, apex)
		}
		server, err = peers.CoreDNS(ctx, dir, logf, directives.String())
	case corednsKube:
		c.metrics = local(0)
		// What kubeadm writes, but for forward, and loop, which wants it. The
		// cluster's zone is not cached.
		server, err = peers.CoreDNS(ctx, dir, logf, fmt.Sprintf(
			"errors\nhealth %s {\nlameduck 5s\n}\n%sprometheus %s\ncache 30 {\ndisable success cluster.local\ndisable denial cluster.local\n}\nreload\nloadbalance",
			local(1), fmt.Sprintf(kubernetesBody, "kubeconfig "+from.kubeconfig), c.metrics))
	case plainForward:
		c.metrics = local(0)
		server, err = serve(ctx, from.program, dir, ports[3], fmt.Sprintf(".:%s {\nbind 127.0.0.1\nready %s\n%s\n}\n",
			ports[3], local(2), kubeadmBody(local(1), "", c.metrics, from.upstream.String())))
	case unbound:
		server, err = peers.Unbound(ctx, dir, from.upstream, options)
	case corednsForward:
		c.metrics = local(0)
		server, err = peers.CoreDNS(ctx, dir, logf, kubeadmBody(local(1), "", c.metrics, from.upstream.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	c.process, c.addr = server.Process, server.Addr
	return c, nil
}

// serve starts Rollcall with a Corefile that serves a port of 127.0.0.1.
func serve(ctx context.Context, program, dir, port, text string) (*peers.Server, error) {
	addr, err := netip.ParseAddrPort("127.0.0.1:" + port)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "Corefile")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("writing a Corefile: %w", err)
	}
	server, err := rollcall.Run(ctx, program, dir, "serve", "-conf", conf)
	if err != nil {
		return nil, err
	}
	return &peers.Server{Server: dnsquery.Server{Addr: addr}, Process: server.Process}, nil
}

// answers waits until a contender has the answer to a question whose name
// exists.
func (c *contender) answers(ctx context.Context, q question) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("no answer within two minutes"))
	defer cancel()
	client := dns.Client{Timeout: time.Second}
	err := c.process.Ready(ctx, func(ctx context.Context) error {
		reply, _, err := client.ExchangeContext(ctx, q.message(1), c.addr.String())
		if err != nil {
			return err
		}
		if reply.Rcode != dns.RcodeSuccess {
			return fmt.Errorf("%s for %s", dns.RcodeToString[reply.Rcode], q.name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}
