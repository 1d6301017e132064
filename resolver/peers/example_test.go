package peers_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// Follow the pods of a StatefulSet whose headless Service is called nginx.
func ExampleWatch() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// In a pod, the zero Options are right. Here is a server of the example's own.
	server, scale := clusterDNS("web-0", "web-1")
	updates, err := peers.Watch(ctx, "nginx.shop", peers.Options{
		Servers: []string{server}, Search: []string{"shop.svc.cluster.local", "svc.cluster.local"},
		Interval: 10 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for update := range updates {
		fmt.Println(len(update.Peers), "peers")
		for _, p := range update.Added {
			fmt.Println("  new:", p.Name, p.HostPorts())
		}
		for _, p := range update.Removed {
			fmt.Println("  gone:", p.Name)
		}
		if len(update.Peers) == 3 {
			break
		}
		scale("web-0", "web-2", "web-3")
	}
	// Output:
	// 2 peers
	//   new: web-0.nginx.shop.svc.cluster.local [10.0.0.1:80]
	//   new: web-1.nginx.shop.svc.cluster.local [10.0.0.1:80]
	// 3 peers
	//   new: web-2.nginx.shop.svc.cluster.local [10.0.0.1:80]
	//   new: web-3.nginx.shop.svc.cluster.local [10.0.0.1:80]
	//   gone: web-1.nginx.shop.svc.cluster.local
}

// Look up once, by a port's name.
func ExampleLookup() {
	server, _ := clusterDNS("web-0", "web-1")
	set, err := peers.Lookup(context.Background(), "nginx", peers.Options{
		Servers: []string{server}, Search: []string{"shop.svc.cluster.local"}, Port: "web",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(set.Names(), "\n"))
	// Output:
	// web-0.nginx.shop.svc.cluster.local
	// web-1.nginx.shop.svc.cluster.local
}

// clusterDNS stands for a cluster's DNS, with the pods of a Service nginx in the
// namespace shop. Scale changes which there are.
func clusterDNS(pods ...string) (addr string, scale func(pods ...string)) {
	const service = "nginx.shop.svc.cluster.local."
	current := make(chan []string, 1)
	current <- pods
	handler := func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.Authoritative = true
		name := q.Question[0].Name
		if name != service && name != "_web._tcp."+service {
			reply.Rcode = dns.RcodeNameError
		} else {
			pods := <-current
			current <- pods
			for _, pod := range pods {
				target := pod + "." + service
				reply.Answer = append(reply.Answer, &dns.SRV{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSRV, Class: dns.ClassINET}, Port: 80, Target: target})
				reply.Extra = append(reply.Extra, &dns.A{Hdr: dns.RR_Header{Name: target, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(10, 0, 0, 1)})
			}
		}
		_ = w.WriteMsg(reply)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(handler)}
	go func() { _ = server.ActivateAndServe() }()
	return socket.LocalAddr().String(), func(pods ...string) {
		<-current
		current <- pods
	}
}
