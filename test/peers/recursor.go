package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/process"
)

// Recursion says what a Recursor resolves, and how it is reached.
type Recursion struct {
	// Zones are the servers that have authority, by the zone's apex. The root is
	// one of them, as nothing outside of the machine is asked.
	Zones map[string]netip.AddrPort
	// Cert and Key are PEM files, with which it speaks DNS over TLS as well.
	Cert, Key string
	// Lines are added to the section "server" of its configuration.
	Lines []string
}

// A Recursor is an Unbound that resolves by itself, from the root down. It can be
// stopped and started again, and tells what it was asked.
type Recursor struct {
	*Server
	TLS     netip.AddrPort // invalid without a certificate
	control string         // the socket of unbound-control
}

// Recursive starts Unbound, and returns when it has resolved the root. It does not
// validate, as the zones of tests are not signed. Its files go into dir, whose path
// must be short enough for a Unix socket's. The caller stops it.
func Recursive(ctx context.Context, dir string, r Recursion, o Options) (*Recursor, error) {
	u := &Recursor{control: filepath.Join(dir, "unbound.sock")}
	var tls string
	if r.Cert != "" {
		ports, err := process.FreePorts(1)
		if err != nil {
			return nil, err
		}
		u.TLS = netip.MustParseAddrPort("127.0.0.1:" + ports[0])
		tls = fmt.Sprintf("    interface: 127.0.0.1@%[1]s\n    tls-port: %[1]s\n    tls-service-pem: %[2]q\n    tls-service-key: %[3]q\n", ports[0], r.Cert, r.Key)
	}
	d := daemon{
		pkg: "unbound", program: "unbound", version: "-V",
		config: func(port string) string {
			text := fmt.Sprintf(`server:
    interface: 127.0.0.1@%[2]s
    num-threads: %[3]d
    username: ""
    chroot: ""
    directory: %[1]q
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-queries: yes
    extended-statistics: yes
    module-config: "iterator"
    do-not-query-localhost: no
`, dir, port, o.workers())
			text += tls
			for _, apex := range slices.Sorted(maps.Keys(r.Zones)) {
				// Reverse zones of private networks are empty by default.
				text += fmt.Sprintf("    local-zone: %q nodefault\n", apex)
			}
			for _, line := range r.Lines {
				text += "    " + line + "\n"
			}
			for _, apex := range slices.Sorted(maps.Keys(r.Zones)) {
				text += fmt.Sprintf("stub-zone:\n    name: %q\n    stub-addr: %s@%d\n", apex, r.Zones[apex].Addr(), r.Zones[apex].Port())
			}
			return text + fmt.Sprintf("remote-control:\n    control-enable: yes\n    control-use-cert: no\n    control-interface: %q\n", u.control)
		},
		// In the foreground, logging to standard error.
		args: func(config string) []string { return []string{"-d", "-c", config} },
	}
	var err error
	u.Server, err = d.start(ctx, dir, o, resolvesRoot)
	return u, err
}

// resolvesRoot returns nil if the server knows the root's name servers.
func resolvesRoot(ctx context.Context, server netip.AddrPort) error {
	client := dns.Client{Timeout: time.Second}
	reply, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(".", dns.TypeNS), server.String())
	if err == nil && len(reply.Answer) == 0 {
		err = fmt.Errorf("%s for the root", strings.ToLower(dns.RcodeToString[reply.Rcode]))
	}
	return err
}

// Stop stops it; its address stays its own.
func (u *Recursor) Stop() error { return u.Process.Stop(10 * time.Second) }

// Start starts it again after Stop, at the same addresses and with nothing in its
// cache.
func (u *Recursor) Start(ctx context.Context) error {
	p, err := u.Process.Restart()
	if err != nil {
		return err
	}
	u.Process = p
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("not ready within 30 seconds"))
	defer cancel()
	return u.Process.Ready(ctx, func(ctx context.Context) error { return resolvesRoot(ctx, u.Addr) })
}

// Asked returns the questions that came since it was first started, "NAME TYPE"
// each, in the case that they were asked in.
func (u *Recursor) Asked() (all []string) {
	for line := range strings.Lines(u.Process.Tail(1 << 20)) {
		// [TIME] unbound[PID:THREAD] info: ADDRESS NAME TYPE CLASS
		f := strings.Fields(line)
		if len(f) != 7 || f[2] != "info:" {
			continue
		}
		if _, err := netip.ParseAddr(f[3]); err == nil {
			all = append(all, f[4]+" "+f[5])
		}
	}
	return all
}

// Count returns one of the numbers that "unbound-control stats" shows, such as
// num.query.tcp, of the time since it was last started.
func (u *Recursor) Count(ctx context.Context, name string) (int, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", u.control)
	if err != nil {
		return 0, fmt.Errorf("asking unbound for its numbers: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, "UBCT1 stats_noreset\n"); err != nil {
		return 0, fmt.Errorf("asking unbound for its numbers: %w", err)
	}
	text, err := io.ReadAll(c)
	if err != nil {
		return 0, fmt.Errorf("asking unbound for its numbers: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key == name {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("unbound has no number %s in %q", name, text)
}
