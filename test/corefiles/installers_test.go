package corefiles

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// installers are the Corefiles that installers of Kubernetes write.
var installers = []trial{
	{name: "kubeadm"},
	{name: "kubeadm-1.17"},
	{name: "kops", upstreams: map[string]string{"/etc/resolv.conf": recursor}},
	{name: "eks", upstreams: map[string]string{"/etc/resolv.conf": recursor}},
	{name: "helm", upstreams: map[string]string{"/etc/resolv.conf": recursor}},
	{name: "rke"},
	{name: "kubespray", upstreams: map[string]string{"8.8.8.8": recursor, "8.8.4.4": recursor}, exhibits: []exhibit{
		{[]string{"forward . 8.8.8.8 8.8.4.4"}, func(t *testing.T, s *subject) {
			// By the random policy, one of twenty names goes to another upstream than the rest.
			for i := range 20 {
				s.mustAsk(t, fmt.Sprintf("n%d.example.org. A", i))
			}
			for name, r := range s.relays {
				if r.count(".example.org. A") == 0 {
					t.Errorf("%s was not asked", name)
				}
			}
		}},
		{[]string{"prefer_udp"}, func(t *testing.T, s *subject) {
			if _, err := s.ask("", "text.example.org. TXT", "tcp"); err != nil {
				t.Error(err)
			}
			for name, r := range s.relays {
				if n := r.count("tcp text.example.org."); n != 0 {
					t.Errorf("%s was asked %d times over TCP", name, n)
				}
			}
		}},
	}},
	{
		name: "k3s", upstreams: map[string]string{"10.20.0.53": corp},
		exhibits: []exhibit{
			asks([]string{"hosts /etc/coredns/NodeHosts", "ttl 60", "fallthrough"},
				row{ask: "server-0. A", want: []string{"server-0. A 192.168.5.15"}, ttl: 60, aa: true, reason: "a node"},
				row{ask: "15.5.168.192.in-addr.arpa. PTR", want: []string{"15.5.168.192.in-addr.arpa. PTR server-0."}, reason: "a node"},
				row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "no node"},
			),
			asks([]string{"import /etc/coredns/custom/*.override", "rewrite name shop.example.net web.shop.svc.cluster.local"},
				row{ask: "shop.example.net. A", want: []string{"shop.example.net. A 10.96.0.80"}, reason: "names.override"},
			),
			asks([]string{"import /etc/coredns/custom/*.server", "corp.example:53", "forward . 10.20.0.53"},
				row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "corp.server"},
				row{ask: "nobody.corp.example. A", rcode: "NXDOMAIN", reason: "corp.server"},
			),
			{[]string{"reload 15s"}, func(t *testing.T, s *subject) {
				if err := os.WriteFile(s.dir+"/etc/coredns/NodeHosts", []byte("192.168.5.16 agent-1\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				eventually(t, 2*soon, func(context.Context) error {
					reply, err := s.ask("", "agent-1. A", "udp")
					if err == nil && len(reply.Answer) != 1 {
						err = fmt.Errorf("a new node is not there: %v", reply)
					}
					return err
				})
			}},
		},
	},
	{
		name: "aks", upstreams: map[string]string{"10.0.0.11": corp},
		exhibits: []exhibit{
			asks([]string{"import custom/*.override", "hosts", "192.168.7.7 ledger.corp.example", "fallthrough"},
				row{ask: "ledger.example.org. A", rcode: "NXDOMAIN", reason: "not in the table"},
			),
			{[]string{"log"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "logged.example.org. A")
				s.logged(t, `^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN logged\.example\.org\. udp \d+ false \d+" NXDOMAIN [a-z,]+ \d+ [0-9.]+s$`)
			}},
			asks([]string{"import custom/*.server", "corp.example:53", "forward . 10.0.0.11"},
				row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "corp.server"},
			),
			asks([]string{"template ANY ANY internal.cloudapp.net", `match "^(?:[^.]+\.){4,}internal\.cloudapp\.net\.$"`, "rcode NXDOMAIN"},
				row{ask: "a.b.c.d.internal.cloudapp.net. A", rcode: "NXDOMAIN", reason: "it matches"},
			),
			{[]string{"template ANY ANY reddog.microsoft.com"}, func(t *testing.T, s *subject) {
				for name, want := range map[string]int{"x.reddog.microsoft.com.": 0, "a.b.c.d.internal.cloudapp.net.": 0, "vm.internal.cloudapp.net.": 1} {
					if reply := s.mustAsk(t, name+" A"); reply.Rcode != dns.RcodeNameError {
						t.Errorf("%s: got\n%v\nwant NXDOMAIN", name, reply)
					}
					if n := s.relays["/etc/resolv.conf"].count(" " + name); n != want {
						t.Errorf("the upstream was asked %d times for %s, want %d", n, name, want)
					}
				}
			}},
		},
	},
	{
		name: "openshift", at: "5353", upstreams: map[string]string{"10.1.1.1": corp, "10.2.2.2:5353": corp},
		exhibits: []exhibit{
			asks([]string{"corp.example:5353"}, row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "stub domain"}),
			{[]string{"forward . 10.1.1.1 10.2.2.2:5353", "policy random"}, func(t *testing.T, s *subject) {
				for i := range 30 {
					s.mustAsk(t, fmt.Sprintf("n%d.corp.example. A", i))
				}
				for _, name := range []string{"10.1.1.1", "10.2.2.2:5353"} {
					if n := s.relays[name].count(".corp.example. A"); n == 0 {
						t.Errorf("%s was not asked", name)
					}
				}
			}},
			{[]string{"policy sequential"}, func(t *testing.T, s *subject) { forwards(t, s, "/etc/resolv.conf") }},
			{[]string{"errors", "log .", "class error"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "ns.example.org. A")
				logsErrors(t, s)
				s.logged(t, `^\[INFO\] .*"A IN silent\.example\.org\. .*SERVFAIL`)
				if strings.Contains(s.output(), "A IN ns.example.org.") {
					t.Error("an answer was logged that is no error")
				}
			}},
			{[]string{"bufsize 1232"}, func(t *testing.T, s *subject) {
				m := new(dns.Msg).SetQuestion("web.shop.svc.cluster.local.", dns.TypeA).SetEdns0(4096, false)
				reply, err := dns.Exchange(m, "127.0.0.1:"+s.ports["5353"])
				if err != nil || reply.IsEdns0() == nil || reply.IsEdns0().UDPSize() != 1232 {
					t.Errorf("got %v, %v; want an OPT record with 1232", reply, err)
				}
			}},
			{[]string{"cache 900"}, func(t *testing.T, s *subject) { caches(t, s, "www.example.org. A", 900) }},
			{[]string{"denial 9984 30"}, func(t *testing.T, s *subject) {
				reply := s.mustAsk(t, "denied.corp.example. A")
				if len(reply.Ns) != 1 || reply.Ns[0].Header().Ttl > 300 {
					t.Errorf("got\n%v\nwant a denial", reply)
				}
				again := s.mustAsk(t, "denied.corp.example. A")
				if len(again.Ns) != 1 || again.Ns[0].Header().Ttl > 30 {
					t.Errorf("got\n%v\nwant a denial of at most 30 s", again)
				}
			}},
			{[]string{"hostname.bind:5353", "chaos"}, func(t *testing.T, s *subject) {
				host, err := os.Hostname()
				if err != nil {
					t.Fatal(err)
				}
				m := new(dns.Msg).SetQuestion("hostname.bind.", dns.TypeTXT)
				m.Question[0].Qclass = dns.ClassCHAOS
				reply, err := dns.Exchange(m, "127.0.0.1:"+s.ports["5353"])
				if err != nil || len(reply.Answer) != 1 || !strings.Contains(reply.Answer[0].String(), host) {
					t.Errorf("got %v, %v; want the name of the host", reply, err)
				}
			}},
		},
	},
	{
		name: "nodelocaldns", upstreams: map[string]string{"10.96.17.53": inner},
		exhibits: []exhibit{
			asks([]string{"cluster.local:53", "forward . 10.96.17.53", "in-addr.arpa:53", "bind 169.254.20.10 10.96.0.10"},
				row{ask: "web.shop.svc.cluster.local. A", want: []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, reason: "the cluster's DNS has it"},
				row{ask: "80.0.96.10.in-addr.arpa. PTR", want: []string{"80.0.96.10.in-addr.arpa. PTR web.shop.svc.cluster.local."}, reason: "likewise"},
				row{ask: "nobody.shop.svc.cluster.local. A", rcode: "NXDOMAIN", reason: "likewise"},
			),
			{[]string{"force_tcp", "ip6.arpa:53"}, func(t *testing.T, s *subject) {
				if reply := s.mustAsk(t, reverse6+" PTR"); reply.Rcode != dns.RcodeNameError {
					t.Errorf("got\n%v\nwant what the cluster's DNS says, which has no such name", reply)
				}
				r := s.relays["10.96.17.53"]
				if r.count("tcp ") == 0 || r.count("udp ") != 0 {
					t.Errorf("asked was %q, want all over TCP", r.all())
				}
			}},
			{[]string{"cache", "success 9984 30"}, func(t *testing.T, s *subject) { caches(t, s, "db-0.db.shop.svc.cluster.local. A", 30) }},
			{[]string{"denial 9984 5"}, func(t *testing.T, s *subject) {
				for range 3 {
					s.mustAsk(t, "denied.shop.svc.cluster.local. A")
				}
				if n := s.relays["10.96.17.53"].count("denied.shop"); n != 1 {
					t.Errorf("the upstream was asked %d times for one denial, want 1", n)
				}
			}},
			{[]string{".:53", "forward . /etc/resolv.conf"}, func(t *testing.T, s *subject) { forwards(t, s, "/etc/resolv.conf") }},
			{[]string{"health 169.254.20.10:8080"}, func(t *testing.T, s *subject) { says(t, s, "169.254.20.10:8080", "/health", "OK") }},
		},
	},
	{
		name: "stubdomains", upstreams: map[string]string{"10.150.0.1": corp, "10.150.0.2": corp},
		exhibits: []exhibit{
			{[]string{"forward . 172.16.0.1 172.16.0.2"}, func(t *testing.T, s *subject) {
				for i := range 30 {
					s.mustAsk(t, fmt.Sprintf("n%d.example.org. A", i))
				}
				for _, name := range []string{"172.16.0.1", "172.16.0.2"} {
					if s.relays[name].count(".example.org. A") == 0 {
						t.Errorf("%s was not asked", name)
					}
				}
			}},
			asks([]string{"corp.example:53", "forward . 10.150.0.1"},
				row{ask: "git.corp.example. A", want: []string{"git.corp.example. A 198.51.100.80"}, reason: "stub domain"},
			),
			asks([]string{"consul.local:53", "forward . 10.150.0.2"},
				row{ask: "api.service.consul.local. A", want: []string{"api.service.consul.local. A 198.51.100.81"}, reason: "stub domain"},
			),
			{[]string{"policy round_robin", "prefer_udp"}, func(t *testing.T, s *subject) {
				if _, err := s.ask("", "ns.consul.local. A", "tcp"); err != nil {
					t.Error(err)
				}
				r := s.relays["10.150.0.2"]
				if r.count("udp ns.consul.local.") != 1 || r.count("tcp ") != 0 {
					t.Errorf("asked was %q, want all over UDP", r.all())
				}
			}},
		},
	},
	{
		name: "minikube",
		exhibits: []exhibit{
			{[]string{"log"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "web.shop.svc.cluster.local. A")
				s.logged(t, `^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN web\.shop\.svc\.cluster\.local\. udp \d+ false \d+" NOERROR [a-z,]+ \d+ [0-9.]+s$`)
			}},
			asks([]string{"hosts", "192.168.49.1 host.minikube.internal", "fallthrough"},
				row{ask: "host.minikube.internal. A", want: []string{"host.minikube.internal. A 192.168.49.1"}, aa: true, reason: "inline"},
				row{ask: "host.example.org. A", want: []string{"host.example.org. A 203.0.113.10"}, reason: "not in the table"},
			),
		},
	},
}
