package differ

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// TestJudge checks that what makes a difference go away does not let a wrong
// reply pass.
func TestJudge(t *testing.T) {
	const (
		web, alias, big = "web.a.svc.cluster.local.", "alias.a.svc.cluster.local.", "big.a.svc.cluster.local."
		address         = web + " 5 IN A 10.0.0.1"
		six             = web + " 5 IN AAAA fd00::1"
		srv             = web + " 5 IN SRV 0 100 80 " + web
		cname           = alias + " 5 IN CNAME " + web
		soa             = "cluster.local. 1 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 1"
		room            = 73 // addresses of big in 1232 octets
	)
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("%s 5 IN A 10.1.0.%d", big, 100+i))
	}
	says := map[question]reply{
		{web, dns.TypeA}: {answer: []string{address}}, {web, dns.TypeAAAA}: {answer: []string{six}},
		{web, dns.TypeSRV}: {answer: []string{srv}, glue: []string{address, six}}, {web, dns.TypeTXT}: {ns: []string{soa}},
		{alias, dns.TypeCNAME}: {answer: []string{cname}}, {big, dns.TypeA}: {answer: many},
	}
	j := &judge{
		owners:  map[string]bool{web: true, alias: true, big: true},
		aliases: map[string]string{alias: web},
		ask: func(q question) reply {
			r := says[q]
			r.flags, r.question = "aa rd", q.String()
			return r
		},
	}
	replaced := append(slices.Clone(many[:room-1]), big+" 5 IN A 10.9.9.9")
	for _, tt := range []struct {
		name   string
		asked  question
		reply  reply // Rollcall's; "aa rd" unless it says otherwise
		right  bool
		reason string
	}{
		{"any", question{web, dns.TypeANY}, reply{answer: []string{address}}, true, "one RRset, whole"},
		{"any, wrong data", question{web, dns.TypeANY}, reply{answer: []string{web + " 5 IN A 10.0.0.2"}}, false, "CoreDNS has another address"},
		{"any, two sets", question{web, dns.TypeANY}, reply{answer: []string{address, six}}, false, "one RRset over UDP"},
		{"any, nothing", question{web, dns.TypeANY}, reply{ns: []string{soa}}, false, "both have nothing where there are records"},
		{"any, alias", question{alias, dns.TypeANY}, reply{answer: []string{cname}}, true, "ANY matches the CNAME itself"},
		{"alias", question{alias, dns.TypeSRV}, reply{answer: []string{cname, srv}, glue: []string{address, six}}, true, "the target's records"},
		{"alias, wrong data", question{alias, dns.TypeSRV}, reply{answer: []string{alias + " 5 IN CNAME other.", srv}, glue: []string{address, six}}, false, "another target"},
		{"alias, half", question{alias, dns.TypeSRV}, reply{answer: []string{cname}}, false, "the target has records"},
		{"alias, denial", question{alias, dns.TypeTXT}, reply{answer: []string{cname}, ns: []string{soa}}, true, "the target's denial"},
		{"alias, no denial", question{alias, dns.TypeTXT}, reply{answer: []string{cname}}, false, "the target's denial is missing"},
		{"size", question{big, dns.TypeA}, reply{flags: "aa tc rd", answer: many[100-room:]}, true, "as many as fit, whichever"},
		{"size, no TC", question{big, dns.TypeA}, reply{answer: many[:room]}, false, "TC must tell"},
		{"size, too few", question{big, dns.TypeA}, reply{flags: "aa tc rd", answer: many[:room-1]}, false, "there is room for one more"},
		{"size, wrong data", question{big, dns.TypeA}, reply{flags: "aa tc rd", answer: replaced}, false, "one is not CoreDNS'"},
		{"size, too many", question{big, dns.TypeA}, reply{flags: "aa tc rd", answer: many[:room+1]}, false, "more than 1232 octets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.reply.question = tt.asked.String()
			if tt.reply.flags == "" {
				tt.reply.flags = "aa rd"
			}
			slices.Sort(tt.reply.answer)
			coredns := j.ask(tt.asked)
			if len(coredns.answer) == 0 {
				coredns.ns = []string{soa}
			}
			c := &compared{name: tt.asked.name, typ: tt.asked.typ, rollcall: tt.reply, coredns: coredns}
			j.fold(c, func(string) {})
			if got := c.rollcall.equal(c.coredns); got != tt.right {
				t.Errorf("passes: %v, want %v; reason: %s\n  rollcall:\n%s  coredns:\n%s", got, tt.right, tt.reason, c.rollcall, c.coredns)
			}
		})
	}
}
