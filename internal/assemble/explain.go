package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// effects say what each directive does here, and what CoreDNS would do otherwise.
func effects() map[string]string {
	return map[string]string{
		"acl":         "says who may ask what; the name that is judged is the one after rewrite",
		"any":         "answers questions of type ANY with one HINFO record",
		"autopath":    "walks the search path for clients: that of the file, which should be theirs, or with @kubernetes that of the pod that asks",
		"bind":        "listens on these addresses alone",
		"bufsize":     "bounds replies over UDP",
		"cache":       "keeps what the servers of forward reply; CoreDNS keeps answers of the cluster's zones and of all other handlers too",
		"cancel":      "bounds the time that a query may take",
		"chaos":       "answers questions of class CH for the version and the authors",
		"cookies":     "names the secrets of DNS cookies; CoreDNS has none",
		"debug":       "logs more; panics are caught all the same, where CoreDNS would end",
		"dns64":       "makes AAAA records of A records, for networks without IPv4",
		"erratic":     "answers, or fails to, as tests of clients want it",
		"errors":      "logs why queries are SERVFAIL",
		"explain":     "has NXDOMAIN and NODATA of kubernetes tell why, to clients with EDNS (dig shows it); CoreDNS has none",
		"file":        "answers from zones in master files, which are read again when they change",
		"forward":     "asks other servers: the same question once at a time, and again by TCP if it is truncated, where CoreDNS leaves both to clients",
		"header":      "changes flags of queries and replies",
		"health":      "answers /health; after SIGTERM, lameduck is for how long all is still answered",
		"hosts":       "answers names from a file and from these lines; the file is read again when it changes",
		"https":       "bounds the connections of https:// server blocks",
		"kubernetes":  "answers for the zones of a cluster, which are followed and never cached",
		"loadbalance": "begins the A and AAAA records of each answer at a random one; CoreDNS shuffles them, and MX records too",
		"local":       "answers for localhost",
		"log":         "logs queries",
		"loop":        "looks for forwarding loops; one is SERVFAIL and logged, where CoreDNS ends the process",
		"metadata":    "has handlers tell of queries, for log and rewrite; of clients, where kubernetes has pods verified",
		"minimal":     "leaves out records that nobody asked for",
		"multisocket": "is how many readers of UDP packets an address has",
		"nsid":        "tells clients that ask which server answers",
		"pprof":       "opens an endpoint with profiles of the process",
		"prometheus":  "opens /metrics, and counts the queries of the block",
		"ready":       "answers /ready; it stays OK in lameduck, where CoreDNS's turns to 503",
		"reload":      "takes in this file when it changes: whole, or not at all",
		"rewrite":     "changes questions, and answers back where it says so",
		"root":        "is where relative paths start",
		"rrl":         "bounds the rate of replies to a client",
		"template":    "answers by patterns",
		"timeouts":    "bounds the time of connections",
		"tls":         "is the certificate of tls:// and https:// server blocks; it is read again when it changes",
		"view":        "lets in the queries that every expr is true of; others go to the next block of the zone, and then to one of a shorter zone",
		"whoami":      "answers with the client's own address",
	}
}

// Debug reports whether a server block asks for more in the log.
func (p *Plan) Debug() bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return b.debug != nil })
}

// Explain says for each directive of the Corefile what it does, as file:line: text.
func (p *Plan) Explain() []string {
	does := effects()
	var lines []string
	for i := range p.blocks {
		b := &p.blocks[i]
		var keys []string
		for _, k := range b.Keys {
			keys = append(keys, k.String())
		}
		which := ""
		if b.view != nil {
			which = " of view " + b.view.Name
		}
		lines = append(lines, fmt.Sprintf("%s: queries%s for names in %s are served with:", b.Pos, which, strings.Join(keys, ", ")))
		for _, d := range b.Directives {
			lines = append(lines, fmt.Sprintf("%s:   %s: %s", d.Pos, written(d), does[d.Name]))
		}
	}
	return lines
}

// written returns a directive without its body, cut to what a line has room for.
func written(d corefile.Directive) string {
	const most = 60
	text := strings.Join(append([]string{d.Name}, d.Args...), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
