package resolvertest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/rollcall-dns/rollcall/zone"
)

// Listen returns a listener that is a pod's port: what Dialer connects to in the place
// of the pod's address, by itself or through a Service's. Pod is its name or
// namespace/name, or an address. The listener stands on the loopback interface, and is
// closed with the Server. The pod need not be there yet; one that is made anew under
// the same name, as a StatefulSet's, has the same listener.
func (s *Server) Listen(pod string, port int) (net.Listener, error) {
	s.t.Helper()
	l, err := s.pods.listen(pod, port, s.addr.Addr())
	if err != nil {
		return nil, s.check(fmt.Errorf("Listen(%q, %d): %w", pod, port, err))
	}
	return l, nil
}

// pods are the listeners of pods. The zero value has none.
type pods struct {
	mu     sync.Mutex
	byPod  map[podPort]*podListener        // guarded by mu, as all below
	byAddr map[netip.AddrPort]*podListener // of those that were named by address
	turns  map[zone.Key]int                // of Services: how many connections there were
	closed bool
}

// podListener is a listener that is forgotten once it is closed.
type podListener struct {
	net.Listener
	close func() error
}

// Close closes the listener.
func (l *podListener) Close() error { return l.close() }

func (l *podListener) at() netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

func (p *pods) listen(pod string, port int, host netip.Addr) (net.Listener, error) {
	if port < 1 || port > 65535 {
		return nil, errors.New("want a port from 1 to 65535")
	}
	if addr, err := netip.ParseAddr(pod); err == nil {
		return register(p, &p.byAddr, netip.AddrPortFrom(addr.Unmap(), uint16(port)), host)
	}
	key, err := parseKey(pod)
	if err != nil {
		return nil, err
	}
	return register(p, &p.byPod, podPort{key, uint16(port)}, host)
}

// register opens a listener, and puts it into one of p's maps.
func register[K comparable](p *pods, in *map[K]*podListener, key K, host netip.Addr) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, net.ErrClosed
	case (*in)[key] != nil:
		return nil, errors.New("there is a listener already")
	case *in == nil:
		*in = map[K]*podListener{}
	}
	open, err := net.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		return nil, err
	}
	l := &podListener{Listener: open}
	l.close = func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if (*in)[key] == l {
			delete(*in, key)
		}
		return open.Close()
	}
	(*in)[key] = l
	return l, nil
}

// at returns where the listener is that was named by an address.
func (p *pods) at(addr netip.AddrPort) (at netip.AddrPort, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.byAddr[addr]; l != nil {
		return l.at(), true
	}
	return netip.AddrPort{}, false
}

// of returns where a pod's listener is; it is invalid if there is none.
func (p *pods) of(pod podPort) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.byPod[pod]; l != nil {
		return l.at()
	}
	return netip.AddrPort{}
}

// next returns the pod whose turn it is of those behind a Service, none if there are
// none.
func (p *pods) next(service zone.Key, all []podPort) podPort {
	if len(all) == 0 {
		return podPort{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns == nil {
		p.turns = map[zone.Key]int{}
	}
	turn := p.turns[service]
	p.turns[service]++
	return all[turn%len(all)]
}

// close closes all listeners.
func (p *pods) close() {
	p.mu.Lock()
	p.closed = true
	var all []*podListener
	for _, l := range p.byPod {
		all = append(all, l)
	}
	for _, l := range p.byAddr {
		all = append(all, l)
	}
	p.mu.Unlock()
	for _, l := range all {
		l.Close()
	}
}
