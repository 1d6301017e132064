package resolvertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/rollcall-dns/rollcall/zone"
)

// Dialer is DialerIn of the namespace default.
func (s *Server) Dialer() *Dialer { return s.DialerIn(defaultNamespace) }

// DialerIn returns a Dialer that looks names up as a pod in a namespace does.
func (s *Server) DialerIn(namespace string) *Dialer {
	return &Dialer{server: s, resolver: s.ResolverIn(namespace)}
}

// Dialer connects to pods. Its DialContext is for http.Transport and the like.
type Dialer struct {
	server   *Server
	resolver *net.Resolver
	plain    net.Dialer
}

// Dial is DialContext without a context.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address, host:port, over TCP. A host's name is asked for at
// the Server, and its addresses are tried in turn. What is at an address:
//
//   - a pod's listener (Server.Listen), whether the pod is ready or not; without one,
//     the connection is refused, as by a pod that does not listen;
//   - a ClusterIP leads to the pods behind it that are ready, to one after the other. It
//     is refused if there are none, or if the Service has no such port;
//   - addresses of the loopback interface are what they are; so are others if there is
//     a Forward, and unreachable if there is none.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	failed := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	lookup, ok := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}[network]
	if !ok {
		return failed(net.UnknownNetworkError(network))
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return failed(err)
	}
	port, err := d.resolver.LookupPort(ctx, network, service)
	if err != nil {
		return failed(err)
	}
	addrs, err := d.resolver.LookupNetIP(ctx, lookup, host)
	if err != nil {
		return failed(err)
	}
	var errs []error
	for _, addr := range addrs {
		c, err := d.connect(ctx, network, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// connect connects to one address.
func (d *Dialer) connect(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	if to.Addr().IsLoopback() {
		return d.plain.DialContext(ctx, network, to.String())
	}
	at, found := d.server.pods.at(to)
	if !found {
		var pod podPort
		if pod, found = d.server.route(to); found {
			at = d.server.pods.of(pod)
		}
	}
	switch {
	case at.IsValid():
		return d.plain.DialContext(ctx, "tcp", at.String())
	case !found && d.server.foreign:
		return d.plain.DialContext(ctx, network, to.String())
	case !found:
		return nil, refusal(network, to, syscall.EHOSTUNREACH)
	}
	return nil, refusal(network, to, syscall.ECONNREFUSED)
}

// refusal is the error of a connection that the system would not make.
func refusal(network string, to netip.AddrPort, reason syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: os.NewSyscallError("connect", reason)}
}

// podPort is a port of a pod. The zero value is none.
type podPort struct {
	pod  zone.Key
	port uint16
}

// route returns which pod an address leads to; it is no pod if the address is a
// ClusterIP that nothing is behind. Found says whether the cluster has the address.
func (s *Server) route(to netip.AddrPort) (pod podPort, found bool) {
	for _, z := range s.control.Zones() {
		for _, o := range z.Objects(zone.EndpointSlices) {
			for _, e := range o.(*zone.EndpointSlice).Endpoints {
				if slices.Contains(e.Addresses, to.Addr()) {
					return podPort{zone.Key{Namespace: o.Key().Namespace, Name: e.Pod}, to.Port()}, true
				}
			}
		}
		for _, o := range z.Objects(zone.Services) {
			if svc := o.(*zone.Service); slices.Contains(svc.ClusterIPs, to.Addr()) {
				return s.pods.next(svc.Key(), behind(z, svc, to)), true
			}
		}
	}
	return podPort{}, false
}

// behind returns the ready endpoints of a Service's address and port, in order.
func behind(z *zone.Zone, svc *zone.Service, to netip.AddrPort) (pods []podPort) {
	at := slices.IndexFunc(svc.Ports, func(p zone.Port) bool { return p.Number == to.Port() && p.Protocol == zone.TCP })
	if at < 0 {
		return nil
	}
	for _, o := range z.Objects(zone.EndpointSlices) {
		slice := o.(*zone.EndpointSlice)
		if slice.Namespace != svc.Namespace || slice.Service != svc.Name {
			continue
		}
		for _, p := range slice.Ports {
			if p.Name != svc.Ports[at].Name || p.Protocol != zone.TCP {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.Ready && slices.ContainsFunc(e.Addresses, func(a netip.Addr) bool { return a.Is4() == to.Addr().Is4() }) {
					pods = append(pods, podPort{zone.Key{Namespace: slice.Namespace, Name: e.Pod}, p.Number})
				}
			}
		}
	}
	slices.SortFunc(pods, func(a, b podPort) int {
		return cmp.Or(strings.Compare(a.pod.Name, b.pod.Name), cmp.Compare(a.port, b.port))
	})
	return slices.Compact(pods)
}
