package differ

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A class is a difference between the two that is meant to be.
type class struct {
	id     string // for docs/differences.md
	clause string // what is on Rollcall's side: the specification, an RFC, or a decision record
	text   string // what differs
	// fold makes this difference alone go away: it turns CoreDNS' reply into
	// the one it would have given without it. What only one server can know (a
	// serial) is replaced in both.
	fold func(c *compared)
}

// compared is one question and its two replies.
type compared struct {
	name              string // asked for, in lower case
	typ               uint16
	rollcall, coredns reply
	// exists and records are what the world says of the name: it is there, and
	// it has records. alias is where it leads, if it is an ExternalName's.
	exists, records bool
	alias           string
	// other is CoreDNS' reply for another name or type in full, with every
	// difference folded.
	other func(name string, typ uint16) reply
	// part says that this reply is only to be a part of an expected one.
	part bool
}

// both applies f to the lines of every section of both replies.
func (c *compared) both(f func(fields []string)) {
	c.rollcall.edit(f)
	c.coredns.edit(f)
}

// deny turns CoreDNS' reply into a denial, with the SOA as the first folds leave
// it.
func (c *compared) deny(rcode int) {
	apex := "cluster.local."
	for _, reverse := range []string{"in-addr.arpa.", "ip6.arpa."} {
		if strings.HasSuffix(c.name, reverse) {
			apex = reverse
		}
	}
	c.coredns.rcode, c.coredns.answer, c.coredns.glue = rcode, nil, nil
	c.coredns.ns = []string{apex + " 1 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. SERIAL 7200 1800 86400 1"}
}

// classes are in the order in which they are folded: first what every answer may
// have, then what makes one of another kind.
var classes = []class{
	{
		id: "soa-serial", clause: "RFC 1982; decision 0004",
		text: "CoreDNS' serial is the clock. Rollcall's moves if and only if the zone's content does.",
		fold: func(c *compared) {
			c.both(func(f []string) {
				if f[3] == "SOA" {
					f[6] = "SERIAL"
				}
			})
		},
	},
	{
		id: "negative-ttl", clause: "RFC 2308 section 5; decision 0005",
		text: "CoreDNS lets caches keep a denial for as long as an answer (`ttl`); Rollcall for 1 second, or what `negative_ttl` says.",
		fold: func(c *compared) {
			c.coredns.edit(func(f []string) {
				if f[3] == "SOA" && f[10] == ttl {
					f[10] = "1"
				}
			})
			c.coredns.ns = edit(c.coredns.ns, func(f []string) {
				if f[3] == "SOA" && f[1] == ttl {
					f[1] = "1"
				}
			})
		},
	},
	{
		id: "target-case", clause: "RFC 4343 section 4.1",
		text: "CoreDNS writes the zone's part of a name within the data in the case that the question had. Rollcall's data is in lower case.",
		fold: func(c *compared) {
			c.both(func(f []string) {
				for i := range f {
					f[i] = lower(f[i])
				}
			})
		},
	},
	{
		id: "reverse-mname", clause: "RFC 1035 section 3.3.13",
		text: "The reverse zones' SOA of CoreDNS names a server that has no address (`ns.dns.in-addr.arpa`); Rollcall's names the server that it is.",
		fold: func(c *compared) {
			c.coredns.edit(func(f []string) {
				if f[3] == "SOA" && f[4] == "ns.dns."+f[0] && strings.HasSuffix(f[0], ".arpa.") {
					f[4], f[5] = "ns.dns.cluster.local.", "hostmaster.cluster.local."
				}
			})
		},
	},
	{
		id: "srv-weight", clause: "RFC 2782; decision 0008",
		text: "CoreDNS shares a weight of 100 out among the records of a set; Rollcall gives each 100. The chances are the same.",
		fold: func(c *compared) {
			c.coredns.edit(func(f []string) {
				if f[3] == "SRV" {
					f[5] = "100"
				}
			})
		},
	},
	{
		id: "dns-version-ttl", clause: "the option `ttl`",
		text: "CoreDNS gives `dns-version` a TTL of 8 hours; Rollcall gives every record that of the option.",
		fold: func(c *compared) {
			c.coredns.answer = edit(c.coredns.answer, func(f []string) {
				if c.name == "dns-version.cluster.local." && f[1] == "28800" {
					f[1] = ttl
				}
			})
		},
	},
	{
		id: "any", clause: "RFC 1035 section 3.2.3; RFC 8482 section 4.1",
		text: "CoreDNS has nothing of type ANY. Rollcall answers with the records that there are, as peer finders that ask so expect: with all over a stream, with those of one type over UDP.",
		fold: func(c *compared) {
			if c.typ != dns.TypeANY || !c.records {
				return
			}
			for _, typ := range anyTypes {
				of := c.other(c.name, typ)
				// An alias' other records are its target's.
				of.answer = slices.DeleteFunc(of.answer, func(line string) bool {
					f := strings.Split(line, " ")
					return f[0] != c.name || f[3] != dns.TypeToString[typ]
				})
				if of.positive() {
					c.coredns.rcode, c.coredns.answer, c.coredns.ns, c.coredns.glue = dns.RcodeSuccess, of.answer, nil, nil
					return
				}
			}
		},
	},
	{
		id: "alias-any-type", clause: "RFC 1034 section 4.3.2 step 3a; RFC 2308 section 2.2",
		text: "An ExternalName's CNAME answers every type of question, with what its target has behind it, or the denial of that, where the target is ours. CoreDNS gives it for A, AAAA and CNAME alone, and not if the target has none.",
		fold: func(c *compared) {
			if c.alias == "" || !c.coredns.nodata() {
				return
			}
			behind := reply{}
			if strings.HasSuffix(c.alias, ".cluster.local.") {
				behind = c.other(c.alias, c.typ)
			}
			c.coredns.rcode, c.coredns.ns, c.coredns.glue = behind.rcode, behind.ns, behind.glue
			c.coredns.answer = slices.Sorted(slices.Values(append(c.other(c.name, dns.TypeCNAME).answer, behind.answer...)))
		},
	},
	{
		id: "empty-non-terminal", clause: "RFC 8020 section 2; RFC 4592 section 2.2.2",
		text: "A name with others below it exists: NODATA. CoreDNS says NXDOMAIN, and a resolver may then take all that is below for missing.",
		fold: func(c *compared) {
			if c.exists && !c.records && c.coredns.rcode == dns.RcodeNameError {
				c.coredns.rcode = dns.RcodeSuccess
			}
		},
	},
	{
		id: "other-type", clause: "RFC 2308 section 2.2",
		text: "An address' reverse name, `dns-version` and a zone's apex have records, so that any other type is NODATA there. CoreDNS says NXDOMAIN.",
		fold: func(c *compared) {
			if c.records && c.coredns.rcode == dns.RcodeNameError {
				c.coredns.rcode = dns.RcodeSuccess
			}
		},
	},
	{
		id: "reverse-too-long", clause: "RFC 3596 section 2.5; RFC 8020 section 2",
		text: "Nothing stands below an address' reverse name. CoreDNS reads one with a label too many as the address.",
		fold: func(c *compared) {
			if !c.exists && strings.HasPrefix(c.name, "x.") && strings.HasSuffix(c.name, ".ip6.arpa.") {
				c.deny(dns.RcodeNameError)
			}
		},
	},
	{
		id: "orphan-ptr", clause: "specification 2.4.3",
		text: "An EndpointSlice whose Service does not exist has no names, so that its addresses have none either. CoreDNS answers with a PTR to a name that does not exist.",
		fold: func(c *compared) {
			if !c.exists && c.typ == dns.TypePTR && strings.Contains(strings.Join(c.coredns.answer, ""), ".orphan.") {
				c.deny(dns.RcodeNameError)
			}
		},
	},
	{
		id: "soa-anywhere", clause: "RFC 8020 section 2",
		text: "A name that does not exist does so for no type. CoreDNS says NODATA when asked for SOA.",
		fold: func(c *compared) {
			if !c.exists && c.typ == dns.TypeSOA && c.coredns.nodata() {
				c.coredns.rcode = dns.RcodeNameError
			}
		},
	},
	{
		id: "no-underscore", clause: "specification 2.3.2, 2.4.2; RFC 2782",
		text: "A port's labels begin with an underscore. CoreDNS takes `http.tcp.web` for `_http._tcp.web`.",
		fold: func(c *compared) {
			labels := dns.SplitDomainName(c.name)
			if !c.exists && len(labels) > 5 && slices.Contains([]string{"tcp", "udp", "sctp"}, labels[1]) && c.coredns.rcode == dns.RcodeSuccess {
				c.deny(dns.RcodeNameError)
			}
		},
	},
	{
		id: "address-at-port", clause: "specification 2.3.2, 2.4.2",
		text: "A port's name has SRV records. CoreDNS gives it the Service's addresses as well.",
		fold: func(c *compared) {
			if c.exists && strings.HasPrefix(c.name, "_") && (c.typ == dns.TypeA || c.typ == dns.TypeAAAA) && c.coredns.positive() {
				c.deny(dns.RcodeSuccess)
			}
		},
	},
	{
		id: "name-server", clause: "RFC 1034 section 4.2.1",
		text: "Every zone's apex has an NS record, and `ns.dns` the addresses of the Service kube-system/kube-dns. CoreDNS has them only in a forward zone, and only where it is itself an endpoint of a Service.",
		fold: func(c *compared) {
			const server, address = "ns.dns.cluster.local.", "ns.dns.cluster.local. " + ttl + " IN A 10.96.0.10"
			apex := c.name == "cluster.local." || c.name == "in-addr.arpa." || c.name == "ip6.arpa."
			switch {
			case !c.coredns.nodata():
			case apex && c.typ == dns.TypeNS:
				c.coredns.answer, c.coredns.ns, c.coredns.glue = []string{c.name + " " + ttl + " IN NS " + server}, nil, []string{address}
			case c.name == server && c.typ == dns.TypeA:
				c.coredns.answer, c.coredns.ns = []string{address}, nil
			}
		},
	},
	{
		id: "pod-srv", clause: "specification 2.3, 2.4",
		text: "A pod's name by address has an address and no port. CoreDNS makes an SRV record with port 0.",
		fold: func(c *compared) {
			if c.typ == dns.TypeSRV && strings.HasSuffix(c.name, ".pod.cluster.local.") && strings.Contains(strings.Join(c.coredns.answer, ""), " SRV 0 100 0 ") {
				c.deny(dns.RcodeSuccess)
			}
		},
	},
	{
		id: "udp-size", clause: "DNS flag day 2020; RFC 9715 section 3.1; RFC 2181 section 9",
		text: "CoreDNS sends as much over UDP as the client says that it takes. Rollcall sends at most 1232 octets, which cross any IPv6 path in one piece, unless `bufsize` allows more: it leaves out addresses of SRV targets, and then answers, with TC.",
		fold: func(c *compared) {
			if !c.part {
				c.coredns = c.coredns.cut(c.rollcall)
			}
		},
	},
}

// anyTypes are the types of records in the order in which Rollcall looks for one
// to answer a question for ANY over UDP.
var anyTypes = []uint16{dns.TypeSOA, dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeTXT, dns.TypeAAAA, dns.TypeSRV}

// edit rewrites the lines of every section.
func (r *reply) edit(f func(fields []string)) {
	r.answer, r.ns, r.glue = edit(r.answer, f), edit(r.ns, f), edit(r.glue, f)
}

// edit rewrites the fields of each line, and sorts the lines again.
func edit(lines []string, f func(fields []string)) []string {
	edited := make([]string, len(lines))
	for i, line := range lines {
		fields := strings.Split(line, " ")
		f(fields)
		edited[i] = strings.Join(fields, " ")
	}
	slices.Sort(edited)
	return edited
}

// lower is a domain name in lower case. Types, TTLs and what the folds above
// put into their place stay.
func lower(field string) string {
	if strings.HasSuffix(field, ".") {
		return strings.ToLower(field)
	}
	return field
}
