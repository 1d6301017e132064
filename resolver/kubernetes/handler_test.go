package kubernetes_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/zone"
)

// next is the handler after the one under test. It counts its queries, sees
// that it gets an empty reply, and refuses.
type next struct {
	t     *testing.T
	calls int
}

func (n *next) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	n.calls++
	if r.Authoritative || r.Handler != "" || r.Err != nil || r.Count(0)+r.Count(1)+r.Count(2) != 0 {
		n.t.Errorf("the next handler got a reply that has something: %+v", r)
	}
	return resolver.Refuse{}.Serve(q, r)
}

// summary says of a message what these tests are about.
func summary(m *dns.Msg) string {
	s := dns.RcodeToString[m.Rcode]
	if m.Authoritative {
		s += " aa"
	}
	s += fmt.Sprintf(" %d answers", len(m.Answer))
	for _, rr := range m.Ns {
		s += " " + dns.TypeToString[rr.Header().Rrtype]
	}
	for _, o := range m.IsEdns0().Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			s += fmt.Sprintf(" EDE %d", e.InfoCode)
		}
	}
	return s
}

func TestHandler(t *testing.T) {
	synced, unsynced := dnstest.Zone(t), dnstest.Unsynced(t)
	tests := []struct {
		name   string
		zone   *zone.Zone
		falls  string // the zone of fallthrough, if any
		qname  string
		typ    uint16
		want   string
		next   int // queries that the next handler got
		reason string
	}{
		{"success", synced, "", "web.default.svc.cluster.local", dns.TypeA, "NOERROR aa 1 answers", 0, "RFC 1035 section 4.1.1: AA"},
		{"no data", synced, "", "db.default.svc.cluster.local", dns.TypeAAAA, "NOERROR aa 0 answers SOA", 0, "RFC 2308 section 2.2"},
		{"no name", synced, "", "nothing.default.svc.cluster.local", dns.TypeA, "NXDOMAIN aa 0 answers SOA", 0, "RFC 2308 section 2.1"},
		{"leaves", synced, "", "ext.default.svc.cluster.local", dns.TypeA, "NOERROR aa 1 answers", 0, "a CNAME alone, where nothing knows its target"},
		{"followed", synced, "", "in.default.svc.cluster.local", dns.TypeA, "NOERROR aa 2 answers", 0, "RFC 1034 section 4.3.2 step 3a"},
		{"loop", synced, "", "a.default.svc.cluster.local", dns.TypeA, "SERVFAIL 0 answers", 0, "no part of a loop is an answer"},
		{"elsewhere", synced, "", "example.com", dns.TypeA, "REFUSED 0 answers EDE 20", 1, "not in the zones"},

		{"no name falls", synced, "cluster.local", "nothing.default.svc.cluster.local", dns.TypeA, "REFUSED 0 answers EDE 20", 1, "fallthrough is for names that do not exist"},
		{"no name falls by the root", synced, ".", "nothing.cluster.local", dns.TypeA, "REFUSED 0 answers EDE 20", 1, "fallthrough without zones"},
		{"no name in another zone", synced, "in-addr.arpa", "nothing.cluster.local", dns.TypeA, "NXDOMAIN aa 0 answers SOA", 0, "fallthrough is for its zones"},
		{"no address falls", synced, "in-addr.arpa", "9.9.9.9.in-addr.arpa", dns.TypePTR, "REFUSED 0 answers EDE 20", 1, "as kubeadm has it"},
		{"no data stays", synced, ".", "db.default.svc.cluster.local", dns.TypeAAAA, "NOERROR aa 0 answers SOA", 0, "the name exists: another's answer would differ by type"},
		{"success stays", synced, ".", "web.default.svc.cluster.local", dns.TypeA, "NOERROR aa 1 answers", 0, "fallthrough is for names that do not exist"},
		{"target missing", synced, ".", "gone.default.svc.cluster.local", dns.TypeA, "NXDOMAIN aa 1 answers SOA", 0, "RFC 6604 section 3: the name asked for exists"},
		{"loop stays", synced, ".", "b.default.svc.cluster.local", dns.TypeA, "SERVFAIL 0 answers", 0, "the name exists"},

		{"before sync", unsynced, "", "web.default.svc.cluster.local", dns.TypeA, "SERVFAIL 0 answers EDE 14", 0, "RFC 8914 section 4.15: Not Ready"},
		{"before sync, falls", unsynced, ".", "web.default.svc.cluster.local", dns.TypeA, "SERVFAIL 0 answers EDE 14", 0, "the name may be about to exist"},
		{"before sync, apex", unsynced, ".", "cluster.local", dns.TypeSOA, "SERVFAIL 0 answers EDE 14", 0, "the serial is not known"},
		{"before sync, elsewhere", unsynced, ".", "example.com", dns.TypeA, "REFUSED 0 answers EDE 20", 1, "other names need not wait"},

		{"transfer", synced, ".", "cluster.local", dns.TypeAXFR, "REFUSED 0 answers EDE 18", 0, "RFC 5936 section 2.2.1: no NOERROR that is no transfer"},
		{"transfer elsewhere", synced, ".", "example.com", dns.TypeAXFR, "REFUSED 0 answers EDE 20", 1, "not in the zones"},
		{"transfer before sync", unsynced, ".", "cluster.local", dns.TypeAXFR, "REFUSED 0 answers EDE 18", 0, "it will not be answered later either"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after := &next{t: t}
			h := &kubernetes.Handler{Zone: tt.zone, Next: after}
			if tt.falls != "" {
				h.Fallthrough = []zone.Name{dnstest.Name(t, tt.falls)}
			}
			m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question(tt.qname, tt.typ), 1232))
			if got := summary(m); got != tt.want || after.calls != tt.next {
				t.Errorf("%s: %s, %d queries passed on; want %s, %d", tt.reason, got, after.calls, tt.want, tt.next)
			}
		})
	}
}

// TestHandlerErrors sees what the errors directive is told, and metrics.
func TestHandlerErrors(t *testing.T) {
	tests := []struct {
		name, question, handler string
		zone                    *zone.Zone
		want                    error
	}{
		{"not synced", "web.default.svc.cluster.local", "kubernetes", dnstest.Unsynced(t), nil},
		{"loop", "a.default.svc.cluster.local", "kubernetes", dnstest.Zone(t), kubernetes.ErrLoop},
		{"no name", "nothing.cluster.local", "kubernetes", dnstest.Zone(t), nil},
		{"elsewhere", "example.com", "", dnstest.Zone(t), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &kubernetes.Handler{Zone: tt.zone, Next: resolver.Refuse{}}
			var handler string
			var err error
			dnstest.Serve(t, resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
				o := h.Serve(q, r)
				handler, err = r.Handler, r.Err
				return o
			}), dnstest.Question(tt.question, dns.TypeA))
			if !errors.Is(err, tt.want) || handler != tt.handler {
				t.Errorf("error %v of %q, want %v of %q", err, handler, tt.want, tt.handler)
			}
		})
	}
}

// TestHandlerIsFresh sees that a change shows in the next answer.
func TestHandlerIsFresh(t *testing.T) {
	z := dnstest.Unsynced(t)
	h := &kubernetes.Handler{Zone: z, Next: resolver.Refuse{}}
	ask := func() string {
		return summary(dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question("web.default.svc.cluster.local", dns.TypeA), 1232)))
	}
	got := []string{ask()}
	for _, e := range dnstest.Objects() {
		z.Apply(e)
		got = append(got, ask())
	}
	z.Apply(zone.Event{Op: zone.Remove, Kind: zone.Services, Key: zone.Key{Namespace: "default", Name: "web"}})
	got = append(got, ask())
	want := []string{
		"SERVFAIL 0 answers EDE 14",
		"SERVFAIL 0 answers EDE 14", // Namespaces
		"SERVFAIL 0 answers EDE 14", // Services: their endpoints are not known
		"NOERROR aa 1 answers",      // EndpointSlices
		"NXDOMAIN aa 0 answers SOA",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers event by event (-want +got):\n%s", diff)
	}
}

func ExampleHandler() {
	z, err := zone.New(zone.Config{TTL: 5, HeadlessTTL: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	z.Apply(zone.Event{Object: &zone.Service{
		Meta:         zone.Meta{Namespace: "default", Name: "db"},
		Type:         zone.ExternalName,
		ExternalName: "db.example.com",
	}})
	responder := resolver.Responder{Handler: &kubernetes.Handler{Zone: z, Next: resolver.Refuse{}}}
	packet, err := new(dns.Msg).SetQuestion("db.default.svc.cluster.local.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	var reply dns.Msg
	if err := reply.Unpack(responder.Respond(new(resolver.Exchange), packet, nil)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Answer[0])
	// Output: db.default.svc.cluster.local.	5	IN	CNAME	db.example.com.
}
