package zone

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// answerRow is a question, and what is answered.
type answerRow struct {
	ask    string
	want   string // as render writes it
	reason string
}

// checkAnswers asks each row's question of a snapshot.
func checkAnswers(t *testing.T, s *Snapshot, rows []answerRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.ask, func(t *testing.T) {
			o, m := exchange(t, s, ask{text: row.ask, size: 1232})
			if diff := cmp.Diff(lines(row.want), render(o, m)); diff != "" {
				t.Errorf("(-want +got):\n%s\nreason: %s", diff, row.reason)
			}
		})
	}
}

func checkNegative(t *testing.T, s *Snapshot, rows []answerRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.ask, func(t *testing.T) {
			o, m := exchange(t, s, ask{text: row.ask})
			if got := outcomeNames[o]; got != row.want {
				t.Errorf("outcome %s, want %s\nreason: %s", got, row.want, row.reason)
			}
			if len(m.Ns) != 1 || len(m.Answer) != 0 || len(m.Extra) != 0 {
				t.Errorf("sections have %d, %d, %d records, want the SOA alone\nreason: RFC 2308 section 3", len(m.Answer), len(m.Ns), len(m.Extra))
			}
		})
	}
}

// cluster are the objects of most rows.
func cluster() []Object {
	return []Object{
		clusterIP("web", "10.96.0.1,fd00:96::1", "http/tcp/80 dns/udp/53 dns-tcp/tcp/53 /tcp/81"),
		slice("web-1", "web", "http/tcp/8080", "10.1.0.1 pod=web-x", "10.1.0.2 notready"),
		clusterIP("single", "10.96.0.2", "http/tcp/80"),
		clusterIP("pending", "", "http/tcp/80"),
		clusterIP("portless", "10.96.0.3", ""),
		headless("nginx"),
		slice("nginx-4", "nginx", "web/tcp/80 /udp/99", "10.1.0.10 host=web-0", "10.1.0.11 host=web-1", "10.1.0.12 host=web-2 notready"),
		slice("nginx-6", "nginx", "web/tcp/80 /udp/99", "fd00:1::10 host=web-0"),
		headless("peers"),
		slice("peers-4", "peers", "", "10.1.0.20", "10.1.0.21"),
		slice("peers-6", "peers", "", "fd00:1::", "fd00:1::1"),
		headless("many"),
		slice("many-1", "many", "p/tcp/1", "10.1.0.30 host=h", "10.1.0.31 host=h"),
		slice("many-2", "many", "p/tcp/1", "10.1.0.31 host=h", "10.1.0.32 host=h"),
		headless("empty"),
		slice("empty-1", "empty", "p/tcp/1", "10.1.0.40 host=e-0 notready"),
		headless("bare"),
		slice("orphan", "nothing", "p/tcp/1", "10.1.0.50 host=o-0"),
		external("alias", "web.default.svc.cluster.local"),
		external("alias2", "ALIAS.default.svc.cluster.local."),
		external("away", "www.Example.com"),
		external("nowhere", "missing.default.svc.cluster.local"),
		external("toempty", "empty.default.svc.cluster.local"),
		external("loop", "loop2.default.svc.cluster.local"),
		external("loop2", "loop.default.svc.cluster.local"),
		external("self", "self.default.svc.cluster.local"),
		external("literal", "10.0.0.1"),
		external("literal6", "fd00::1."),
		external("bad", "a..b"),
		external("root", "."),
		slice("alias-1", "alias", "", "10.1.0.60"),
		clusterIP("svc/pod", "10.96.0.4", "a/tcp/1"),
		clusterIP("pod/svc", "10.96.0.5", "a/tcp/1"),
		clusterIP("10-0-0-1/10-0-0-2", "10.96.0.6", "a/tcp/1"),
		namespace("quiet"), namespace("default"),
	}
}

func TestAnswerClusterIP(t *testing.T) {
	checkAnswers(t, newZone(t, testConfig(), cluster()...).Snapshot(), []answerRow{
		{"web.default.svc.cluster.local. A", `Success
			web.default.svc.cluster.local. 5 IN A 10.96.0.1`, "specification 2.3.1"},
		{"web.default.svc.cluster.local. AAAA", `Success
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "specification 2.3.1"},
		{"WEB.Default.svc.CLUSTER.local. A", `Success
			WEB.Default.svc.CLUSTER.local. 5 IN A 10.96.0.1`, "specification 2.1: case means nothing, and comes back as it was asked"},
		{"_http._tcp.web.default.svc.cluster.local. SRV", `Success
			_http._tcp.web.default.svc.cluster.local. 5 IN SRV 0 100 80 web.default.svc.cluster.local.
			;additional
			web.default.svc.cluster.local. 5 IN A 10.96.0.1
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "specification 2.3.2: the Service's port, and its addresses beside it"},
		{"_dns._udp.web.default.svc.cluster.local. SRV", `Success
			_dns._udp.web.default.svc.cluster.local. 5 IN SRV 0 100 53 web.default.svc.cluster.local.
			;additional
			web.default.svc.cluster.local. 5 IN A 10.96.0.1
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "specification 2.3.2: one number over two protocols"},
		{"web.default.svc.cluster.local. SRV", `Success
			web.default.svc.cluster.local. 5 IN SRV 0 100 53 web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN SRV 0 100 80 web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN SRV 0 100 81 web.default.svc.cluster.local.
			;additional
			web.default.svc.cluster.local. 5 IN A 10.96.0.1
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "kept of the common implementation: SRV at the bare name, unnamed ports too; no record twice, and glue once for a target"},
		{"10-1-0-1.web.default.svc.cluster.local. A", `Success
			10-1-0-1.web.default.svc.cluster.local. 5 IN A 10.1.0.1`, "kept of the common implementation: endpoint names under ClusterIP Services"},
		{"10-1-0-1.web.default.svc.cluster.local. SRV", `Success
			10-1-0-1.web.default.svc.cluster.local. 5 IN SRV 0 100 8080 10-1-0-1.web.default.svc.cluster.local.
			;additional
			10-1-0-1.web.default.svc.cluster.local. 5 IN A 10.1.0.1`, "kept of the common implementation: SRV at endpoint names"},
		{"portless.default.svc.cluster.local. A", `Success
			portless.default.svc.cluster.local. 5 IN A 10.96.0.3`, "no port is needed for an address"},
		{"pod.svc.svc.cluster.local. A", `Success
			pod.svc.svc.cluster.local. 5 IN A 10.96.0.4`, "a Namespace may be called svc, and a Service pod"},
		{"svc.pod.svc.cluster.local. A", `Success
			svc.pod.svc.cluster.local. 5 IN A 10.96.0.5`, "a Namespace may be called pod, and a Service svc"},
		{"10-0-0-2.10-0-0-1.svc.cluster.local. A", `Success
			10-0-0-2.10-0-0-1.svc.cluster.local. 5 IN A 10.96.0.6`, "both may look like an address"},
		{"1.0.96.10.in-addr.arpa. PTR", `Success
			1.0.96.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local.`, "specification 2.3.3"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. PTR", `Success
			1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. 5 IN PTR web.default.svc.cluster.local.`, "specification 2.3.3"},
		{"1.0.1.10.in-addr.arpa. PTR", `Success
			1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.web.default.svc.cluster.local.`, "kept of the common implementation: PTR for endpoints of ClusterIP Services"},
	})
}

func TestAnswerHeadless(t *testing.T) {
	checkAnswers(t, newZone(t, testConfig(), cluster()...).Snapshot(), []answerRow{
		{"nginx.default.svc.cluster.local. A", `Success
			nginx.default.svc.cluster.local. 5 IN A 10.1.0.10
			nginx.default.svc.cluster.local. 5 IN A 10.1.0.11`, "specification 2.4.1: ready endpoints"},
		{"nginx.default.svc.cluster.local. AAAA", `Success
			nginx.default.svc.cluster.local. 5 IN AAAA fd00:1::10`, "specification 2.4.1: of both families"},
		{"web-0.nginx.default.svc.cluster.local. A", `Success
			web-0.nginx.default.svc.cluster.local. 5 IN A 10.1.0.10`, "specification 2.4.1: by hostname"},
		{"web-0.nginx.default.svc.cluster.local. AAAA", `Success
			web-0.nginx.default.svc.cluster.local. 5 IN AAAA fd00:1::10`, "specification 2.4.1: by hostname"},
		{"h.many.default.svc.cluster.local. A", `Success
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.30
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.31
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.32`, "specification 2.4.1: many addresses of one hostname; one in two slices is answered once"},
		{"_p._tcp.many.default.svc.cluster.local. SRV", `Success
			_p._tcp.many.default.svc.cluster.local. 5 IN SRV 0 100 1 h.many.default.svc.cluster.local.
			;additional
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.30
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.31
			h.many.default.svc.cluster.local. 5 IN A 10.1.0.32`, "RFC 2181 section 5: one hostname and port are one record"},
		{"_web._tcp.nginx.default.svc.cluster.local. SRV", `Success
			_web._tcp.nginx.default.svc.cluster.local. 5 IN SRV 0 100 80 web-0.nginx.default.svc.cluster.local.
			_web._tcp.nginx.default.svc.cluster.local. 5 IN SRV 0 100 80 web-1.nginx.default.svc.cluster.local.
			;additional
			web-0.nginx.default.svc.cluster.local. 5 IN A 10.1.0.10
			web-0.nginx.default.svc.cluster.local. 5 IN AAAA fd00:1::10
			web-1.nginx.default.svc.cluster.local. 5 IN A 10.1.0.11`, "specification 2.4.2"},
		{"10-1-0-20.peers.default.svc.cluster.local. A", `Success
			10-1-0-20.peers.default.svc.cluster.local. 5 IN A 10.1.0.20`, "kept of the common implementation: no hostname, so the dashed address"},
		{"fd00-1--1.peers.default.svc.cluster.local. AAAA", `Success
			fd00-1--1.peers.default.svc.cluster.local. 5 IN AAAA fd00:1::1`, "kept of the common implementation: no hostname, so the dashed address"},
		{"fd00-1--0.peers.default.svc.cluster.local. AAAA", `Success
			fd00-1--0.peers.default.svc.cluster.local. 5 IN AAAA fd00:1::`, "RFC 952: a label does not end with a dash"},
		{"peers.default.svc.cluster.local. A", `Success
			peers.default.svc.cluster.local. 5 IN A 10.1.0.20
			peers.default.svc.cluster.local. 5 IN A 10.1.0.21`, "a slice without ports still gives addresses"},
		{"10.0.1.10.in-addr.arpa. PTR", `Success
			10.0.1.10.in-addr.arpa. 5 IN PTR web-0.nginx.default.svc.cluster.local.`, "specification 2.4.3"},
		{"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa. PTR", `Success
			0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa. 5 IN PTR web-0.nginx.default.svc.cluster.local.`, "specification 2.4.3"},
	})
}

func TestAnswerExternalName(t *testing.T) {
	z := newZone(t, testConfig(), cluster()...)
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"alias.default.svc.cluster.local. A", `Success
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN A 10.96.0.1`, "specification 2.5: chased, and the CNAME goes first"},
		{"alias2.default.svc.cluster.local. AAAA", `Success
			alias2.default.svc.cluster.local. 5 IN CNAME alias.default.svc.cluster.local.
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "specification 2.5: a chain, a final dot, and another case"},
		{"alias.default.svc.cluster.local. CNAME", `Success
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.`, "RFC 1034 section 4.3.2, step 3a: asked for the CNAME itself"},
		{"alias.default.svc.cluster.local. ANY", `Success
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.`, "RFC 1034 section 4.3.2, step 3a: ANY matches the CNAME"},
		{"alias.default.svc.cluster.local. SRV", `Success
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN SRV 0 100 53 web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN SRV 0 100 80 web.default.svc.cluster.local.
			web.default.svc.cluster.local. 5 IN SRV 0 100 81 web.default.svc.cluster.local.
			;additional
			web.default.svc.cluster.local. 5 IN A 10.96.0.1
			web.default.svc.cluster.local. 5 IN AAAA fd00:96::1`, "RFC 1034 section 3.6.2: any type follows a CNAME"},
		{"away.default.svc.cluster.local. A", `Leaves
			away.default.svc.cluster.local. 5 IN CNAME www.example.com.`, "specification 2.5: what is not ours is for a forwarder"},
		{"self.default.svc.cluster.local. CNAME", `Success
			self.default.svc.cluster.local. 5 IN CNAME self.default.svc.cluster.local.`, "a loop is no concern of a question for the CNAME"},
	})
	soa := func(s string) string {
		return s + `
			;authority
			cluster.local. 1 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 22 7200 1800 86400 1`
	}
	serial := z.Snapshot().Serial(names("cluster.local")[0])
	if serial != 22 {
		t.Fatalf("serial = %d; the rows say 22", serial)
	}
	checkAnswers(t, z.Snapshot(), []answerRow{
		{"alias.default.svc.cluster.local. TXT", soa(`NoData
			alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.`), "RFC 2308 section 2.2: the CNAME, and the SOA of the last name's zone"},
		{"nowhere.default.svc.cluster.local. A", soa(`NameError
			nowhere.default.svc.cluster.local. 5 IN CNAME missing.default.svc.cluster.local.`), "RFC 2308 section 2.1, RFC 6604 section 2.1: the rcode is the last name's"},
		{"toempty.default.svc.cluster.local. A", soa(`NameError
			toempty.default.svc.cluster.local. 5 IN CNAME empty.default.svc.cluster.local.`), "specification 2.4.1: no ready endpoint"},
	})
	for _, name := range []string{"loop", "loop2", "self"} {
		if o, _ := exchange(t, z.Snapshot(), ask{text: name + ".default.svc.cluster.local. A"}); o != Loop {
			t.Errorf("%s: outcome %s, want Loop: RFC 1034 section 3.6.2, the number of steps is bounded", name, outcomeNames[o])
		}
	}
}

// A chain of maxChain CNAMEs is followed to its end, and of one more is not.
func TestAnswerChain(t *testing.T) {
	z := newZone(t, testConfig(), clusterIP("a0", "10.96.0.1", ""))
	for i := range maxChain + 1 {
		z.Apply(Event{Op: Put, Object: external(string('a'+rune(i))+"1", string('a'+rune(i)-1)+"1.default.svc.cluster.local")})
	}
	z.Apply(Event{Op: Put, Object: external("a1", "a0.default.svc.cluster.local")})
	for i := range maxChain + 1 {
		want := Success
		if i == maxChain {
			want = Loop
		}
		o, m := exchange(t, z.Snapshot(), ask{text: string('a'+rune(i)) + "1.default.svc.cluster.local A", stream: true})
		if o != want || want == Success && len(m.Answer) != i+2 {
			t.Errorf("chain of %d CNAMEs: %s, %d records, want %s", i+1, outcomeNames[o], len(m.Answer), outcomeNames[want])
		}
	}
}

func TestAnswerApex(t *testing.T) {
	c := testConfig()
	c.Self = addrs("10.9.9.9")
	checkAnswers(t, newZone(t, c).Snapshot(), []answerRow{
		{"cluster.local. SOA", `Success
			cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1`, "RFC 1035 section 3.3.13; RFC 2308 section 4: MINIMUM is the negative TTL"},
		{"Cluster.LOCAL. NS", `Success
			Cluster.LOCAL. 5 IN NS ns.dns.cluster.local.
			;additional
			ns.dns.cluster.local. 5 IN A 10.9.9.9`, "RFC 1034 section 4.3.2, step 6"},
		{"cluster.local. ANY", `Success
			cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1`, "RFC 8482 section 4.1: one RRset"},
		{"dns-version.cluster.local. TXT", `Success
			dns-version.cluster.local. 5 IN TXT "1.1.0"`, "specification 2.2"},
		{"ns.dns.cluster.local. A", `Success
			ns.dns.cluster.local. 5 IN A 10.9.9.9`, "the name server's name is a name"},
		{"10.in-addr.arpa. SOA", `Success
			10.in-addr.arpa. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1`, "each zone has its own"},
		{"10.in-addr.arpa. NS", `Success
			10.in-addr.arpa. 5 IN NS ns.dns.cluster.local.
			;additional
			ns.dns.cluster.local. 5 IN A 10.9.9.9`, "each zone has its own"},
	})
}

func TestAddrs(t *testing.T) {
	s := newZone(t, testConfig(), cluster()...).Snapshot()
	tests := []struct{ name, want, reason string }{
		{"web", "10.96.0.1,fd00:96::1", "the ClusterIPs, IPv4 first"},
		{"WEB", "10.96.0.1,fd00:96::1", "case means nothing"},
		{"many", "10.1.0.30,10.1.0.31,10.1.0.32", "the ready endpoints, each once"},
		{"web-0.nginx", "10.1.0.10,fd00:1::10", "one endpoint"},
		{"alias2", "10.96.0.1,fd00:96::1", "an alias of an alias"},
		{"away", "", "an alias of what is not here"},
		{"loop", "", "aliases of one another"},
		{"empty", "", "no ready endpoint"},
		{"missing", "", "no Service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(addrs(tt.want), s.Addrs(names(tt.name + ".default.svc.cluster.local")[0]), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
	c := testConfig()
	c.Kinds = []Kind{Services}
	if got := newZone(t, c, clusterIP("web", "10.96.0.1", "")).Snapshot().Addrs(names("web.default.svc.cluster.local")[0]); got != nil {
		t.Errorf("before the zone is synced: %v, want none: more may come", got)
	}
}
