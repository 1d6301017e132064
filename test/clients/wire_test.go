package clients

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestWire asks for all that clients ask for on the way through the search path,
// and checks of each reply what their resolvers rely on.
func TestWire(t *testing.T) {
	for _, server := range []string{clusterDNS, walking} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			for _, r := range rows() {
				for _, name := range questions(r) {
					checkWire(t, server, name)
				}
			}
		})
	}
}

// checkWire checks the replies of a server to a name and all types.
func checkWire(t *testing.T, server, name string) {
	t.Helper()
	client := dns.Client{Timeout: 10 * time.Second}
	rcodes := map[int][]string{} // types by what came
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeSRV, dns.TypePTR} {
		m := new(dns.Msg)
		m.SetQuestion(name, qtype)
		reply, _, err := client.Exchange(m, server+":53")
		if err != nil {
			t.Fatalf("%s %s: %v", name, dns.TypeToString[qtype], err)
		}
		rcodes[reply.Rcode] = append(rcodes[reply.Rcode], dns.TypeToString[qtype])
		for _, err := range defects(m, reply) {
			t.Errorf("%s %s: %v\n%v", name, dns.TypeToString[qtype], err, reply)
		}
	}
	if len(rcodes) != 1 {
		t.Errorf("%s: the types by rcode are %v: a name exists for all types or for none", name, rcodes)
	}
}

// questions are the names that a row leads to: below each part of the search path,
// and as it is.
func questions(r row) []string {
	if r.kind == "ptr" {
		return []string{r.full + "."}
	}
	names := []string{dns.Fqdn(r.name)}
	if !strings.HasSuffix(r.name, ".") {
		for _, domain := range []string{"default.svc.", "svc.", ""} {
			names = append(names, r.name+"."+domain+"cluster.local.")
		}
	}
	return names
}

// defects returns what is wrong with a reply, for some client.
func defects(m, reply *dns.Msg) (all []error) {
	name := m.Question[0].Name
	ours := dns.IsSubDomain("cluster.local.", dns.CanonicalName(name))
	rule := func(ok bool, reason string) {
		if !ok {
			all = append(all, errors.New(reason))
		}
	}
	rule(reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError,
		"neither NOERROR nor NXDOMAIN: musl waits out a REFUSED, and ends the search at SERVFAIL")
	rule(reply.RecursionAvailable, "no RA, though there is an upstream: Go takes empty replies without RA and AA for lame")
	rule(!ours || reply.Authoritative, "no AA for a name of the cluster")
	rule(!reply.AuthenticatedData, "AD, though nothing was validated")
	rule(len(reply.Question) == 1 && reply.Question[0] == m.Question[0], "another question than was asked: clients drop the reply, some if only the case differs")
	rule(len(reply.Answer) > 0 || slices.ContainsFunc(reply.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }) || reply.Truncated,
		"no SOA with a denial: caches would keep it for as long as they like")

	// Each record must belong to the name that the CNAMEs before it lead to.
	for _, rr := range reply.Answer {
		rule(strings.EqualFold(rr.Header().Name, name), "a record that no CNAME before it leads to: glibc skips it")
		if cname, ok := rr.(*dns.CNAME); ok {
			name = cname.Target
		}
	}
	return all
}

// TestTruncated checks that a reply cut down to a datagram has what fits: clients
// that can't ask again over TCP use that.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, size := range []int{dns.MinMsgSize, 1232} {
		m := new(dns.Msg)
		m.SetQuestion("many"+inShop+".", dns.TypeA)
		if size > dns.MinMsgSize {
			m.SetEdns0(uint16(size), false)
		}
		reply, _, err := new(dns.Client).Exchange(m, clusterDNS+":53")
		if err != nil {
			t.Fatal(err)
		}
		const record = 16 // octets, with a compressed name
		reply.Compress = true
		if !reply.Truncated || reply.Len() > size || reply.Len() <= size-record {
			t.Errorf("of at most %d octets came %d (TC: %v); want TC, and room for less than a record", size, reply.Len(), reply.Truncated)
		}
	}
}
