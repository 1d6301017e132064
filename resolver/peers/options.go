package peers

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What Options stand for if they don't say. The interval is the TTL that servers of
// Kubernetes give by default: whoever asks through a cache sees nothing sooner.
const (
	DefaultInterval   = 5 * time.Second
	DefaultTimeout    = 2 * time.Second
	DefaultEmptyAfter = 5 * time.Second
	DefaultResolvConf = "/etc/resolv.conf"
)

// Options say how peers are looked up. The zero value is right in a pod. Time is
// that of package time: in a testing/synctest bubble it is the bubble's.
type Options struct {
	// Interval is the longest time from the begin of one look-up to that of the
	// next. It is a third of that for half a minute after the start and after each
	// change, as peers come and go together, and while an empty answer is not believed
	// yet; and each pause is by chance up to a fifth shorter, so that many watchers
	// spread. DefaultInterval if zero.
	Interval time.Duration
	// Timeout is how long one server has for one answer. DefaultTimeout if zero.
	Timeout time.Duration
	// EmptyAfter is how long an empty answer must be given without a break to take
	// the place of a set with peers. DefaultEmptyAfter if zero; negative: at once.
	EmptyAfter time.Duration

	// Servers are asked in place of those in ResolvConf: ADDRESS or ADDRESS:PORT.
	Servers []string
	// ResolvConf is a file in the format of resolv.conf(5), of which the servers,
	// search and ndots count. DefaultResolvConf if empty. It is not read where
	// Servers and Search are both given.
	ResolvConf string
	// Search is a search path in place of that of ResolvConf, with ndots:5 as pods
	// have. If empty but not nil there is none.
	Search []string

	// Port is the name of the port to look up SRV records of, or the number of the
	// port that all peers have. If empty, a peer's port is that of its SRV
	// records where they name one port only.
	Port string
	// Proto is the protocol of a named Port. "tcp" if empty.
	Proto string

	// ExcludeSelf leaves this process itself out of the sets (Set.Self).
	ExcludeSelf bool
	// Self says which peer is this process: the first label of its name, or an
	// address. If nil, the host's name and the addresses of its interfaces are tried
	// in that order.
	Self []string

	// Failed, if set, is called after each look-up that failed, by the goroutine
	// that runs the loop.
	Failed func(error)
	// Logger hears when a set becomes stale and when it is no longer, and of
	// targets that are left out. If nil, nobody does.
	Logger *slog.Logger
}

// The ndots of pods.
const podNdots = 5

// plan is Options and a name, checked.
type plan struct {
	Options
	candidates []string // full names to look up, in order, lower-case, with final dots
	asIs       bool     // the last candidate is the name itself, after those of a search path
	number     uint16   // the port of all peers, if not 0
	prefix     string   // of the SRV records' owner: "_port._proto."; empty for none
}

// newPlan fills in defaults, reads resolv.conf, and refuses what makes no sense.
func newPlan(name string, o Options) (*plan, error) {
	p := &plan{Options: o}
	for _, d := range []struct {
		value        *time.Duration
		name         string
		defaultValue time.Duration
	}{{&p.Interval, "Interval", DefaultInterval}, {&p.Timeout, "Timeout", DefaultTimeout}} {
		if *d.value < 0 {
			return nil, fmt.Errorf("%s %s: want a positive duration", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.defaultValue
		}
	}
	if p.EmptyAfter == 0 {
		p.EmptyAfter = DefaultEmptyAfter
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if err := p.setPort(); err != nil {
		return nil, err
	}
	ndots, err := p.readConf()
	if err != nil {
		return nil, err
	}
	if p.candidates, p.asIs, err = candidates(name, p.Search, ndots); err != nil {
		return nil, err
	}
	if p.Self == nil {
		p.Self = selves()
	}
	return p, nil
}

func (p *plan) setPort() error {
	proto := strings.ToLower(p.Proto)
	if proto == "" {
		proto = "tcp"
	}
	if p.Port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(p.Port, 10, 16); err == nil && n > 0 {
		p.number = uint16(n)
		return nil
	}
	port := strings.ToLower(strings.TrimPrefix(p.Port, "_"))
	if len(port) > 62 || !isHost(port) || strings.Contains(port, ".") || strings.Trim(port, "0123456789") == "" {
		return fmt.Errorf("port %q: want the name of a port, such as web, or a number from 1 to 65535", p.Port)
	}
	if !slices.Contains([]string{"tcp", "udp", "sctp"}, proto) {
		return fmt.Errorf("protocol %q: want tcp, udp or sctp", p.Proto)
	}
	p.prefix = "_" + port + "._" + proto + "."
	return nil
}

// readConf settles Servers and Search, and returns ndots.
func (p *plan) readConf() (ndots int, err error) {
	ndots = podNdots
	if len(p.Servers) == 0 || p.Search == nil {
		path := p.ResolvConf
		if path == "" {
			path = DefaultResolvConf
		}
		conf, err := dns.ClientConfigFromFile(path)
		if err != nil {
			return 0, fmt.Errorf("reading the resolver's configuration: %w", err)
		}
		if len(p.Servers) == 0 {
			p.Servers = conf.Servers
		}
		if len(p.Servers) == 0 {
			return 0, fmt.Errorf("%s has no nameserver; name a server", path)
		}
		if p.Search == nil {
			p.Search, ndots = conf.Search, conf.Ndots
		}
	}
	servers := make([]string, len(p.Servers))
	for i, s := range p.Servers {
		if servers[i], err = withPort(s); err != nil {
			return 0, err
		}
	}
	p.Servers = servers
	return ndots, nil
}

// withPort returns a server's address with a port, 53 if it has none.
func withPort(server string) (string, error) {
	if addr, err := netip.ParseAddr(strings.Trim(server, "[]")); err == nil {
		return netip.AddrPortFrom(addr, 53).String(), nil
	}
	at, err := netip.ParseAddrPort(server)
	if err != nil || at.Port() == 0 {
		return "", fmt.Errorf("server %q: want an address or address:port, as 10.96.0.10, 127.0.0.1:5300 or [::1]:53", server)
	}
	return at.String(), nil
}

// candidates returns the full names that a name may stand for, in order, and
// whether the last is the name itself after others (resolv.conf(5): search, ndots).
func candidates(name string, search []string, ndots int) (names []string, asIs bool, err error) {
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	if lower == "" {
		return nil, false, errors.New("want a name, such as that of a Service")
	}
	if !isHost(lower) {
		return nil, false, fmt.Errorf("name %q: want labels of 1 to 63 letters, digits, hyphens and underscores, and 253 bytes at most", name)
	}
	absolute := lower + "."
	if strings.HasSuffix(name, ".") {
		return []string{absolute}, false, nil
	}
	for _, suffix := range search {
		suffix = strings.ToLower(strings.Trim(suffix, "."))
		switch full := lower + "." + suffix; {
		case suffix == "": // the root: the name as it is
		case !isHost(suffix):
			return nil, false, fmt.Errorf("search path %q: want a domain, such as default.svc.cluster.local", suffix)
		case len(full) <= maxName:
			names = append(names, full+".")
		}
	}
	switch dots := strings.Count(lower, "."); {
	case dots >= ndots || len(names) == 0:
		names = append([]string{absolute}, names...)
	case dots > 0: // a single label is no top-level domain to ask the root of
		names, asIs = append(names, absolute), true
	}
	return slices.Compact(names), asIs, nil
}

// maxName is how long a name may be as text without its final dot (RFC 1035
// section 2.3.4: 255 octets on the wire).
const maxName = 253

// isHost reports whether a name without final dot is made of labels of letters,
// digits, hyphens and underscores: what no shell, hosts file or line-wise
// reader takes for anything else.
func isHost(name string) bool {
	if len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// joinPort is net.JoinHostPort with a number.
func joinPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
