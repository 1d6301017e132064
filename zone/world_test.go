package zone

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// key reads namespace/name; a name alone is in default.
func key(text string) Key {
	if ns, name, ok := strings.Cut(text, "/"); ok {
		return Key{ns, name}
	}
	return Key{"default", text}
}

func meta(text string) Meta {
	k := key(text)
	return Meta{Namespace: k.Namespace, Name: k.Name}
}

// addrs reads addresses between commas.
func addrs(text string) (list []netip.Addr) {
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		list = append(list, netip.MustParseAddr(s))
	}
	return list
}

// ports reads ports between spaces, each name/protocol/number, with an empty
// name for an unnamed one.
func ports(text string) (list []Port) {
	for _, s := range strings.Fields(text) {
		f := strings.Split(s, "/")
		n, err := strconv.ParseUint(f[2], 10, 16)
		if err != nil {
			panic(err)
		}
		list = append(list, Port{f[0], Protocol(f[1]), uint16(n)})
	}
	return list
}

func clusterIP(name, ips, portList string) *Service {
	return &Service{Meta: meta(name), Type: ClusterIP, ClusterIPs: addrs(ips), Ports: ports(portList)}
}

func headless(name string) *Service {
	return &Service{Meta: meta(name), Type: Headless}
}

func external(name, target string) *Service {
	return &Service{Meta: meta(name), Type: ExternalName, ExternalName: target}
}

// slice makes an EndpointSlice of a Service in its namespace. Each endpoint is
// its addresses and, after spaces, host=, pod=, zone= and notready.
func slice(name, service, portList string, endpoints ...string) *EndpointSlice {
	s := &EndpointSlice{Meta: meta(name), Service: service, Ports: ports(portList)}
	for _, text := range endpoints {
		f := strings.Fields(text)
		e := Endpoint{Addresses: addrs(f[0]), Ready: true}
		for _, option := range f[1:] {
			name, value, _ := strings.Cut(option, "=")
			switch name {
			case "host":
				e.Hostname = value
			case "pod":
				e.Pod = value
			case "zone":
				e.Zone = value
			case "notready":
				e.Ready = false
			default:
				panic("no such option: " + option)
			}
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

func namespace(name string) *Namespace { return &Namespace{Meta{Name: name}} }

func pod(name, ips string) *Pod { return &Pod{Meta: meta(name), Addresses: addrs(ips)} }

// names reads domain names between spaces.
func names(text string) (list []Name) {
	for _, s := range strings.Fields(text) {
		list = append(list, wire.MustParseName(s))
	}
	return list
}

// testZones are the zones of most tests: forward, and reverse for 10/8 and fd00::/16.
const testZones = "cluster.local 10.in-addr.arpa 0.0.d.f.ip6.arpa"

// testConfig is the Config of most tests.
func testConfig() Config {
	return Config{Zones: names(testZones), TTL: DefaultTTL, HeadlessTTL: DefaultTTL, NegativeTTL: DefaultNegativeTTL}
}

// newZone returns a Zone that holds objects.
func newZone(t testing.TB, c Config, objects ...Object) *Zone {
	t.Helper()
	z, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		z.Apply(Event{Op: Put, Object: o})
	}
	return z
}

// ask is a question and how it comes.
type ask struct {
	text   string // name and type
	stream bool
	size   uint16 // of EDNS; 0 for none
	rotate uint32
}

// packet returns the question's message.
func (a ask) packet(t testing.TB) []byte {
	t.Helper()
	f := strings.Fields(a.text)
	typ, ok := dns.StringToType[f[1]]
	if !ok {
		n, err := strconv.ParseUint(strings.TrimPrefix(f[1], "TYPE"), 10, 16)
		if err != nil {
			t.Fatalf("question %q: no such type", a.text)
		}
		typ = uint16(n)
	}
	m := new(dns.Msg).SetQuestion(dns.Fqdn(f[0]), typ)
	if a.size > 0 {
		m.SetEdns0(a.size, false)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatalf("question %q: %v", a.text, err)
	}
	return b
}

// exchange answers a question as a resolver does, and returns the outcome and
// the decoded reply.
func exchange(t testing.TB, s *Snapshot, a ask) (Outcome, *dns.Msg) {
	t.Helper()
	var q wire.Query
	if v := q.Parse(a.packet(t)); v != wire.Accept {
		t.Fatalf("question %q: Parse = %d, %v", a.text, v, q.Reject)
	}
	var r wire.Reply
	r.Rotate = a.rotate
	r.Start(&q, nil, a.stream)
	result := s.Answer(&q, &r)
	if result.Outcome == NoData || result.Outcome == NameError {
		s.Negative(result, &r)
	}
	m := new(dns.Msg)
	if err := m.Unpack(r.Finish()); err != nil {
		t.Fatalf("question %q: reply is malformed: %v", a.text, err)
	}
	return result.Outcome, m
}

// outcomeNames are what the tables of this package call the outcomes.
var outcomeNames = [...]string{
	NotOurs: "NotOurs", NotReady: "NotReady", Success: "Success", NoData: "NoData",
	NameError: "NameError", Leaves: "Leaves", Loop: "Loop",
}

// render writes an outcome and a reply as text: the outcome, with "tc" if
// truncated, and the records of each section, a line each.
func render(o Outcome, m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(outcomeNames[o])
	if m.Truncated {
		b.WriteString(" tc")
	}
	b.WriteByte('\n')
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		heading := []string{"", ";authority\n", ";additional\n"}[i]
		for _, rr := range section {
			if rr.Header().Rrtype != dns.TypeOPT {
				b.WriteString(heading + strings.Join(strings.Fields(rr.String()), " ") + "\n")
				heading = ""
			}
		}
	}
	return b.String()
}

// lines strips a table's text of indentation and of empty lines.
func lines(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// dump returns all zones of a snapshot as text, the serials left out.
func dump(t testing.TB, s *Snapshot) string {
	t.Helper()
	var b strings.Builder
	for _, apex := range s.Zones() {
		b.WriteString("; " + apex.String() + "\n")
		if err := s.Records(apex, func(rr dns.RR) error {
			b.WriteString(rr.String() + "\n")
			return nil
		}); err != nil {
			t.Fatalf("dump of %s: %v", apex, err)
		}
	}
	return b.String()
}
