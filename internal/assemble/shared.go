package assemble

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
	"github.com/rollcall-dns/rollcall/resolver/server"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
)

// What server blocks share: the sockets that several listen on, and the cookies
// of the process. One block may speak for all, and those that speak must agree.

// shared is what some blocks say, by one directive, of something that they share.
type shared[C comparable] struct {
	config C
	at     corefile.Pos // of the first directive that says so
	said   bool
}

// take takes in what a block says, if anything: c is its directive of that name.
// What is the thing shared, for the error.
func (s *shared[C]) take(b *block, name, what string, c *C) error {
	if c == nil {
		return nil
	}
	d := b.Find(name)[0]
	if !s.said {
		*s = shared[C]{*c, d.Pos, true}
	}
	if s.config != *c {
		return d.Errorf("differs from that at %s, and both are for %s", s.at, what)
	}
	return nil
}

// sockets is what blocks say of the sockets that they listen on.
type sockets struct {
	timeouts    shared[timeouts.Config]
	multisocket shared[multisocket.Config]
}

// take takes in what a block says of the sockets of an address.
func (s *sockets) take(b *block, addr string) error {
	what := "the sockets of " + addr
	if err := s.timeouts.take(b, "timeouts", what, b.timeouts); err != nil {
		return err
	}
	return s.multisocket.take(b, "multisocket", what, b.multisocket)
}

// readers returns how many readers the sockets have; 0 for the server's default.
func (s *sockets) readers() int { return s.multisocket.config.Readers }

// idle returns for how long connections may idle, which is also what clients are
// told of.
func (s *sockets) idle() time.Duration {
	if idle := s.timeouts.config.Idle; idle > 0 {
		return idle
	}
	return server.DefaultIdleTimeout
}

// checkShared checks that blocks agree, as far as that can be told without this
// machine's interfaces: two names of one address are found when it is listened on.
func (p *Plan) checkShared() []error {
	var errs []error
	byAddr := map[string]*sockets{}
	for i := range p.blocks {
		b := &p.blocks[i]
		hosts, err := b.hostsBy(noInterface)
		if err != nil {
			continue // all of them are interfaces, or it is told when they are looked up
		}
		for _, addr := range b.addrs(hosts) {
			if byAddr[addr] == nil {
				byAddr[addr] = new(sockets)
			}
			if err := byAddr[addr].take(b, addr); err != nil {
				errs = append(errs, err)
				break // the block's other addresses would say the same
			}
		}
	}
	if _, err := p.cookies(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// noInterface is a bind.Lookup by which every name but an IP address is an
// interface without addresses.
func noInterface(name string) ([]netip.Addr, bool, error) {
	_, err := netip.ParseAddr(name)
	return nil, err != nil, nil
}

// addrs returns the addresses, host:port, of a block that listens on hosts.
func (b *block) addrs(hosts []string) []string {
	var addrs []string
	for _, key := range b.Keys {
		for _, host := range hosts {
			addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(key.Port)))
		}
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

// cookies returns what the blocks say of cookies.
func (p *Plan) cookies() (shared[cookies.Config], error) {
	var s shared[cookies.Config]
	for i := range p.blocks {
		if err := s.take(&p.blocks[i], "cookies", "the process", p.blocks[i].cookies); err != nil {
			return s, err
		}
	}
	return s, nil
}

// jar makes the cookies of the process: replicas that are to accept each other's
// need the same file of secrets. Nil is none.
func (p *Plan) jar() (*cookies.Jar, error) {
	s, err := p.cookies()
	if err != nil {
		return nil, err
	}
	jar, err := s.config.Jar()
	if err != nil {
		return nil, s.at.Errorf("cookies: %w", err)
	}
	return jar, nil
}

// hasChaos reports whether a block answers questions of class CH.
func (p *Plan) hasChaos() bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return b.chaos != nil })
}
