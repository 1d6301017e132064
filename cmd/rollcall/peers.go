package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// The exit statuses of peers beside 0, 1 and a command's own.
const (
	statusNoPeers = 3
	statusTimeout = 124 // that of timeout(1)
)

// peersFlags are the flags of peers.
type peersFlags struct {
	service, namespace, domain string // as in peer-finder
	onStart, onChange          string // as in peer-finder
	needSelf                   bool

	watch, once bool
	wait        waitFor
	timeout     duration
	output      string
	file        string

	command           stringList // of -exec
	change            string
	grace             duration
	settle, settleMax duration

	port, proto string
	excludeSelf bool
	servers     stringList
	resolvConf  string
	interval    duration
	emptyAfter  duration
	kubeconfig  string
	context     string // of kubeconfig
}

// waitFor is how many peers to wait for: a number, or as many as the StatefulSet
// has replicas.
type waitFor struct {
	n        int
	replicas bool
}

func (w *waitFor) String() string {
	switch {
	case w.replicas:
		return "replicas"
	case w.n == 0:
		return ""
	}
	return strconv.Itoa(w.n)
}

// Set sets the value.
func (w *waitFor) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if s != "replicas" && (err != nil || n == 0) {
		return errors.New(`want a number of peers, or "replicas"`)
	}
	w.n, w.replicas = int(n), s == "replicas"
	return nil
}

func (f *peersFlags) declare(set *flag.FlagSet) {
	set.StringVar(&f.service, "service", "", "the Service `NAME`, in place of the argument")
	set.StringVar(&f.namespace, "ns", "", "the Service's namespace `NAME` (default by the search path; where that is no pod's, $POD_NAMESPACE or default)")
	set.StringVar(&f.domain, "domain", "", "the cluster's domain `NAME` (default by the search path; where that is no pod's, cluster.local)")
	set.StringVar(&f.onStart, "on-start", "", "run the shell `SCRIPT` once, with the first set of peers on its standard input")
	set.StringVar(&f.onChange, "on-change", "", "run the shell `SCRIPT` with each new set of peers on its standard input; with the first too, if there is no -on-start")
	set.BoolVar(&f.needSelf, "need-self", true, "run no script before this pod itself is among the peers")
	set.BoolVar(&f.watch, "watch", false, "print the set at each change, until ended")
	set.BoolVar(&f.once, "once", false, "end after the first set, also with -on-change (what happens without -watch, -on-change and -exec)")
	set.Var(&f.wait, "wait", "wait until there are `N` peers, this pod included; \"replicas\" is as many as the StatefulSet of the Service wants")
	set.Var(&f.timeout, "timeout", "wait at most `DURATION` for the first set, or for -wait; then exit with status 124 (default for ever, and without -wait one look-up)")
	set.StringVar(&f.output, "o", "text", "print peers in a `FORMAT`: text, json, hosts, env, or template=TEMPLATE")
	set.StringVar(&f.file, "file", "", "write each set to `PATH` too, whole or not at all")
	set.Var(&f.command, "exec", "run what follows as `COMMAND...` once the first set is there, pass signals on to it, and exit with its status")
	set.StringVar(&f.change, "change", "none", "what a change does to the command of -exec: `ACTION` is none, restart, or a signal such as HUP")
	f.grace = duration(10 * time.Second)
	set.Var(&f.grace, "grace", "how long a command that is restarted has to end: `DURATION`")
	f.settle, f.settleMax = duration(time.Second), duration(30*time.Second)
	set.Var(&f.settle, "settle", "act on a change once there was no other for `DURATION`")
	set.Var(&f.settleMax, "settle-max", "act on a change after `DURATION` at the latest; while changes go on, less and less often, up to this far apart")
	set.StringVar(&f.port, "port", "", "the peers' port `NAME`, or its number")
	set.StringVar(&f.proto, "proto", "tcp", "the protocol `NAME` of -port: tcp, udp or sctp")
	set.BoolVar(&f.excludeSelf, "exclude-self", false, "leave this pod itself out")
	set.Var(&f.servers, "server", "ask the DNS server at `ADDR`, address or address:port; repeatable (default those of resolv.conf)")
	set.StringVar(&f.resolvConf, "resolv-conf", "", "read `FILE` (default "+peers.DefaultResolvConf+")")
	f.interval, f.emptyAfter = duration(peers.DefaultInterval), duration(peers.DefaultEmptyAfter)
	set.Var(&f.interval, "interval", "look up every `DURATION`, or up to a fifth sooner; three times as often for half a minute after the start and each change")
	set.Var(&f.emptyAfter, "empty-after", "believe that all peers are gone once that was the answer for `DURATION`")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "find the peers in the cluster that `FILE` names, by its API instead of its DNS, unless there is a -server; -wait replicas asks it too (default the cluster that this pod runs in)")
	set.StringVar(&f.context, "context", "", "the context `NAME` of -kubeconfig's file (default its current one)")
}

// peersCommand finds peers by DNS and acts on them.
func peersCommand(set *flag.FlagSet) func(context.Context, []string, streams) error {
	var f peersFlags
	f.declare(set)
	return func(ctx context.Context, args []string, s streams) error {
		if err := f.arguments(args); err != nil {
			return err
		}
		a, err := newAgent(&f, s)
		if err != nil {
			return err
		}
		return a.run(ctx)
	}
}

// arguments takes the arguments that are no flags, and checks what flags together
// mean.
func (f *peersFlags) arguments(args []string) error {
	args, f.command = splitExec(args, f.command)
	switch {
	case len(args) > 0 && f.service != "":
		return fmt.Errorf("the Service is given by -service, got %q too", args[0])
	case len(args) > 1:
		return fmt.Errorf("peers takes one Service, got %q too", args[1])
	case len(args) == 1:
		f.service = args[0]
	}
	switch {
	case f.service == "":
		return errors.New("name a Service, as in rollcall peers nginx; rollcall help peers says more")
	case f.command != nil && len(f.command) == 0:
		return errors.New("-exec: a command must follow")
	case len(f.command) == 0 && f.change != "none":
		return errors.New("-change is for a command: -exec COMMAND... must follow")
	case f.once && (f.watch || len(f.command) > 0):
		return errors.New("-once excludes -watch and -exec")
	case f.context != "" && f.kubeconfig == "":
		return errors.New("-context is one of a -kubeconfig: name that too")
	case f.kubeconfig != "" && len(f.servers) > 0 && !f.wait.replicas:
		return errors.New("-server and -kubeconfig exclude one another, but for -wait replicas: peers are found by DNS or in a cluster")
	case f.interval <= 0 || f.timeout < 0 || f.settle < 0 || f.settleMax < f.settle || f.emptyAfter < 0 || f.grace < 0:
		return errors.New("want no negative duration, an -interval, and a -settle-max that is no shorter than -settle")
	}
	return nil
}

// execMark is where parseAnywhere leaves a command line of its own, which ends ours.
const execMark = "-exec"

// splitExec takes the command of -exec from the end of the arguments.
func splitExec(args, given []string) (rest, command []string) {
	for i, arg := range args {
		if arg == execMark {
			command = append([]string{}, args[i+1:]...)
			if len(command) > 0 && command[0] == "--" {
				command = command[1:]
			}
			return args[:i], command
		}
	}
	return args, given
}

// single reports whether one set is all that is wanted.
func (f *peersFlags) single() bool {
	return f.once || !f.watch && len(f.command) == 0 && f.onChange == ""
}

// options are those of the look-ups.
func (f *peersFlags) options() peers.Options {
	o := peers.Options{
		Interval: time.Duration(f.interval), EmptyAfter: time.Duration(f.emptyAfter),
		Servers: f.servers, ResolvConf: f.resolvConf, Search: f.search(),
		Port: f.port, Proto: f.proto, ExcludeSelf: f.excludeSelf,
	}
	if o.EmptyAfter == 0 {
		o.EmptyAfter = -1
	}
	return o
}

// search returns a search path as pods have it, where a namespace or a domain is
// named, or a server by one who is in no pod; else nil, for that of resolv.conf.
func (f *peersFlags) search() []string {
	found := clusterDomain(cmp.Or(f.resolvConf, peers.DefaultResolvConf))
	if f.namespace == "" && f.domain == "" && (len(f.servers) == 0 || found != "") {
		return nil
	}
	domain := f.clusterDomain()
	return []string{cmp.Or(f.namespace, os.Getenv("POD_NAMESPACE"), "default") + ".svc." + domain, "svc." + domain, domain}
}

// clusterDomain returns the domain that the flags or resolv.conf name, or the usual one.
func (f *peersFlags) clusterDomain() string {
	return cmp.Or(strings.Trim(f.domain, "."), clusterDomain(cmp.Or(f.resolvConf, peers.DefaultResolvConf)), defaultZone)
}

// clusterDomain returns what stands behind "svc." in the search path of a pod's
// resolv.conf, if there is such a path.
func clusterDomain(path string) string {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return "" // who needs it says what is wrong with it
	}
	for _, suffix := range conf.Search {
		if domain, ok := strings.CutPrefix(suffix, "svc."); ok {
			return strings.Trim(domain, ".")
		}
	}
	return ""
}
