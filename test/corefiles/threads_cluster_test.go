package corefiles

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterThreads are of what is shown of a cluster, and of several.
var clusterThreads = []trial{
	{
		name: "tenants", upstreams: map[string]string{"/etc/resolv.conf": recursor},
		exhibits: []exhibit{
			asks([]string{"cluster.local:53", "kubernetes cluster.local", "namespace_labels tenant=blue"},
				row{ask: "ring.blue.svc.cluster.local. A", want: []string{"ring.blue.svc.cluster.local. A 10.200.2.1", "ring.blue.svc.cluster.local. A 10.200.2.2"}, aa: true, reason: "the tenant's"},
				row{ask: "api.green.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "another tenant's"},
				row{ask: "web.shop.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "nobody's"},
			),
			asks([]string{"endpoint_pod_names"},
				row{
					ask: "_gossip._tcp.ring.blue.svc.cluster.local. SRV",
					want: []string{
						"_gossip._tcp.ring.blue.svc.cluster.local. SRV 0 * 7000 ring-7d4f-a.ring.blue.svc.cluster.local.",
						"_gossip._tcp.ring.blue.svc.cluster.local. SRV 0 * 7000 ring-7d4f-b.ring.blue.svc.cluster.local.",
					},
					aa: true, reason: "named by their pods",
				},
				row{ask: "ring-7d4f-a.ring.blue.svc.cluster.local. A", want: []string{"ring-7d4f-a.ring.blue.svc.cluster.local. A 10.200.2.1"}, aa: true, reason: "by its pod"},
				row{ask: "10-200-2-1.ring.blue.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "not by its address"},
			),
			asks([]string{"ignore empty_service"}, row{ask: "idle.blue.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "nothing is behind it"}),
			asks([]string{"zonal"},
				row{ask: "east.pin._zone.ring.blue.svc.cluster.local. A", want: []string{"east.pin._zone.ring.blue.svc.cluster.local. A 10.200.2.1"}, aa: true, reason: "of that zone alone"},
				row{
					ask:  "north.prefer._zone.ring.blue.svc.cluster.local. A",
					want: []string{"north.prefer._zone.ring.blue.svc.cluster.local. A 10.200.2.1", "north.prefer._zone.ring.blue.svc.cluster.local. A 10.200.2.2"},
					aa:   true, reason: "all, as that zone has none",
				},
			),
			{[]string{"pods verified"}, func(t *testing.T, s *subject) {
				var dashed string
				eventually(t, soon, func(ctx context.Context) error {
					pod, err := shared.Client().CoreV1().Pods("blue").Get(ctx, "runner", metav1.GetOptions{})
					if err == nil && pod.Status.PodIP == "" {
						err = errors.New("the pod has no address yet")
					}
					if err == nil {
						dashed = strings.ReplaceAll(pod.Status.PodIP, ".", "-")
					}
					return err
				})
				name := dashed + ".blue.pod.cluster.local."
				eventually(t, soon, func(context.Context) error {
					reply, err := s.ask("", name+" A", "udp")
					if err == nil && len(reply.Answer) != 1 {
						err = errors.New("the pod is not there yet")
					}
					return err
				})
				asks(nil,
					row{ask: name + " A", want: []string{name + " A " + strings.ReplaceAll(dashed, "-", ".")}, aa: true, reason: "a pod has it"},
					row{ask: "10-200-77-77.blue.pod.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "no pod has it"},
				).run(t, s)
			}},
			asks([]string{"stage.example:53", "kubernetes", "namespaces shop", "labels tier=front"},
				row{ask: "web.shop.svc.stage.example. A", want: []string{"web.shop.svc.stage.example. A 10.96.0.80"}, aa: true, reason: "of that namespace, with that label"},
				row{ask: "db.shop.svc.stage.example. A", rcode: "NXDOMAIN", aa: true, reason: "without the label"},
				row{ask: "ring.blue.svc.stage.example. A", rcode: "NXDOMAIN", aa: true, reason: "of another namespace"},
			),
			{[]string{"ttl 0"}, func(t *testing.T, s *subject) {
				if reply := s.mustAsk(t, "web.shop.svc.stage.example. A"); len(reply.Answer) != 1 || reply.Answer[0].Header().Ttl != 0 {
					t.Errorf("got\n%v\nwant a TTL of 0", reply)
				}
			}},
			{[]string{"loadbalance"}, func(t *testing.T, s *subject) { shufflesOf(t, s, "ring.blue.svc.cluster.local. A") }},
			{[]string{".:53", "forward . /etc/resolv.conf"}, func(t *testing.T, s *subject) { forwards(t, s, "/etc/resolv.conf") }},
		},
	},
	{
		name: "outside",
		files: map[string]string{
			"/etc/dns/client.crt": "office.crt", "/etc/dns/client.key": "office.key", "/etc/dns/ca.crt": "apiserver.crt",
		},
		exhibits: []exhibit{
			asks([]string{".:53", "kubernetes jarvis.example", "endpoint https://192.168.1.36:6443", "tls /etc/dns/client.crt /etc/dns/client.key /etc/dns/ca.crt", "ttl 60"},
				row{ask: "web.shop.svc.jarvis.example. A", want: []string{"web.shop.svc.jarvis.example. A 10.96.0.80"}, ttl: 60, aa: true, reason: "a ClusterIP"},
				row{ask: "db-0.db.shop.svc.jarvis.example. A", want: []string{"db-0.db.shop.svc.jarvis.example. A 10.200.1.1"}, ttl: 60, aa: true, reason: "a pod"},
			),
			asks([]string{"pods disabled"}, row{ask: "10-200-1-1.shop.pod.jarvis.example. A", rcode: "NXDOMAIN", reason: "nobody's: the upstream denies it"}),
			asks([]string{"fallthrough"},
				row{ask: "printer.jarvis.example. A", want: []string{"printer.jarvis.example. A 192.0.2.99"}, reason: "the upstream's"},
				row{ask: "nobody.shop.svc.jarvis.example. A", rcode: "NXDOMAIN", reason: "the upstream denies it"},
			),
			{[]string{"forward . 8.8.8.8:53"}, func(t *testing.T, s *subject) { forwards(t, s, "8.8.8.8:53") }},
			{[]string{"log . {combined}"}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "ns.example.org. A")
				s.logged(t, `^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN ns\.example\.org\. udp \d+ false \d+" NOERROR [a-z,]+ \d+ [0-9.]+s "0"$`)
			}},
			{[]string{"pprof"}, func(t *testing.T, s *subject) {
				if status, _, err := s.get(defaultAddress["pprof"], "/debug/pprof/goroutine?debug=1"); err != nil || status != http.StatusOK {
					t.Errorf("status %d, %v; want 200", status, err)
				}
			}},
			asks([]string{"any"},
				row{ask: "web.shop.svc.jarvis.example. ANY", want: []string{`web.shop.svc.jarvis.example. HINFO "ANY obsoleted" "See RFC 8482"`}, reason: "RFC 8482"},
			),
		},
	},
	{
		name: "clusterset", account: "multicluster", upstreams: map[string]string{"/etc/resolv.conf": recursor},
		exhibits: []exhibit{
			asks([]string{".:53"}, clusterRows...),
			asks([]string{"kubernetes cluster.local clusterset.local in-addr.arpa ip6.arpa", "multicluster clusterset.local"},
				row{ask: "billing.shop.svc.clusterset.local. A", want: []string{"billing.shop.svc.clusterset.local. A 10.250.0.7"}, aa: true, reason: "one address for all clusters"},
				row{ask: "ledger.shop.svc.clusterset.local. A", want: []string{"ledger.shop.svc.clusterset.local. A 10.251.1.1"}, aa: true, reason: "the pods of another cluster"},
				row{ask: "ledger-0.north.ledger.shop.svc.clusterset.local. A", want: []string{"ledger-0.north.ledger.shop.svc.clusterset.local. A 10.251.1.1"}, aa: true, reason: "a pod, by its cluster"},
				row{ask: "web.shop.svc.clusterset.local. A", rcode: "NXDOMAIN", aa: true, reason: "not exported"},
				row{ask: "billing.shop.svc.cluster.local. A", rcode: "NXDOMAIN", aa: true, reason: "not in this cluster"},
			),
			asks([]string{"rewrite name suffix .global .svc.clusterset.local answer auto"},
				row{ask: "billing.shop.global. A", want: []string{"billing.shop.global. A 10.250.0.7"}, reason: "the mesh's name"},
				row{ask: "_pg._tcp.ledger.shop.global. SRV", want: []string{"_pg._tcp.ledger.shop.global. SRV 0 * 5432 ledger-0.north.ledger.shop.global."}, reason: "targets, too"},
			),
			{[]string{"metadata", `log clusterset.local "{name} {rcode} {/kubernetes/namespace} {/kubernetes/service} {/kubernetes/cluster}"`}, func(t *testing.T, s *subject) {
				s.mustAsk(t, "web.shop.svc.cluster.local. A")
				s.mustAsk(t, "ledger-0.north.ledger.shop.svc.clusterset.local. A")
				s.logged(t, `^(\[INFO\] )?ledger-0\.north\.ledger\.shop\.svc\.clusterset\.local\. NOERROR shop ledger north$`)
				if strings.Contains(s.output(), "web.shop.svc.cluster.local. NOERROR") {
					t.Error("a name of another zone was logged")
				}
			}},
		},
	},
}
