package rewrite_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// reply is what a test looks at of a message.
type reply struct {
	Question                  string
	Rcode                     string
	AA, RA, TC                bool
	Answer, Authority, Others []string
}

func replyOf(m *dns.Msg) reply {
	var extra []dns.RR
	for _, rr := range m.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			extra = append(extra, rr)
		}
	}
	return reply{
		m.Question[0].Name, dns.RcodeToString[m.Rcode], m.Authoritative, m.RecursionAvailable, m.Truncated,
		dnstest.Text(m.Answer), dnstest.Text(m.Ns), dnstest.Text(extra),
	}
}

// The rules that clusters have most: names of their own for Services.
func TestCluster(t *testing.T) {
	const alias = "rewrite name suffix .example.com .default.svc.cluster.local answer auto"
	const soa = "cluster.local. 1 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 1"
	tests := []struct {
		name, rules, ask string
		typ              uint16
		want             reply
		reason           string
	}{
		{
			"A", alias, "web.example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"web.example.com. 5 IN A 10.96.0.10"}},
			"the owner is turned back, and authority stays",
		},
		{
			"case", alias, "wEb.Example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"wEb.Example.com. 5 IN A 10.96.0.10"}},
			"the client's letters come back (0x20)",
		},
		{
			"SRV with glue", alias, "_sql._tcp.db.example.com.", dns.TypeSRV,
			reply{
				Rcode: "NOERROR", AA: true,
				Answer: []string{
					"_sql._tcp.db.example.com. 5 IN SRV 0 100 5432 db-0.db.example.com.",
					"_sql._tcp.db.example.com. 5 IN SRV 0 100 5432 db-1.db.example.com.",
					"_sql._tcp.db.example.com. 5 IN SRV 0 100 5432 db-2.db.example.com.",
				},
				Others: []string{
					"db-0.db.example.com. 5 IN A 10.0.0.1", "db-1.db.example.com. 5 IN A 10.0.0.2", "db-2.db.example.com. 5 IN A 10.0.0.3",
				},
			},
			"targets and their addresses are turned back alike",
		},
		{
			"NXDOMAIN", alias, "nothing.example.com.", dns.TypeA,
			reply{Rcode: "NXDOMAIN", AA: true, Authority: []string{soa}},
			"RFC 2308 section 3: the SOA comes along, of the zone that it is of",
		},
		{
			"NODATA", alias, "web.example.com.", dns.TypeMX,
			reply{Rcode: "NOERROR", AA: true, Authority: []string{soa}},
			"RFC 2308 section 2.2",
		},
		{
			"CNAME", alias, "in.example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{
				"in.example.com. 5 IN CNAME web.example.com.", "web.example.com. 5 IN A 10.96.0.10",
			}},
			"a chain stays one",
		},
		{
			"without a dot", "rewrite name suffix acme.local cluster.local answer auto", "nothing.default.svc.acme.local.", dns.TypeA,
			reply{Rcode: "NXDOMAIN", AA: true, Authority: []string{
				"acme.local. 1 IN SOA ns.dns.acme.local. hostmaster.cluster.local. 1 7200 1800 86400 1",
			}},
			"a suffix that is a whole zone turns back its apex too",
		},
		{
			"exact", "rewrite name db.example.com web.default.svc.cluster.local", "db.example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"db.example.com. 5 IN A 10.96.0.10"}},
			"exact rules turn back of themselves",
		},
		{
			"regex", `rewrite stop {
				name regex ^(.*)\.([a-z]+)\.example\.com\.$ {1}.{2}.svc.cluster.local
				answer name ^(.*)\.([a-z]+)\.svc\.cluster\.local\.$ {1}.{2}.example.com
			}`, "web.default.example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"web.default.example.com. 5 IN A 10.96.0.10"}},
			"the block form, with an answer rule",
		},
		{
			"no answer rule", "rewrite name suffix .example.com .default.svc.cluster.local", "web.example.com.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"web.default.svc.cluster.local. 5 IN A 10.96.0.10"}},
			"only the question comes back; records stay as nobody said otherwise",
		},
		{
			"PTR", `rewrite stop {
				name suffix .arpa .arpa
				answer name auto
				answer value (.*)\.default\.svc\.cluster\.local\. {1}.example.com.
			}`, "10.0.96.10.in-addr.arpa.", dns.TypePTR,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"10.0.96.10.in-addr.arpa. 5 IN PTR web.example.com."}},
			"what a record leads to",
		},
		{
			"none of ours", alias, "web.example.org.", dns.TypeA,
			reply{Rcode: "REFUSED"},
			"no rule, and no answer",
		},
		{
			"out of the cluster", "rewrite name exact web.default.svc.cluster.local www.example.org", "web.default.svc.cluster.local.", dns.TypeA,
			reply{Rcode: "REFUSED"},
			"a refusal stays one",
		},
		{
			"ttl", "rewrite ttl suffix .cluster.local 30-", "web.default.svc.cluster.local.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"web.default.svc.cluster.local. 30 IN A 10.96.0.10"}},
			"an authoritative TTL can be bounded",
		},
		{
			"rcode", "rewrite rcode suffix .cluster.local NXDOMAIN NOERROR", "nothing.default.svc.cluster.local.", dns.TypeA,
			reply{Rcode: "NOERROR", AA: true, Authority: []string{soa}},
			"NXDOMAIN becomes NODATA, SOA and all",
		},
		{
			"type", "rewrite type AAAA A", "web.default.svc.cluster.local.", dns.TypeAAAA,
			reply{Rcode: "NOERROR", AA: true, Answer: []string{"web.default.svc.cluster.local. 5 IN A 10.96.0.10"}},
			"another type is looked up, and the question comes back",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := before(t, tt.rules, cluster(t))
			m := dnstest.Serve(t, h, dnstest.EDNS(dnstest.Question(tt.ask, tt.typ), 1232))
			got := replyOf(m)
			for i, rr := range m.Ns { // the serial counts changes
				if soa, ok := rr.(*dns.SOA); ok {
					soa.Serial = 1
					got.Authority[i] = dnstest.Text([]dns.RR{soa})[0]
				}
			}
			tt.want.Question = tt.ask
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	var records []string
	for range 40 {
		records = append(records, "% 5 IN TXT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	}
	h := before(t, "rewrite name a.example b.example", &spy{records: records})
	m := dnstest.Serve(t, h, dnstest.Question("a.example.", dns.TypeTXT))
	m.Compress = true
	if !m.Truncated || m.Len() > dns.MinMsgSize {
		t.Errorf("TC %v with %d octets: want a reply cut to what the client takes (RFC 1035 section 4.2.1)", m.Truncated, m.Len())
	}
}
