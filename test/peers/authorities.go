package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/process"
)

// Options are what a peer from a Debian package can be told. The zero value is
// the server as it comes.
type Options struct {
	// Logf gets a line when a package is fetched; nil is silent.
	Logf func(string, ...any)
	// Command is put before the program, as {"taskset", "-c", "0"}; what it
	// names must run the program in its own place, by exec.
	Command []string
	// Port is where it listens; a free one if it is empty.
	Port string
	// Workers is how many threads or processes answer, 1 if it is 0.
	Workers int
	// Features switches on what the server has, and leaves off by default, of
	// what the conformance tests ask for: cookies, an NSID, small answers to
	// ANY, and limits of TCP connections that a test can reach.
	Features bool
}

// NSID is the server identifier (RFC 5001) of a peer with Options.Features.
const NSID = "conformance"

// Knot starts Knot DNS with the given zone files, by apex, and returns when each
// zone is served. Its configuration and log go into dir, whose path must be short
// enough for a Unix socket's. The caller stops it.
func Knot(ctx context.Context, dir string, zones map[string]string, o Options) (*Server, error) {
	return startAuthority(ctx, dir, zones, o, daemon{
		pkg: "knot", program: "knotd", version: "-V",
		config: func(port string) string {
			// Of three kinds of workers, those for the background only load zones.
			text := fmt.Sprintf(`server:
    rundir: %[1]q
    listen: 127.0.0.1@%[2]s
    udp-workers: %[3]d
    tcp-workers: %[3]d
    background-workers: 1
%[4]scontrol:
    listen: %[5]q
database:
    storage: %[1]q
log:
  - target: stderr
    any: info
`, dir, port, o.workers(), ifSet(o.Features, "    nsid: "+NSID+"\n    tcp-max-clients: 150\n"), filepath.Join(dir, "knot.sock"))
			if o.Features {
				text += "mod-cookies:\n  - id: default\n"
			}
			text += "template:\n  - id: default\n    zonefile-load: whole\n    zonefile-sync: -1\n    journal-content: none\n" +
				ifSet(o.Features, "    global-module: mod-cookies/default\n")
			text += "zone:\n"
			for _, apex := range apexes(zones) {
				text += fmt.Sprintf("  - domain: %q\n    file: %q\n", apex, zones[apex])
			}
			return text
		},
		args: func(config string) []string { return []string{"-c", config} },
	})
}

// NSD starts NSD with the given zone files, by apex, and returns when each zone
// is served. Its files go into dir. The caller stops it.
func NSD(ctx context.Context, dir string, zones map[string]string, o Options) (*Server, error) {
	return startAuthority(ctx, dir, zones, o, daemon{
		pkg: "nsd", program: "nsd", version: "-v",
		config: func(port string) string {
			text := fmt.Sprintf(`server:
    ip-address: 127.0.0.1@%[2]s
    server-count: %[3]d
    username: ""
    chroot: ""
    zonesdir: %[1]q
    database: ""
    pidfile: ""
    xfrdfile: ""
    zonelistfile: "%[1]s/zone.list"
    xfrdir: %[1]q
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
%[4]sremote-control:
    control-enable: no
`, dir, port, o.workers(), ifSet(o.Features, fmt.Sprintf("    answer-cookie: yes\n    nsid: \"ascii_%s\"\n    refuse-any: yes\n    tcp-timeout: 10\n", NSID)))
			for _, apex := range apexes(zones) {
				text += fmt.Sprintf("zone:\n    name: %q\n    zonefile: %q\n", apex, zones[apex])
			}
			return text
		},
		args: func(config string) []string { return []string{"-d", "-c", config} },
	})
}

// BIND starts BIND's named with the given zone files, by apex, and returns when
// each zone is served. Its files go into dir. The caller stops it.
func BIND(ctx context.Context, dir string, zones map[string]string, o Options) (*Server, error) {
	return startAuthority(ctx, dir, zones, o, daemon{
		pkg: "bind9", program: "named", version: "-v",
		config: func(port string) string {
			text := fmt.Sprintf(`options {
    directory %[1]q;
    listen-on port %[2]s { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    dnssec-validation no;
    allow-query { any; };
    notify no;
    max-records-per-type 0;
    pid-file none;
    session-keyfile "%[1]s/session.key";
%[3]s};
controls { };
`, dir, port, ifSet(o.Features, fmt.Sprintf("    server-id %q;\n    minimal-any yes;\n", NSID)))
			for _, apex := range apexes(zones) {
				// Kubernetes' own records have no underscore where a host's
				// name must not, but ports' names do.
				text += fmt.Sprintf("zone %q { type primary; file %q; check-names ignore; };\n", apex, zones[apex])
			}
			return text
		},
		args: func(config string) []string {
			// In the foreground, logging to standard error.
			return []string{"-g", "-n", fmt.Sprint(o.workers()), "-c", config}
		},
	})
}

func (o Options) workers() int { return cmp.Or(o.Workers, 1) }

func ifSet(on bool, text string) string {
	if on {
		return text
	}
	return ""
}

func apexes(zones map[string]string) []string { return slices.Sorted(maps.Keys(zones)) }

// A daemon is what differs between the servers of Debian's packages.
type daemon struct {
	pkg, program string
	version      string                       // the flag that makes it print its version
	config       func(port string) string     // the configuration's text
	args         func(config string) []string // the program's, given the configuration's path
}

func startAuthority(ctx context.Context, dir string, zones map[string]string, o Options, d daemon) (*Server, error) {
	return d.start(ctx, dir, o, func(ctx context.Context, server netip.AddrPort) error {
		return serves(ctx, server, apexes(zones))
	})
}

// start starts the server, and returns when ready, which is called again until
// then, gives nil.
func (d daemon) start(ctx context.Context, dir string, o Options, ready func(context.Context, netip.AddrPort) error) (*Server, error) {
	root, err := Debian(ctx, o.Logf, d.pkg)
	if err != nil {
		return nil, err
	}
	env, err := Environment(root)
	if err != nil {
		return nil, fmt.Errorf("finding the libraries of %s: %w", d.pkg, err)
	}
	port := o.Port
	if port == "" {
		ports, err := process.FreePorts(1)
		if err != nil {
			return nil, err
		}
		port = ports[0]
	}
	version, err := d.number(ctx, root, env)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, d.program+".conf")
	if err := os.WriteFile(config, []byte(d.config(port)), 0o644); err != nil {
		return nil, fmt.Errorf("writing the configuration of %s: %w", d.pkg, err)
	}
	command := append(slices.Clone(o.Command), filepath.Join(root, "usr/sbin", d.program))
	command = append(command, d.args(config)...)
	p, err := process.Start(process.Spec{
		Name: d.program, Path: command[0], Args: command[1:], Env: env,
		Log: filepath.Join(dir, d.program+".log"),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("not ready within a minute"))
	defer cancel()
	addr, err := netip.ParseAddrPort("127.0.0.1:" + port)
	if err == nil {
		err = p.Ready(ctx, func(ctx context.Context) error { return ready(ctx, addr) })
	}
	if err != nil {
		p.Kill()
		return nil, err
	}
	return &Server{Server: dnsquery.Server{Addr: addr}, Process: p, Version: version}, nil
}

// number returns the version that the program prints, digits and dots alone.
func (d daemon) number(ctx context.Context, root string, env []string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(root, "usr/sbin", d.program), d.version)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	found := versionNumber.Find(out)
	if err == nil && found == nil {
		err = fmt.Errorf("no number in %q", out)
	}
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", d.program, err)
	}
	return string(found), nil
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// serves returns nil if the server is an authority for each zone, asked over TCP
// and over UDP.
func serves(ctx context.Context, server netip.AddrPort, zones []string) error {
	for _, network := range []string{"tcp", "udp"} {
		client := dns.Client{Net: network, Timeout: time.Second}
		for _, apex := range zones {
			question := new(dns.Msg)
			question.SetQuestion(apex, dns.TypeSOA)
			reply, _, err := client.ExchangeContext(ctx, question, server.String())
			if err != nil {
				return err
			}
			if reply.Rcode != dns.RcodeSuccess || !reply.Authoritative || len(reply.Answer) == 0 {
				return fmt.Errorf("%s for the SOA of %s", strings.ToLower(dns.RcodeToString[reply.Rcode]), apex)
			}
		}
	}
	return nil
}
