package resolvertest

import (
	"context"
	"net"
)

// Resolver returns a resolver that asks the Server, in place of the servers in
// /etc/resolv.conf. It is Go's own, and what else that takes from the machine is
// the machine's: /etc/hosts, and the search list and options of /etc/resolv.conf. Names
// are to be whole: "web-0.web.default.svc.cluster.local". ResolverIn has the search
// path of a pod.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: s.dial}
}

// dial connects to the Server, whichever address a resolver wants.
func (s *Server) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.Addr())
}

// ResolverIn is Resolver with the search path and the ndots:5 of a pod in a
// namespace: "web-0.web" is found there, "web.other" and "web.other.svc" too.
//
// A net.Resolver has no search path but that of /etc/resolv.conf, which is one for the
// whole process. So it is the connections of this one that search: a name that Go
// asks for is looked for at each name that a pod would ask for, by a question each
// ([Server.Queries] has them), until one exists; the reply has a CNAME record to where
// it was found. What is different in a pod:
//
//   - Whether a name ends in a dot is not to be seen. A name in the cluster's zone, or of
//     an address, is asked for as it is; any other is looked for along the path first.
//   - A and AAAA are looked for each by itself. Both stop at the first name that exists,
//     whatever records it has, as musl's resolver does.
//   - Go walks the search list of the machine's /etc/resolv.conf too, where it has one,
//     and takes the first name in it that exists. That matters on a machine that is a pod
//     itself, in a namespace that the test has too.
func (s *Server) ResolverIn(namespace string) *net.Resolver {
	path := searchPath{zone: s.zone, domains: []string{namespace + ".svc." + s.zone, "svc." + s.zone, s.zone}}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := s.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return path.wrap(c), nil
	}}
}
