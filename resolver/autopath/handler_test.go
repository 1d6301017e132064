package autopath_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/acl"
	"github.com/rollcall-dns/rollcall/resolver/autopath"
	"github.com/rollcall-dns/rollcall/zone"
)

// soa is the denial of the names that world does not know.
const soa = "cluster.local. 5 IN SOA . . 1 1 1 1 5"

// world answers by name and type, and notes what it was asked. A name without
// records is NODATA; one with an outcome in their place has that.
type world struct {
	says  map[string]string
	fails map[string]resolver.Outcome
	asked []string
}

func (w *world) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	name := zone.Name(q.Name()).String()
	w.asked = append(w.asked, name)
	if o, ok := w.fails[name]; ok {
		return o
	}
	m := new(dns.Msg)
	m.SetQuestion(name, q.Type)
	o := resolver.NoData
	text, ok := w.says[name]
	for _, line := range strings.Split(text, "\n") {
		if rr, err := dns.NewRR(line); err == nil && rr != nil && (rr.Header().Rrtype == q.Type || rr.Header().Rrtype == dns.TypeCNAME) {
			m.Answer, o = append(m.Answer, rr), resolver.Answered
		}
	}
	if !ok {
		o = resolver.NameError
	}
	if o != resolver.Answered {
		rr, err := dns.NewRR(soa)
		if err != nil {
			panic(err)
		}
		m.Ns = []dns.RR{rr}
	}
	if err := r.SetMsg(m); err != nil {
		panic(err)
	}
	return o
}

// pods are the namespaces of addresses.
type pods map[netip.Addr]string

func (p pods) PodOf(addr netip.Addr) (zone.Key, bool) {
	ns, ok := p[addr.Unmap()]
	return zone.Key{Namespace: ns}, ok
}

// show returns the rcode and records of a reply, nothing if there is none.
func show(m *dns.Msg) string {
	if m == nil {
		return "nothing"
	}
	lines := append([]string{dns.RcodeToString[m.Rcode]}, dnstest.Text(slices.Concat(m.Answer, m.Ns))...)
	return strings.Join(lines, "\n")
}

// resolvConf makes a file with a search path.
func resolvConf(t *testing.T, search string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 10.96.0.10\nsearch "+search+"\noptions ndots:5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// forPods returns the configuration of a cluster's block.
func forPods(t *testing.T) autopath.Config {
	addr := netip.MustParseAddr
	return autopath.Config{
		Zones: []string{"."}, Kubernetes: true, File: resolvConf(t, "corp.test"),
		Cluster: []zone.Name{dnstest.Name(t, "cluster.local"), dnstest.Name(t, "prod.cluster.local")},
		Pods:    pods{addr("192.0.2.1"): "default", addr("2001:db8::1"): "six", addr("192.0.2.9"): strings.Repeat("x", 64)},
	}
}

func TestSearch(t *testing.T) {
	says := map[string]string{
		"here.default.svc.cluster.local.":      "here.default.svc.cluster.local. 5 IN A 10.0.0.1",
		"here.":                                "here. 300 IN A 198.51.100.9",
		"web.svc.cluster.local.":               "web.svc.cluster.local. 3 IN A 10.0.0.2",
		"host.corp.test.":                      "host.corp.test. 300 IN A 10.1.0.1",
		"example.com.":                         "example.com. 300 IN A 198.51.100.1",
		"alias.com.":                           "alias.com. 300 IN CNAME example.com.\nexample.com. 300 IN A 198.51.100.1",
		"x.prod.default.svc.cluster.local.":    "",
		"deep.default.svc.prod.cluster.local.": "",
	}
	fails := map[string]resolver.Outcome{
		"down.cluster.local.": resolver.ServFail,
		"bad.cluster.local.":  resolver.Refused,
		"mute.cluster.local.": resolver.Dropped,
	}
	none := "NXDOMAIN\n" + soa
	const v4, v6 = "192.0.2.1:5353", "[2001:db8::1]:5353"
	tests := []struct {
		title, client, name string
		typ                 uint16
		want                string
		asked               int
		counted             int
		reason              string
	}{
		{"there", v4, "here.default.svc.cluster.local.", dns.TypeA, "NOERROR\nhere.default.svc.cluster.local. 5 IN A 10.0.0.1", 1, 0, "a name that exists is the answer"},
		{"without data", v4, "here.default.svc.cluster.local.", dns.TypeAAAA, "NOERROR\n" + soa, 1, 0, "so is one that has no such records"},
		{"second domain", v4, "web.default.svc.cluster.local.", dns.TypeA, "NOERROR\nweb.default.svc.cluster.local. 3 IN CNAME web.svc.cluster.local.\nweb.svc.cluster.local. 3 IN A 10.0.0.2", 2, 1, "the second search domain, TTL of what is there"},
		{"host's domain", v4, "host.default.svc.cluster.local.", dns.TypeA, "NOERROR\nhost.default.svc.cluster.local. 5 IN CNAME host.corp.test.\nhost.corp.test. 300 IN A 10.1.0.1", 4, 1, "those of the host come after those of the cluster"},
		{"no domain", v4, "example.com.default.svc.cluster.local.", dns.TypeA, "NOERROR\nexample.com.default.svc.cluster.local. 5 IN CNAME example.com.\nexample.com. 300 IN A 198.51.100.1", 5, 1, "none comes last; the CNAME holds while the name is denied"},
		{"to an alias", v4, "alias.com.default.svc.cluster.local.", dns.TypeA, "NOERROR\nalias.com.default.svc.cluster.local. 5 IN CNAME alias.com.\nalias.com. 300 IN CNAME example.com.\nexample.com. 300 IN A 198.51.100.1", 5, 1, "CNAME records in order"},
		{"other family", v4, "example.com.default.svc.cluster.local.", dns.TypeAAAA, "NOERROR\n" + soa, 5, 1, "NODATA where A has an answer: not NXDOMAIN, which hides that from musl"},
		{"nowhere", v4, "none.default.svc.cluster.local.", dns.TypeA, none, 5, 0, "the first reply stays"},
		{"other namespace", v4, "example.com.other.svc.cluster.local.", dns.TypeA, none, 1, 0, "not the client's first domain"},
		{"second by itself", v4, "example.com.svc.cluster.local.", dns.TypeA, none, 1, 0, "nor is this: the client walks by itself"},
		{"the domain itself", v4, "default.svc.cluster.local.", dns.TypeA, none, 1, 0, "there is no name before the domain"},
		{"over IPv6", v6, "example.com.six.svc.cluster.local.", dns.TypeA, "NOERROR\nexample.com.six.svc.cluster.local. 5 IN CNAME example.com.\nexample.com. 300 IN A 198.51.100.1", 5, 1, "a pod's IPv6 address"},
		{"in both forms", "[::ffff:192.0.2.1]:5353", "web.default.svc.cluster.local.", dns.TypeA, "NOERROR\nweb.default.svc.cluster.local. 3 IN CNAME web.svc.cluster.local.\nweb.svc.cluster.local. 3 IN A 10.0.0.2", 2, 1, "IPv4 on a socket of both families"},
		{"longest zone", v4, "example.com.default.svc.prod.cluster.local.", dns.TypeA, "NOERROR\nexample.com.default.svc.prod.cluster.local. 5 IN CNAME example.com.\nexample.com. 300 IN A 198.51.100.1", 5, 1, "the cluster's zone that the name is in"},
		{"a stranger", "192.0.2.2:5353", "example.com.default.svc.cluster.local.", dns.TypeA, none, 1, 0, "no pod, no search path"},
		{"no label", "192.0.2.9:5353", "example.com.default.svc.cluster.local.", dns.TypeA, none, 1, 0, "what can't be a domain is none"},
		{"outside", v4, "none.example.net.", dns.TypeA, none, 1, 0, "no zone of a cluster"},
		{"a failure", v4, "down.default.svc.cluster.local.", dns.TypeA, none, 3, 0, "the client finds that out by itself, and the order stays"},
		{"refused", v4, "bad.default.svc.cluster.local.", dns.TypeA, none, 3, 0, "REFUSED, which musl waits after, is not put at another name"},
		{"dropped", v4, "mute.default.svc.cluster.local.", dns.TypeA, none, 3, 0, "nor is silence"},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			metrics, err := autopath.NewMetrics(reg)
			if err != nil {
				t.Fatal(err)
			}
			c, w := forPods(t), &world{says: says, fails: fails}
			c.Metrics, c.Server = metrics, "dns://:53"
			h, err := autopath.New(c, w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, show(from(t, h, tt.client, dnstest.Question(tt.name, tt.typ)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if len(w.asked) != tt.asked {
				t.Errorf("%s: asked for %v, want %d names", tt.reason, w.asked, tt.asked)
			}
			if n := count(t, reg); n != tt.counted {
				t.Errorf("counted %d, want %d", n, tt.counted)
			}
		})
	}
}

// from asks h as client does.
func from(t *testing.T, h resolver.Handler, client string, m *dns.Msg) *dns.Msg {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Client = netip.MustParseAddrPort(client)
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(x, dnstest.Pack(t, m), nil)
	if len(out) == 0 {
		return nil
	}
	return dnstest.Unpack(t, out)
}

// count returns the metric that dashboards have.
func count(t *testing.T, reg *prometheus.Registry) int {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := f.GetMetric()[0]
		if l := m.GetLabel()[0]; f.GetName() == "coredns_autopath_success_total" && l.GetName() == "server" && l.GetValue() == "dns://:53" {
			return int(m.GetCounter().GetValue())
		}
	}
	t.Fatal("there is no coredns_autopath_success_total")
	return 0
}

// TestFlags has the names of the search path be another server's, which vouches for
// them.
func TestFlags(t *testing.T) {
	const asked = "example.com.default.svc.cluster.local."
	for _, ours := range []bool{true, false} {
		next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			name := zone.Name(q.Name()).String()
			m := new(dns.Msg)
			m.SetQuestion(name, q.Type)
			o := resolver.Answered
			if name == asked {
				m.Rcode, m.Authoritative, o = dns.RcodeNameError, ours, resolver.NameError
			} else {
				m.Authoritative, m.AuthenticatedData = !ours, true
				m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1)}}
			}
			if err := r.SetMsg(m); err != nil {
				t.Error(err)
			}
			return o
		})
		h, err := autopath.New(forPods(t), next)
		if err != nil {
			t.Fatal(err)
		}
		m := dnstest.Question(asked, dns.TypeA)
		m.AuthenticatedData = true // asks for AD (RFC 6840 section 5.7)
		m = dnstest.Serve(t, h, m)
		if len(m.Answer) != 2 || m.Authoritative != ours || m.AuthenticatedData {
			t.Errorf("RFC 1035 section 4.1.1: AA is of the name asked for, here %v; RFC 4035 section 3.2.3: nobody vouches for the CNAME record:\n%v", ours, m)
		}
	}
}

// TestCase is of a client that writes names in mixed case.
func TestCase(t *testing.T) {
	h, err := autopath.New(forPods(t), &world{says: map[string]string{"example.com.": "example.com. 300 IN A 198.51.100.1"}})
	if err != nil {
		t.Fatal(err)
	}
	m := dnstest.Serve(t, h, dnstest.Question("EXAMPLE.com.default.svc.cluster.LOCAL.", dns.TypeA))
	if len(m.Answer) != 2 || m.Question[0].Name != "EXAMPLE.com.default.svc.cluster.LOCAL." || m.Answer[0].Header().Name != m.Question[0].Name {
		t.Errorf("RFC 4343: the question and the CNAME record's owner are as the client wrote them: %v", m)
	}
}

// TestFile is of a search path that all clients have.
func TestFile(t *testing.T) {
	says := map[string]string{"b.com.": "b.com. 3600 IN A 127.0.0.53", "b.": "b. 3600 IN A 127.0.0.54"}
	long := strings.Repeat(strings.Repeat("y", 62)+".", 4) + "y" // 255 octets, and so no name can be below it
	tests := []struct{ zones, search, name, want, reason string }{
		{".", "example.org example.com com", "b.example.org.", "NOERROR\nb.example.org. 5 IN CNAME b.com.\nb.com. 3600 IN A 127.0.0.53", "in order"},
		{".", "Example.ORG. example.org net Net", "b.example.org.", "NOERROR\nb.example.org. 5 IN CNAME b.\nb. 3600 IN A 127.0.0.54", "a domain that comes twice is asked once"},
		{".", "example.org com", "b.example.com.", "NXDOMAIN\n" + soa, "not the first domain"},
		{"example.net.", "example.org com", "b.example.org.", "NXDOMAIN\n" + soa, "not in the zones"},
		{"example.org.", "example.org com", "b.example.org.", "NOERROR\nb.example.org. 5 IN CNAME b.com.\nb.com. 3600 IN A 127.0.0.53", "in the zones; where it leads to need not be"},
		{".", "y.org " + long + " com", "b.y.org.", "NOERROR\nb.y.org. 5 IN CNAME b.com.\nb.com. 3600 IN A 127.0.0.53", "RFC 1035 section 2.3.4: a name that would be too long is left out"},
		{".", "", "b.example.org.", "NXDOMAIN\n" + soa, "no search path"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := &world{says: says}
			h, err := autopath.New(autopath.Config{Zones: []string{tt.zones}, File: resolvConf(t, tt.search)}, w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, show(dnstest.Serve(t, h, dnstest.Question(tt.name, dns.TypeA)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if slices.Sort(w.asked); len(slices.Compact(slices.Clone(w.asked))) != len(w.asked) {
				t.Errorf("asked twice: %v", w.asked)
			}
		})
	}
	if _, err := autopath.New(autopath.Config{Zones: []string{"."}, File: filepath.Join(t.TempDir(), "gone")}, nil); err == nil {
		t.Error("a file that is not there is no error")
	}
}

// TestACL is of a client that the names it asks for are not for: those that it is
// led to are judged as well.
func TestACL(t *testing.T) {
	secret := map[string]string{"secret.corp.test.": "secret.corp.test. 300 IN A 10.1.0.1"}
	for _, verb := range []acl.Verb{acl.Block, acl.Drop} {
		guard, err := acl.New(acl.Config{Rules: []acl.Rule{{
			Zones: []string{"corp.test."}, Actions: []acl.Action{{Verb: verb, Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
		}}}, &world{says: secret})
		if err != nil {
			t.Fatal(err)
		}
		h, err := autopath.New(forPods(t), guard)
		if err != nil {
			t.Fatal(err)
		}
		const name = "secret.default.svc.cluster.local."
		if diff := cmp.Diff("NXDOMAIN\n"+soa, show(dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA)))); diff != "" {
			t.Errorf("verb %v (-want +got):\n%s", verb, diff)
		}
	}
}

// TestLater is of a name on the way that takes long.
func TestLater(t *testing.T) {
	w := &world{fails: map[string]resolver.Outcome{"x.corp.test.": resolver.Later}}
	h, err := autopath.New(forPods(t), w)
	if err != nil {
		t.Fatal(err)
	}
	x := dnstest.Exchange()
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(x, dnstest.Pack(t, dnstest.Question("x.default.svc.cluster.local.", dns.TypeA)), nil)
	if len(out) > 0 || !x.Later() {
		t.Errorf("a reply that has to be waited for: %x, later %v", out, x.Later())
	}
}

// TestWithoutPods is of a block whose kubernetes does not know pods.
func TestWithoutPods(t *testing.T) {
	c := forPods(t)
	c.Pods = nil
	h, err := autopath.New(c, &world{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("NXDOMAIN\n"+soa, show(dnstest.Serve(t, h, dnstest.Question("x.default.svc.cluster.local.", dns.TypeA)))); diff != "" {
		t.Errorf("it has no effect (-want +got):\n%s", diff)
	}
}

// TestAllocations is of names that are there, and of clients without a search path.
func TestAllocations(t *testing.T) {
	for _, o := range []resolver.Outcome{resolver.Answered, resolver.NameError} {
		h, err := autopath.New(forPods(t), resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return o }))
		if err != nil {
			t.Fatal(err)
		}
		q, r := new(resolver.Query), new(resolver.Reply)
		if q.Parse(dnstest.Pack(t, dnstest.Question("x.default.svc.cluster.local.", dns.TypeA))) != wire.Accept {
			t.Fatal("not a question")
		}
		q.Client = netip.MustParseAddrPort("192.0.2.77:53")
		if n := testing.AllocsPerRun(100, func() { h.Serve(q, r) }); n != 0 {
			t.Errorf("outcome %v that stays allocates %v times", o, n)
		}
	}
}
