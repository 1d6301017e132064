package clients

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A fault is a mistake of a server. What clients make of it is why Rollcall takes
// care not to make it.
type fault struct {
	label string // of the name that is asked for, below fault.test
	says  string // for the document
	// kind is what is asked for; if empty it is ip, or what a client has instead.
	kind string
	// want is the outcome without the fault; found if empty.
	want string
	// step is the rcode for the names that the search path leads to, NXDOMAIN if 0,
	// NOERROR if noData, and with a CNAME if aliasAlone.
	step int
	// final changes the reply for the name itself. Before, that is right: it has the
	// address for A, and NODATA for other types.
	final func(m *dns.Msg, tcp bool)
}

const noData, aliasAlone = -1, -2

// The one address that a name with a fault has.
const faultAddress = "203.0.113.90"

// faults are all, after what is none.
func faults() []fault {
	rcodeFor := func(qtype uint16, rcode int) func(*dns.Msg, bool) {
		return func(m *dns.Msg, _ bool) {
			if m.Question[0].Qtype == qtype {
				m.Answer, m.Rcode = nil, rcode
			}
		}
	}
	return []fault{
		{label: "right", says: "nothing"},
		{label: "aaaa-nxdomain", says: "AAAA is NXDOMAIN, though there is an address of the other family", final: rcodeFor(dns.TypeAAAA, dns.RcodeNameError)},
		{label: "aaaa-servfail", says: "AAAA is SERVFAIL, though there is an address of the other family", final: rcodeFor(dns.TypeAAAA, dns.RcodeServerFailure)},
		{label: "step-nodata", says: "names of the search path that do not exist are NODATA", step: noData},
		{label: "step-alias", says: "the same, with a CNAME that leads to no records", step: aliasAlone},
		{label: "step-servfail", says: "names of the search path that do not exist are SERVFAIL", step: dns.RcodeServerFailure},
		{label: "step-servfail-last", kind: "ip4", want: failed, step: dns.RcodeServerFailure,
			says: "the same, and the name itself is NXDOMAIN; asked is for IPv4 alone", final: rcodeFor(dns.TypeA, dns.RcodeNameError)},
		{label: "step-refused", says: "names of the search path that do not exist are REFUSED", step: dns.RcodeRefused},
		{label: "cname-last", says: "a CNAME stands behind the address that it leads to", final: func(m *dns.Msg, _ bool) {
			if len(m.Answer) > 0 {
				name := m.Question[0].Name
				m.Answer[0].Header().Name = "target." + name
				m.Answer = append(m.Answer, record(name+" 5 IN CNAME target."+name))
			}
		}},
		{label: "lame", kind: "ip6", want: none, says: "NODATA has neither AA nor RA; asked is for IPv6 alone", final: func(m *dns.Msg, _ bool) {
			m.Authoritative, m.RecursionAvailable = false, false
		}},
		{label: "cut", says: "a datagram has TC and no records; they come over TCP", final: func(m *dns.Msg, tcp bool) {
			if !tcp {
				m.Truncated, m.Answer = true, nil
			}
		}},
	}
}

// record returns a record from a line of a zone file.
func record(line string) dns.RR {
	rr, err := dns.NewRR(line)
	if err != nil {
		panic(err) // the lines are of this file
	}
	return rr
}

// TestFaults shows that the clients mind what Rollcall takes care of, with a server
// that doesn't.
func TestFaults(t *testing.T) {
	serveFaults(t)
	clients := slices.DeleteFunc(all(t), func(c client) bool { return c.libc })
	heads := []string{"what is wrong"}
	for _, c := range clients {
		heads = append(heads, c.name)
	}
	lines := [][]string{heads}
	for _, f := range faults() {
		lines = append(lines, append([]string{f.says}, make([]string, len(clients))...))
	}
	t.Run("clients", func(t *testing.T) { // returns when all have been asked
		for column, c := range clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				a := c.start(t, pod{servers: []string{mistaken}, options: "timeout:2 attempts:1"})
				for i, f := range faults() {
					cell, err := f.suffered(c, a)
					if err != nil {
						t.Fatal(err)
					}
					if i == 0 && cell != unharmed {
						t.Errorf("%s, of a server that makes no mistake", cell)
					}
					lines[i+1][column+1] = cell
				}
			})
		}
	})
	var table string
	for i, line := range lines {
		table += "| " + strings.Join(line, " | ") + " |\n"
		if i == 0 {
			table += strings.Repeat("|---", len(line)) + "|\n"
		}
	}
	// What clients do depends on their versions; the rest does not.
	titles := func(table string) (all []string) {
		for line := range strings.Lines(table) {
			title, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
			all = append(all, title)
		}
		return all
	}
	checkSection(t, "faults", table, func(a, b string) bool { return slices.Equal(titles(a), titles(b)) })
}

// The document's words for what comes of a fault.
const (
	unharmed   = "fine"
	notFound   = "**not found**"
	fails      = "**fails**"
	notAtStake = "–" // the client does not ask that
)

// suffered asks a client for the fault's name, and returns what came of it.
func (f fault) suffered(c client, a asker) (string, error) {
	kind := f.kind
	if kind == "" {
		i := slices.IndexFunc([]string{"ip", "ip4", "one"}, c.can)
		kind = []string{"ip", "ip4", "one"}[i]
	}
	if !c.can(kind) || f.step != 0 && !c.search {
		return notAtStake, nil
	}
	got, err := a.ask(kind, f.label+".fault.test")
	if err != nil {
		return "", err
	}
	switch {
	case got.outcome == found && !slices.Equal(got.values, []string{faultAddress}):
		return "", fmt.Errorf("%s: got %s for %s", c.name, got, f.label)
	case got.outcome == cmp.Or(f.want, found):
		return unharmed, nil
	case got.outcome == none:
		return notFound, nil
	}
	return fails, nil
}

// serveFaults starts the server for the test.
func serveFaults(t *testing.T) {
	t.Helper()
	packets, err := net.ListenPacket("udp", mistaken+":53")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", mistaken+":53")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			// A client that went away is none that the test waits for.
			_ = w.WriteMsg(mistakenReply(m, s.Listener != nil))
		})
		ended := make(chan error, 1)
		go func() { ended <- s.ActivateAndServe() }()
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func mistakenReply(m *dns.Msg, tcp bool) *dns.Msg {
	reply := new(dns.Msg)
	reply.SetReply(m)
	reply.Authoritative, reply.RecursionAvailable = true, true
	label, rest, _ := strings.Cut(dns.CanonicalName(m.Question[0].Name), ".")
	all := faults()
	i := slices.IndexFunc(all, func(f fault) bool { return f.label == label })
	switch {
	case i < 0 || !strings.HasPrefix(rest, "fault.test."):
		reply.Rcode = dns.RcodeNameError
	case rest != "fault.test.":
		reply.Rcode = cmp.Or(max(all[i].step, 0), dns.RcodeNameError)
		if all[i].step < 0 {
			reply.Rcode = dns.RcodeSuccess
		}
		if all[i].step == aliasAlone {
			reply.Answer = append(reply.Answer, record(m.Question[0].Name+" 5 IN CNAME bare.test."))
		}
	default:
		if m.Question[0].Qtype == dns.TypeA {
			reply.Answer = append(reply.Answer, record(fmt.Sprintf("%s 5 IN A %s", m.Question[0].Name, faultAddress)))
		}
		if all[i].final != nil {
			all[i].final(reply, tcp)
		}
	}
	if len(reply.Answer) == 0 || rest != "fault.test." {
		reply.Ns = append(reply.Ns, record("test. 5 IN SOA ns.test. admin.test. 1 5 5 5 5"))
	}
	return reply
}
