package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// builder makes resolvers of targets such as peers:///nginx: each follows the peers
// of a Service.
type builder struct{ options peers.Options }

// Scheme is that of the targets.
func (builder) Scheme() string { return "peers" }

// Build starts to follow the peers of the target.
func (b builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	ctx, cancel := context.WithCancel(context.Background())
	o := b.options
	o.Failed = cc.ReportError // of use before the first set; later the set is kept
	updates, err := peers.Watch(ctx, target.Endpoint(), o)
	if err != nil {
		cancel()
		return nil, err
	}
	r := following{cancel, make(chan struct{})}
	go func() {
		defer close(r.ended)
		for update := range updates {
			var state resolver.State
			for _, p := range update.Peers {
				for _, addr := range p.HostPorts() {
					state.Addresses = append(state.Addresses, resolver.Address{Addr: addr, ServerName: p.Name})
				}
			}
			_ = cc.UpdateState(state) // an error asks for another look-up, which comes anyway
		}
	}()
	return r, nil
}

// following is a resolver of gRPC.
type following struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// ResolveNow does nothing: the next look-up is never far.
func (following) ResolveNow(resolver.ResolveNowOptions) {}

// Close ends the following.
func (f following) Close() {
	f.cancel()
	<-f.ended
}

// gRPC spreads its calls over the pods of a Service, and follows them as they come
// and go.
func Example_grpc() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	port, stop, err := serveHealth(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	if err := scale("backend", port, 2); err != nil {
		fmt.Println(err)
		return
	}
	conn, err := grpc.NewClient("peers:///backend",
		grpc.WithResolvers(builder{peers.Options{
			Servers: []string{server.Addr.String()}, Search: []string{"default.svc.cluster.local"},
			Port: "peer", Interval: 50 * time.Millisecond,
		}}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	client := grpc_health_v1.NewHealthClient(conn)
	for _, pods := range []int{2, 3, 1} {
		if err := scale("backend", port, pods); err != nil {
			fmt.Println(err)
			return
		}
		hosts, err := reached(ctx, client, pods)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hosts)
	}
	// Output:
	// [127.0.0.2 127.0.0.3]
	// [127.0.0.2 127.0.0.3 127.0.0.4]
	// [127.0.0.2]
}

// reached calls until as many calls as are enough to tell have reached n servers, and
// returns which. Within ctx.
func reached(ctx context.Context, client grpc_health_v1.HealthClient, n int) ([]string, error) {
	for {
		var hosts []string
		for range 4 * n { // each server's turn comes some times
			var p peer.Peer
			_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true), grpc.Peer(&p))
			if err != nil {
				return nil, err
			}
			host, _, err := net.SplitHostPort(p.Addr.String())
			if err != nil {
				return nil, err
			}
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
		if slices.Sort(hosts); len(hosts) == n {
			return hosts, nil
		}
	}
}

// serveHealth serves gRPC's health service as pods would, on the same port of
// addresses of their own.
func serveHealth(pods int) (port int, stop func(), err error) {
	var servers []*grpc.Server
	stop = func() {
		for _, s := range servers {
			s.Stop()
		}
	}
	for i := range pods {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address(i), port))
		if err != nil {
			return 0, nil, errors.Join(err, fmt.Errorf("pod %d", i))
		}
		port = l.Addr().(*net.TCPAddr).Port
		s := grpc.NewServer()
		grpc_health_v1.RegisterHealthServer(s, health.NewServer())
		servers = append(servers, s)
		go func() { _ = s.Serve(l) }() // until it is stopped
	}
	return port, stop, nil
}
