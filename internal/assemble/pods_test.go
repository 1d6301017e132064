package assemble_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// clients are pods whose addresses a test can ask from.
const clients = `
apiVersion: v1
kind: Pod
metadata: {name: cart-0, namespace: shop}
status: {podIPs: [{ip: 127.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: other}
status: {podIPs: [{ip: 127.0.0.3}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
status: {podIPs: [{ip: 127.0.0.4}]}
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, namespace: shop}
status: {podIPs: [{ip: 127.0.0.4}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: other}
spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}
`

// witness is an upstream with an address for each name below "test.", which notes the
// text of an option that it was sent with each.
type witness struct {
	addr string

	mu   sync.Mutex
	told map[string]string // by name; guarded by mu
}

const optionCode = 0xfff0

func (w *witness) ServeDNS(to dns.ResponseWriter, q *dns.Msg) {
	name := q.Question[0].Name
	w.mu.Lock()
	w.told[name] = ""
	if opt := q.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if o, ok := o.(*dns.EDNS0_LOCAL); ok && o.Code == optionCode {
				w.told[name] = string(o.Data)
			}
		}
	}
	w.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	if dns.IsSubDomain("test.", name) {
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
	} else {
		m.Rcode = dns.RcodeNameError
	}
	_ = to.WriteMsg(m) // the client finds out
}

// option returns what the upstream was told with its last question for name.
func (w *witness) option(name string) (text string, asked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, asked = w.told[name]
	return text, asked
}

func startWitness(t *testing.T) *witness {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{addr: p.LocalAddr().String(), told: map[string]string{}}
	server := &dns.Server{PacketConn: p, Handler: w}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := dnstest.Receive(t, "the witness' end", ended); err != nil {
			t.Error(err)
		}
	})
	return w
}

// askFrom asks for a name's IPv4 address from an address of this machine, and
// returns the rcode and the answer.
func askFrom(t *testing.T, client, addr, name string) string {
	t.Helper()
	from := &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(client)}, Timeout: 30 * time.Second}
	c := dns.Client{Dialer: from, Timeout: 30 * time.Second}
	m, _, err := c.Exchange(dnstest.Question(name, dns.TypeA), addr)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append([]string{dns.RcodeToString[m.Rcode]}, dnstest.Text(m.Answer)...), "\n")
}

// TestClients has pods, and others, ask a server that knows whose addresses are.
func TestClients(t *testing.T) {
	dir, up := t.TempDir(), startWitness(t)
	if err := os.WriteFile(filepath.Join(dir, "pods.yaml"), []byte(clients), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, `
.:0 {
    bind 127.0.0.1
    metadata
    log . "from {remote} {/kubernetes/client-namespace} {/kubernetes/client-pod-name} {name} {rcode}"
    rewrite edns0 local set 0xfff0 {kubernetes/client-pod-name}
    autopath @kubernetes
    acl secret.test denied.shop.svc.cluster.local {
        block
    }
    acl dropped.test {
        drop
    }
    kubernetes cluster.local clusterset.local in-addr.arpa {
        multicluster clusterset.local
        manifests `+dir+`
        pods verified
    }
    forward test `+up.addr+`
}`)
	addr := p.addr()
	const shop, other = ".shop.svc.cluster.local.", ".other.svc.cluster.local."
	led := func(name string) string {
		target := name[:strings.Index(name, ".test.")] + ".test."
		return "NOERROR\n" + name + " 1 IN CNAME " + target + "\n" + target + " 60 IN A 192.0.2.1"
	}
	tests := []struct{ title, client, name, want, pod, reason string }{
		{"a pod", "127.0.0.2", "www.test" + shop, led("www.test" + shop), "shop cart-0", "its search path is walked"},
		{"another", "127.0.0.3", "www.test" + other, led("www.test" + other), "other alone", "the path of its own namespace"},
		{"not its path", "127.0.0.3", "www.test" + shop, "NXDOMAIN", "other alone", "not the first of its path"},
		{"host network", "127.0.0.4", "www.test" + shop, led("www.test" + shop), "shop -", "which pod asks is not known, and of which namespace it is"},
		{"no pod", "127.0.0.9", "www.test" + shop, "NXDOMAIN", "- -", "no path"},
		{"a Service", "127.0.0.2", "web.other" + shop, "NOERROR\nweb.other" + shop + " 1 IN CNAME web" + other + "\nweb" + other + " 5 IN A 10.0.0.1", "shop cart-0", "the second of its path"},
		{"there", "127.0.0.3", "web" + other, "NOERROR\nweb" + other + " 5 IN A 10.0.0.1", "other alone", "a name that is there"},
		{"nowhere", "127.0.0.2", "none" + shop, "NXDOMAIN", "shop cart-0", "none of its path"},
		{"kept from it", "127.0.0.2", "secret.test" + shop, "NXDOMAIN", "shop cart-0", "acl judges what it is led to"},
		{"kept silent", "127.0.0.2", "dropped.test" + shop, "NXDOMAIN", "shop cart-0", "likewise"},
		{"denied", "127.0.0.2", "denied" + shop, "REFUSED", "shop cart-0", "acl's answer stays"},
		{"another cluster", "127.0.0.2", "www.test.shop.svc.clusterset.local.", "NXDOMAIN", "shop cart-0", "no pod has that in its search path"},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, askFrom(t, tt.client, addr, tt.name)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			rcode, _, _ := strings.Cut(tt.want, "\n")
			line := "from " + tt.client + " " + tt.pod + " " + tt.name + " " + rcode
			dnstest.Eventually(t, line, func() bool { return strings.Contains(p.log(), line+"\n") })
		})
	}
	for _, tt := range []struct{ client, name, want string }{
		{"127.0.0.2", "a.test.", "cart-0"}, {"127.0.0.3", "b.test.", "alone"}, {"127.0.0.9", "c.test.", ""},
	} {
		askFrom(t, tt.client, addr, tt.name)
		if got, asked := up.option(tt.name); got != tt.want || !asked {
			t.Errorf("with %s from %s came the option %q (asked: %v), want %q", tt.name, tt.client, got, asked, tt.want)
		}
	}
	for _, name := range []string{"secret.test.", "dropped.test."} {
		if _, asked := up.option(name); asked {
			t.Errorf("the upstream was asked for %s", name)
		}
	}
	if regexp.MustCompile("level=(WARN|ERROR)").MatchString(p.log()) {
		t.Error("there is something wrong in the log")
	}
}
