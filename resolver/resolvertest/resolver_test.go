package resolvertest_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// TestSearch: what a pod finds, and by which questions.
func TestSearch(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 2, "http=8080"), resolvertest.StatefulSet("other/db", 1, "pg=5432"))
	srv.AddRR("db.example.org. A 192.0.2.1")
	// The machine's own search list adds to what is asked.
	machine, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	searches := err == nil && len(machine.Search) > 0
	tests := []struct {
		in, name string
		asked    string // of type A
		want     int    // addresses
		reason   string
	}{
		{"default", "web", "web.default.svc.cluster.local.", 2, "a Service of the namespace"},
		{"default", "web-0.web", "web-0.web.default.svc.cluster.local.", 1, "a pod of it"},
		{"other", "web.default", "web.default.other.svc.cluster.local. web.default.svc.cluster.local.", 2, "from another namespace"},
		{"default", "db.other.svc", "db.other.svc.default.svc.cluster.local. db.other.svc.svc.cluster.local. db.other.svc.cluster.local.", 1, "along the whole path"},
		{"default", "web.default.svc.cluster.local", "web.default.svc.cluster.local.", 2, "a whole name is asked for alone"},
		{"default", "web.default.svc.cluster.local.", "web.default.svc.cluster.local.", 2, "with a final dot too"},
		{"default", "db.example.org", "db.example.org.default.svc.cluster.local. db.example.org.svc.cluster.local. db.example.org.cluster.local. db.example.org.", 1, "a name elsewhere comes last"},
		{"default", "a.b.c.d.e.f", "a.b.c.d.e.f. a.b.c.d.e.f.default.svc.cluster.local. a.b.c.d.e.f.svc.cluster.local. a.b.c.d.e.f.cluster.local.", 0, "or first, with five dots"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			srv.ClearQueries()
			found, err := srv.ResolverIn(tt.in).LookupNetIP(t.Context(), "ip4", tt.name)
			if missing := new(net.DNSError); len(found) != tt.want || tt.want == 0 && !(errors.As(err, &missing) && missing.IsNotFound) {
				t.Errorf("found %v, %v; want %d addresses", found, err, tt.want)
			}
			var asked []string
			for _, q := range srv.Queries() {
				if q.Type == "A" {
					asked = append(asked, q.Name)
				}
			}
			if got := strings.Join(asked, " "); !searches && got != tt.asked {
				t.Errorf("asked %s, want %s", got, tt.asked)
			}
		})
	}
}

// TestSearchInZone: the path is in the cluster's zone, however that is written.
func TestSearchInZone(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 1), resolvertest.Zone("Example.Org."))
	if name, err := srv.ResolverIn("default").LookupCNAME(t.Context(), "web-0.web"); err != nil || name != "web-0.web.default.svc.example.org." {
		t.Errorf("%s, %v", name, err)
	}
}

// TestLookups has the other lookups of a net.Resolver, with and without a search path.
func TestLookups(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 2, "http=8080"))
	ctx, in := t.Context(), srv.ResolverIn("default")
	if name, err := in.LookupCNAME(ctx, "web"); err != nil || name != "web.default.svc.cluster.local." {
		t.Errorf("LookupCNAME: %s, %v; want the whole name", name, err)
	}
	_, peers, err := in.LookupSRV(ctx, "http", "tcp", "web")
	if err != nil || len(peers) != 2 || peers[0].Port != 8080 {
		t.Errorf("LookupSRV: %v, %v", peers, err)
	}
	found, err := srv.Resolver().LookupHost(ctx, "web-0.web.default.svc.cluster.local")
	if err != nil || len(found) != 1 {
		t.Fatalf("LookupHost: %v, %v", found, err)
	}
	for _, r := range []*net.Resolver{srv.Resolver(), in} {
		if names, err := r.LookupAddr(ctx, found[0]); err != nil || !slices.Contains(names, "web-0.web.default.svc.cluster.local.") {
			t.Errorf("LookupAddr: %v, %v", names, err)
		}
	}
	if _, err := srv.Resolver().LookupHost(ctx, "web-7.web.default.svc.cluster.local."); err == nil {
		t.Error("a pod that is not there was found")
	}
}

// TestSearchOverTCP: Go asks over TCP where a reply does not fit. The CNAME record adds
// to one that just does.
func TestSearchOverTCP(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 100), resolvertest.StatefulSet("small", 3))
	found, err := srv.ResolverIn("default").LookupNetIP(t.Context(), "ip4", "web")
	if err != nil || len(found) != 100 {
		t.Errorf("%d addresses, %v; want 100", len(found), err)
	}
	srv.Fault(fault.Fault{Name: "small.default.svc.cluster.local", Do: fault.Truncate})
	if found, err := srv.ResolverIn("default").LookupNetIP(t.Context(), "ip4", "small"); err != nil || len(found) != 3 {
		t.Errorf("%d addresses, %v; want 3", len(found), err)
	}
	for n := 60; n <= 80; n++ { // around 1232 octets
		srv.Scale("web", n)
		found, err := srv.ResolverIn("default").LookupNetIP(t.Context(), "ip4", "web")
		if err != nil || len(found) != n {
			t.Errorf("%d addresses, %v; want %d", len(found), err, n)
		}
	}
}

// TestSearchReply: the reply is one to the question, whatever was asked on the way.
func TestSearchReply(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 1))
	resolver := srv.ResolverIn("default")
	for _, network := range []string{"udp", "tcp"} {
		c, err := resolver.Dial(t.Context(), network, "ignored:53")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conn := &dns.Conn{Conn: c, UDPSize: 1232}
		tests := []struct {
			name   string
			typ    uint16
			rcode  int
			want   []string
			reason string
		}{
			{"web-0.web.", dns.TypeAAAA, dns.RcodeSuccess, nil, "NODATA ends the search"},
			{"web-7.web.", dns.TypeA, dns.RcodeNameError, nil, "no name exists"},
			{"Web.", dns.TypeTXT, dns.RcodeSuccess, nil, "the case stays"},
		}
		for _, tt := range tests {
			if err := conn.WriteMsg(dnstest.Question(tt.name, tt.typ)); err != nil {
				t.Fatal(err)
			}
			r, err := conn.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if r.Rcode != tt.rcode || r.Question[0].Name != tt.name || len(r.Answer) > 0 {
				t.Errorf("by %s: %v (%s)", network, r, tt.reason)
			}
		}
		conn.WriteMsg(dnstest.Question("web-0.web.", dns.TypeA))
		r, err := conn.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		text := dnstest.Text(r.Answer)
		if len(text) != 2 || text[0] != "web-0.web. 0 IN CNAME web-0.web.default.svc.cluster.local." ||
			!strings.HasPrefix(text[1], "web-0.web.default.svc.cluster.local. 0 IN A ") {
			t.Errorf("by %s: %v, want an alias of where it was found, and that", network, text)
		}
	}
}

// TestResolverTime: a resolver's deadline is kept.
func TestResolverTime(t *testing.T) {
	srv := resolvertest.NewServer(t)
	srv.Fault(fault.Fault{Do: fault.Drop})
	for name, r := range map[string]*net.Resolver{"plain": srv.Resolver(), "in a namespace": srv.ResolverIn("default")} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := r.LookupNetIP(ctx, "ip4", "web.default.svc.cluster.local.")
		cancel()
		var failed *net.DNSError
		if !errors.As(err, &failed) || !failed.IsTimeout {
			t.Errorf("%s: error %v, want a timeout", name, err)
		}
	}
}

// TestSearchFailure has a name of the path fail: what can't be told is not taken for a
// name that does not exist (RFC 2308 section 7.1), and is asked again.
func TestSearchFailure(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 1))
	srv.Fault(fault.Fault{Name: "web.default.svc.cluster.local", Do: fault.ServFail, Count: 1})
	addrs, err := srv.ResolverIn("default").LookupNetIP(t.Context(), "ip4", "web")
	if len(addrs) != 1 || err != nil {
		t.Errorf("once SERVFAIL: %v, error %v, want the address of web", addrs, err)
	}
	srv.Fault(fault.Fault{Name: "web.default.svc.cluster.local", Do: fault.ServFail})
	_, err = srv.ResolverIn("default").LookupNetIP(t.Context(), "ip4", "web")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || e.IsNotFound || !e.IsTemporary {
		t.Errorf("always SERVFAIL: error %v, want a temporary one", err)
	}
}
