package assemble

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/cache"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/server"
	"github.com/rollcall-dns/rollcall/zone"
)

// everything has each directive that is on the way of a query, but for log,
// which writes.
const everything = `.:53 {
    bind 127.0.0.1
    timeouts {
        read 3s
        write 4s
        idle 20s
    }
    multisocket 2
    cookies
    nsid dns-1
    bufsize 1400
    prometheus
    errors
    any
    chaos v-1 me you
    loadbalance
    minimal
    reload
    rewrite name suffix .example.org .svc.cluster.local answer auto
    autopath @kubernetes
    acl {
        block net 198.51.100.0/24
    }
    header {
        response set ra
    }
    hosts /nowhere {
        192.0.2.1 www.example.org
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa {
        manifests /nowhere
        pods verified
    }
    loop
    cache 30
    forward example.org 127.0.0.1:1
}
`

// prepare makes what a Corefile becomes, but for sockets: that is not to be had
// from outside.
func prepare(t *testing.T, text string) *generation {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(Process{Registry: promclient.NewRegistry()})
	if err := r.registerMetrics(plan); err != nil {
		t.Fatal(err)
	}
	g, err := r.newGeneration(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

func TestServerConfig(t *testing.T) {
	g := prepare(t, everything)
	if len(g.listeners) != 1 {
		t.Fatalf("%d listeners", len(g.listeners))
	}
	c := g.serverConfig(g, g.listeners[0])
	if c.Addr != "127.0.0.1:53" || c.Readers != 2 || c.ReadTimeout != 3*time.Second || c.WriteTimeout != 4*time.Second ||
		c.IdleTimeout != 20*time.Second || c.Responder.IdleTimeout != c.IdleTimeout {
		t.Errorf("not what the Corefile says: %+v, clients are told %s", c, c.Responder.IdleTimeout)
	}
	c = g.serverConfig(g, &listener{})
	if c.Readers != 0 || c.ReadTimeout != 0 || c.WriteTimeout != 0 || c.Responder.IdleTimeout != server.DefaultIdleTimeout {
		t.Errorf("without directives: %+v, clients are told %s", c, c.Responder.IdleTimeout)
	}
}

// TestNoAllocations measures the chain that a Corefile becomes.
func TestNoAllocations(t *testing.T) {
	g := prepare(t, everything)
	for _, e := range dnstest.Objects() {
		g.allZones()[0].Apply(e)
	}
	g.allZones()[0].Apply(zone.Event{Op: zone.Replace, Kind: zone.Pods})
	responder := g.serverConfig(g, g.listeners[0]).Responder
	x := dnstest.Exchange()
	client := []byte("abcdefgh")
	known := g.jar.Make(client, client, x.Query.Client.Addr(), x.Query.Received)
	queries := []struct {
		name       string
		typ, class uint16
		rcode      int
		answers    int
	}{
		{"web.default.svc.cluster.local.", dns.TypeA, dns.ClassINET, dns.RcodeSuccess, 1},
		{"db.default.svc.cluster.local.", dns.TypeA, dns.ClassINET, dns.RcodeSuccess, 3},
		{"_sql._tcp.db.default.svc.cluster.local.", dns.TypeSRV, dns.ClassINET, dns.RcodeSuccess, 3},
		{"nothing.default.svc.cluster.local.", dns.TypeA, dns.ClassINET, dns.RcodeNameError, 0},
		{"db.default.svc.cluster.local.", dns.TypeAAAA, dns.ClassINET, dns.RcodeSuccess, 0},
		{"web.default.svc.cluster.local.", dns.TypeANY, dns.ClassINET, dns.RcodeSuccess, 1},
		{"authors.bind.", dns.TypeTXT, dns.ClassCHAOS, dns.RcodeSuccess, 2},
		{"example.com.", dns.TypeA, dns.ClassINET, dns.RcodeRefused, 0},
	}
	options := []struct {
		name    string
		edns    bool
		cookie  []byte
		nsid    bool
		trusted bool
	}{
		{name: "plain"},
		{name: "EDNS", edns: true},
		{name: "first cookie", edns: true, cookie: client},
		{name: "known cookie", edns: true, cookie: known, trusted: true},
		{name: "NSID", edns: true, nsid: true},
	}
	dst := make([]byte, 0, wire.UDPBuffer)
	for _, q := range queries {
		for _, o := range options {
			t.Run(q.name+" "+dns.TypeToString[q.typ]+" "+o.name, func(t *testing.T) {
				m := dnstest.Question(q.name, q.typ)
				m.Question[0].Qclass = q.class
				if o.edns {
					opt := dnstest.EDNS(m, 1232).IsEdns0()
					if o.nsid {
						opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
					}
					if len(o.cookie) > 0 {
						opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: o.cookie})
					}
				}
				packet := dnstest.Pack(t, m)
				got := dnstest.Unpack(t, responder.Respond(x, packet, dst))
				if got.Rcode != q.rcode || len(got.Answer) != q.answers || x.Query.Trusted != o.trusted {
					t.Fatalf("not the answer that is to be measured, trusted %t:\n%v", x.Query.Trusted, got)
				}
				if n := len(got.Extra); n > 1 || n == 1 && got.IsEdns0() == nil {
					t.Errorf("minimal has nothing but the OPT record:\n%v", got.Extra)
				}
				if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, dst) }); n != 0 {
					t.Errorf("%v allocations, want none", n)
				}
			})
		}
	}
}

// forwarding is kubeadm's Corefile as far as it is on the way of a query for
// another zone; %s is the upstream.
const forwarding = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests /nowhere
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus
    forward . %s {
        max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`

// TestNoAllocationsOfHits measures replies from the cache, which the goroutine that
// reads packets gives: its queries may not wait.
func TestNoAllocationsOfHits(t *testing.T) {
	g := prepare(t, fmt.Sprintf(forwarding, upstream(t)))
	for _, e := range dnstest.Objects() {
		g.allZones()[0].Apply(e)
	}
	responder := g.serverConfig(g, g.listeners[0]).Responder
	x, dst := dnstest.Exchange(), make([]byte, 0, wire.UDPBuffer)
	for _, q := range []struct {
		name           string
		rcode, answers int
	}{
		{"www.example.org.", dns.RcodeSuccess, 3},
		{"nothing.example.org.", dns.RcodeNameError, 0},
		{"10.2.0.192.in-addr.arpa.", dns.RcodeNameError, 0},
	} {
		t.Run(q.name, func(t *testing.T) {
			packet := dnstest.Pack(t, dnstest.EDNS(dnstest.Question(q.name, dns.TypeA), 1232))
			responder.Respond(x, packet, dst)
			if !x.Later() {
				t.Fatal("not forwarded: it was answered at once")
			}
			x.Query.Context = t.Context()
			first := dnstest.Unpack(t, responder.Respond(x, packet, dst))
			x.Query.Context = nil
			got := dnstest.Unpack(t, responder.Respond(x, packet, dst))
			for when, m := range map[string]*dns.Msg{"first": first, "from the cache": got} {
				if m.Rcode != q.rcode || len(m.Answer) != q.answers {
					t.Fatalf("%s: not the upstream's answer:\n%v", when, m)
				}
			}
			if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, dst) }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
			if x.Reply.Handler != cache.Name {
				t.Errorf("measured were replies of %q, want the cache's", x.Reply.Handler)
			}
		})
	}
}

// upstream starts a server that has three addresses for names that begin with www,
// and denies all others. It returns its address.
func upstream(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	soa, err := dns.NewRR(". 60 IN SOA ns. host. 1 60 60 60 60")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: c, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		r := new(dns.Msg).SetReply(m)
		r.Compress = true
		name := m.Question[0].Name
		if strings.HasPrefix(name, "www.") {
			for i := range byte(3) {
				h := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
				r.Answer = append(r.Answer, &dns.A{Hdr: h, A: net.IPv4(192, 0, 2, i)})
			}
		} else {
			r.Rcode, r.Ns = dns.RcodeNameError, []dns.RR{soa}
		}
		_ = w.WriteMsg(r)
	})}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return c.LocalAddr().String()
}
