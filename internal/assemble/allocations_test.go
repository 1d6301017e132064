package assemble

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
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

// prepare makes what everything becomes, but for sockets: that is not to be had
// from outside.
func prepare(t *testing.T) *generation {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(everything))
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
	return g
}

func TestServerConfig(t *testing.T) {
	g := prepare(t)
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
	g := prepare(t)
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
