package assemble

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// everything has each directive that is on the way of a query, but for log,
// which writes.
const everything = `.:53 {
    bind 127.0.0.1
    timeouts {
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
    kubernetes cluster.local in-addr.arpa {
        manifests /nowhere
    }
}
`

// TestNoAllocations measures the chain that a Corefile becomes. It is inside,
// as a chain is not to be had without sockets otherwise.
func TestNoAllocations(t *testing.T) {
	f, err := corefile.Parse("Corefile", strings.NewReader(everything))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(plan, Process{Registry: promclient.NewRegistry()})
	if err := r.registerMetrics(); err != nil {
		t.Fatal(err)
	}
	listeners, err := r.chains()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dnstest.Objects() {
		r.allZones()[0].Apply(e)
	}
	jar, err := plan.jar()
	if err != nil {
		t.Fatal(err)
	}
	responder := resolver.Responder{Handler: listeners[0].mux, Cookies: jar, IdleTimeout: listeners[0].idle()}
	x := dnstest.Exchange()
	client := []byte("abcdefgh")
	known := jar.Make(client, client, x.Query.Client.Addr(), x.Query.Received)
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
				if n := testing.AllocsPerRun(500, func() { responder.Respond(x, packet, dst) }); n != 0 {
					t.Errorf("%v allocations, want none", n)
				}
			})
		}
	}
	if got := responder.IdleTimeout; got != 20*time.Second {
		t.Errorf("clients are told that connections may idle for %s", got)
	}
}
