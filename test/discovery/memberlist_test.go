package discovery

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// The members of a gossip cluster join those that DNS lists, and join again whenever
// it lists new ones, so that a cluster that fell apart grows together.
func Example_memberlist() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const pods = 3
	var members []*memberlist.Memberlist
	port := 0
	for i := range pods { // each would be a process of its own
		config := memberlist.DefaultLocalConfig()
		config.Name = fmt.Sprintf("gossip-%d", i)
		config.BindAddr, config.AdvertiseAddr = address(i), address(i)
		config.BindPort, config.AdvertisePort = port, port
		config.LogOutput = io.Discard
		m, err := memberlist.Create(config)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer m.Shutdown()
		members = append(members, m)
		port = int(m.LocalNode().Port)
	}
	if err := scale("gossip", port, pods); err != nil {
		fmt.Println(err)
		return
	}
	for i, m := range members {
		updates, err := peers.Watch(ctx, "gossip", peers.Options{
			Servers: []string{server.Addr.String()}, Search: []string{"default.svc.cluster.local"}, Port: "peer",
			ExcludeSelf: true, Self: []string{fmt.Sprintf("gossip-%d", i)}, // in a pod, that is the host's name
			Interval: 50 * time.Millisecond,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		go func() {
			for update := range updates {
				var addrs []string
				for _, p := range append(update.Added, update.Changed...) {
					addrs = append(addrs, p.HostPorts()...)
				}
				_, _ = m.Join(addrs) // who is not up yet joins us
			}
		}()
	}
	for _, m := range members {
		for m.NumMembers() < pods && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(m.LocalNode().Name, "has", m.NumMembers(), "members")
	}
	// Output:
	// gossip-0 has 3 members
	// gossip-1 has 3 members
	// gossip-2 has 3 members
}
