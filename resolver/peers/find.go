package peers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// finder makes look-ups, and remembers between them what spares queries. It belongs
// to one goroutine.
type finder struct {
	plan   *plan
	client client
	full   string // the candidate that had peers; empty for none
	stream bool   // SRV records and their addresses were too many for UDP
	alike  int    // of how many targets TCP gave no more than UDP
	names  map[netip.Addr]knownName
}

// knownName is what an address was called by PTR.
type knownName struct {
	name string
	asOf time.Time
}

// nameAge is how long the name of an address is taken for known while the address
// stays in the set.
const nameAge = 30 * time.Second

// concurrent is how many queries of one look-up are under way at a time.
const concurrent = 8

func newFinder(p *plan) *finder {
	return &finder{plan: p, client: client{servers: p.Servers, timeout: p.Timeout}}
}

// forget has the next look-up walk the whole search path again.
func (f *finder) forget() { f.full, f.stream, f.alike, f.names = "", false, 0, nil }

// find returns the peers, sorted, and the full name that has them, without final dot.
// Without peers both are empty.
func (f *finder) find(ctx context.Context) (full string, peers []Peer, err error) {
	candidates := f.plan.candidates
	if f.full != "" {
		candidates = []string{f.full}
	}
	for i, name := range candidates {
		peers, err := f.findAt(ctx, name)
		var refusal *rcodeError
		switch {
		// The cluster has denied the name, and its server is not for the names of
		// the world outside.
		case i > 0 && i == len(candidates)-1 && f.plan.asIs && errors.As(err, &refusal) && refusal.rcode == dns.RcodeRefused:
		case err != nil:
			return "", nil, err
		case len(peers) > 0:
			f.full = name
			return strings.TrimSuffix(name, "."), peers, nil
		}
	}
	return "", nil, nil
}

// findAt returns the peers of a full name.
func (f *finder) findAt(ctx context.Context, name string) ([]Peer, error) {
	owner := f.plan.prefix + name
	if len(owner) > maxName+1 {
		return nil, nil
	}
	reply, targets, err := f.services(ctx, owner)
	if err != nil {
		return nil, err
	}
	if len(targets) > 0 {
		return f.addressed(ctx, reply, targets)
	}
	if reply.Rcode == dns.RcodeNameError || f.plan.prefix != "" {
		return nil, nil
	}
	return f.byAddress(ctx, name)
}

// services returns the reply with a name's SRV records, and their targets. It goes by
// TCP once addresses have not fitted into a datagram: the additional section is cut
// short without a word (RFC 2181 section 9).
func (f *finder) services(ctx context.Context, owner string) (*dns.Msg, map[string][]uint16, error) {
	reply, err := f.client.ask(ctx, owner, dns.TypeSRV, f.stream)
	if err != nil {
		return nil, nil, err
	}
	targets := f.targets(reply)
	reply.Compress = true
	switch size := reply.Len(); {
	case size > udpSize:
		f.stream = true // so it came by TCP
	case f.stream:
		f.stream = size > udpSize/2
	case len(targets) != f.alike && lacksAddresses(reply, targets):
		whole, err := f.client.ask(ctx, owner, dns.TypeSRV, true)
		if err != nil {
			return nil, nil, err
		}
		f.alike = 0
		if f.stream = len(whole.Extra) > len(reply.Extra); !f.stream {
			f.alike = len(targets)
		}
		return whole, f.targets(whole), nil
	}
	return reply, targets, nil
}

// targets returns the targets of SRV records with their ports, by name.
func (f *finder) targets(reply *dns.Msg) map[string][]uint16 {
	all := make(map[string][]uint16)
	for _, rr := range chain(reply, dns.TypeSRV) {
		srv := rr.(*dns.SRV)
		target := normal(srv.Target)
		if !isHost(target) { // "." among them: no such service (RFC 2782)
			f.plan.Logger.Warn("a target that is no host name is left out", slog.String("record", srv.String()))
			continue
		}
		all[target] = append(all[target], srv.Port)
	}
	return all
}

// lacksAddresses reports whether a reply may have lost additional records: a target
// has none, or a further one would not have fitted.
func lacksAddresses(reply *dns.Msg, targets map[string][]uint16) bool {
	const room = 64 // for an AAAA record, and some
	if len(targets) == 0 {
		return false
	}
	have := glue(reply)
	for target := range targets {
		if len(have[target]) == 0 {
			return true
		}
	}
	return reply.Len() > udpSize-room
}

// glue returns the addresses in a reply by name.
func glue(reply *dns.Msg) map[string][]netip.Addr {
	all := make(map[string][]netip.Addr)
	for _, rr := range slices.Concat(reply.Answer, reply.Extra) {
		if addr, ok := address(rr); ok {
			name := normal(rr.Header().Name)
			all[name] = append(all[name], addr)
		}
	}
	return all
}

// addressed returns the peers of SRV records, with the addresses of their targets.
func (f *finder) addressed(ctx context.Context, reply *dns.Msg, targets map[string][]uint16) ([]Peer, error) {
	have := glue(reply)
	peers := make([]Peer, 0, len(targets))
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		peers = append(peers, Peer{Name: name, Addresses: sorted(have[name]), Port: f.port(targets[name])})
	}
	err := each(ctx, len(peers), func(ctx context.Context, i int) (err error) {
		if len(peers[i].Addresses) == 0 {
			peers[i].Addresses, err = f.addresses(ctx, peers[i].Name+".")
		}
		return err
	})
	return peers, err
}

// port returns the port of a target that SRV records give these ports: the least of
// several if a port was asked for by name, as while its number changes.
func (f *finder) port(ports []uint16) uint16 {
	low := slices.Min(ports)
	switch {
	case f.plan.number != 0:
		return f.plan.number
	case f.plan.prefix == "" && slices.Max(ports) != low:
		return 0
	}
	return low
}

// addresses returns the A and AAAA records of a name.
func (f *finder) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	found := make([][]netip.Addr, len(types))
	err := each(ctx, len(types), func(ctx context.Context, i int) error {
		reply, err := f.client.ask(ctx, name, types[i], false)
		if err != nil {
			return err
		}
		for _, rr := range chain(reply, types[i]) {
			if addr, ok := address(rr); ok {
				found[i] = append(found[i], addr)
			}
		}
		return nil
	})
	return sorted(slices.Concat(found...)), err
}

// byAddress returns the peers of a name that has addresses and no SRV.
func (f *finder) byAddress(ctx context.Context, name string) ([]Peer, error) {
	addrs, err := f.addresses(ctx, name)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	names := make([]knownName, len(addrs))
	err = each(ctx, len(addrs), func(ctx context.Context, i int) (err error) {
		if known, ok := f.names[addrs[i]]; ok && now.Sub(known.asOf) < nameAge {
			names[i] = known
			return nil
		}
		names[i].asOf = now
		names[i].name, err = f.nameOf(ctx, addrs[i], name)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.names = make(map[netip.Addr]knownName, len(addrs))
	byName := make(map[string][]netip.Addr)
	for i, addr := range addrs {
		f.names[addr] = names[i]
		byName[names[i].name] = append(byName[names[i].name], addr)
	}
	var peers []Peer
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		peers = append(peers, Peer{Name: name, Addresses: byName[name], Port: f.plan.number})
	}
	return peers, nil
}

// nameOf returns what an address of a name is called.
func (f *finder) nameOf(ctx context.Context, addr netip.Addr, of string) (string, error) {
	reverse, err := dns.ReverseAddr(addr.String())
	if err != nil {
		return "", err
	}
	reply, err := f.client.ask(ctx, reverse, dns.TypePTR, false)
	if err != nil {
		return "", err
	}
	var names []string
	for _, rr := range chain(reply, dns.TypePTR) {
		if name := normal(rr.(*dns.PTR).Ptr); isHost(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n+".", "."+of) }); i >= 0 {
		return names[i], nil
	}
	if len(names) > 0 {
		return names[0], nil
	}
	return addr.String(), nil
}

// chain returns the records of a type that a reply has at the name asked for, or
// where its CNAME records lead from there.
func chain(reply *dns.Msg, typ uint16) (records []dns.RR) {
	if reply.Rcode != dns.RcodeSuccess {
		return nil
	}
	at := reply.Question[0].Name
	for range len(reply.Answer) + 1 {
		next := ""
		for _, rr := range reply.Answer {
			switch {
			case !strings.EqualFold(rr.Header().Name, at) || rr.Header().Class != dns.ClassINET:
			case rr.Header().Rrtype == typ:
				records = append(records, rr)
			case rr.Header().Rrtype == dns.TypeCNAME:
				next = rr.(*dns.CNAME).Target
			}
		}
		if len(records) > 0 || next == "" {
			return records
		}
		at = next
	}
	return nil // in a circle
}

// address returns the address that an A or AAAA record has.
func address(rr dns.RR) (netip.Addr, bool) {
	var addr netip.Addr
	ok := false
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		addr, ok = netip.AddrFromSlice(rr.AAAA)
	}
	return addr.Unmap(), ok
}

// normal returns a name in lower case and without final dot.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// each calls do for 0 to n-1, some at a time, until one fails, and returns why it did.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	places := make(chan struct{}, concurrent)
	for i := range n {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-places }()
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}
