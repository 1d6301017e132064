package e2e

import "testing"

// TestHandMadeSlices has Services without a selector, so that their slices are
// the test's own. The addresses are in nobody else's range.
func TestHandMadeSlices(t *testing.T) {
	t.Parallel()
	for _, w := range handMade {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			ns := shared.Namespace(t)
			apply(t, ns, w.objects)
			verify(t, ns, w.rows...)
		})
	}
}

var handMade = []world{
	{
		name: "several slices of both families",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, ports: [{name: pg, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: pg, port: 5432, protocol: TCP}]
endpoints:
- {addresses: [10.200.1.1], hostname: db-0}
- {addresses: [10.200.1.2], hostname: db-1, conditions: {ready: true}}
- {addresses: [10.200.1.3], conditions: {ready: true}}
- {addresses: [10.200.1.9], hostname: db-9, conditions: {ready: false}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-2, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: pg, port: 5432, protocol: TCP}]
endpoints:
- {addresses: [10.200.1.2], hostname: db-1, conditions: {ready: true}}
- {addresses: [10.200.1.4], hostname: db-0, conditions: {ready: true}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-6, labels: {kubernetes.io/service-name: db}}
addressType: IPv6
ports: [{name: pg, port: 5432, protocol: TCP}]
endpoints:
- {addresses: ["fd00:200:1::1"], hostname: db-0, conditions: {ready: true}}
- {addresses: ["fd00:200:1::3"], conditions: {ready: true}}
`,
		rows: []row{
			{
				ask:    "db A",
				want:   []string{"db A 10.200.1.1", "db A 10.200.1.2", "db A 10.200.1.3", "db A 10.200.1.4"},
				reason: "every address of every slice, once; a nil ready is ready",
			},
			{ask: "db AAAA", want: []string{"db AAAA fd00:200:1::1", "db AAAA fd00:200:1::3"}, reason: "2.4.1"},
			{ask: "db-0.db A", want: []string{"db-0.db A 10.200.1.1", "db-0.db A 10.200.1.4"}, reason: "a hostname may have several addresses"},
			{ask: "db-0.db AAAA", want: []string{"db-0.db AAAA fd00:200:1::1"}, reason: "2.4.1"},
			{ask: "db-1.db A", want: []string{"db-1.db A 10.200.1.2"}, reason: "in two slices, answered once"},
			{ask: "db-1.db AAAA", reason: "exists in the other family"},
			{ask: "10-200-1-3.db A", want: []string{"10-200-1-3.db A 10.200.1.3"}, reason: "without hostname: the address with dashes"},
			{ask: "fd00-200-1--3.db AAAA", want: []string{"fd00-200-1--3.db AAAA fd00:200:1::3"}, reason: "likewise"},
			{ask: "10-200-1-1.db A", rcode: nxdomain, reason: "that one has a hostname"},
			{ask: "db-9.db A", rcode: nxdomain, reason: "not ready"},
			{ask: reverse("10.200.1.9") + " PTR", rcode: nxdomain, reason: "not ready"},
			{
				ask: "_pg._tcp.db SRV",
				want: []string{
					"_pg._tcp.db SRV 0 0 5432 db-0.db", "_pg._tcp.db SRV 0 0 5432 db-1.db",
					"_pg._tcp.db SRV 0 0 5432 10-200-1-3.db", "_pg._tcp.db SRV 0 0 5432 fd00-200-1--3.db",
				},
				extra: []string{
					"db-0.db A 10.200.1.1", "db-0.db A 10.200.1.4", "db-0.db AAAA fd00:200:1::1", "db-1.db A 10.200.1.2",
					"10-200-1-3.db A 10.200.1.3", "fd00-200-1--3.db AAAA fd00:200:1::3",
				},
				reason: "2.4.2: one for each hostname",
			},
			{ask: reverse("10.200.1.2") + " PTR", want: []string{reverse("10.200.1.2") + " PTR db-1.db"}, reason: "2.4.3: once"},
			{ask: reverse("fd00:200:1::3") + " PTR", want: []string{reverse("fd00:200:1::3") + " PTR fd00-200-1--3.db"}, reason: "2.4.3"},
		},
	},
	{
		name: "ports of the slice",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: ports}
spec: {clusterIP: None, ports: [{name: a, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ports-1, labels: {kubernetes.io/service-name: ports}}
addressType: IPv4
ports: [{name: a, port: 8080, protocol: TCP}, {name: b, port: 9090, protocol: UDP}]
endpoints: [{addresses: [10.200.2.1], hostname: one, conditions: {ready: true}}]
---
apiVersion: v1
kind: Service
metadata: {name: portless}
spec: {clusterIP: None}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: portless-1, labels: {kubernetes.io/service-name: portless}}
addressType: IPv4
ports: []
endpoints: [{addresses: [10.200.2.2], hostname: one, conditions: {ready: true}}]
`,
		rows: []row{
			{ask: "_a._tcp.ports SRV", want: []string{"_a._tcp.ports SRV 0 0 8080 one.ports"}, extra: []string{"one.ports A 10.200.2.1"}, reason: "the port that the pod listens on"},
			{ask: "_b._udp.ports SRV", want: []string{"_b._udp.ports SRV 0 0 9090 one.ports"}, extra: []string{"one.ports A 10.200.2.1"}, reason: "a port of the slice alone"},
			{ask: "one.ports SRV", want: []string{"one.ports SRV 0 0 8080 one.ports", "one.ports SRV 0 0 9090 one.ports"}, extra: []string{"one.ports A 10.200.2.1"}, reason: "SRV at an endpoint's name, as CoreDNS has it"},
			{ask: "portless A", want: []string{"portless A 10.200.2.2"}, reason: "2.4.1 needs no port"},
			{ask: "one.portless A", want: []string{"one.portless A 10.200.2.2"}, reason: "2.4.1 needs no port"},
			{ask: "portless SRV", reason: "no port, no SRV"},
		},
	},
	{
		name: "endpoints of a ClusterIP Service",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: vip}
spec: {clusterIP: 10.96.0.70, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: vip-1, labels: {kubernetes.io/service-name: vip}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.200.3.1], conditions: {ready: true}}]
`,
		rows: []row{
			{ask: "vip A", want: []string{"vip A 10.96.0.70"}, reason: "2.3.1: its endpoints do not show here"},
			{ask: "_http._tcp.vip SRV", want: []string{"_http._tcp.vip SRV 0 0 80 vip"}, extra: []string{"vip A 10.96.0.70"}, reason: "2.3.2: the Service's port"},
			{ask: "10-200-3-1.vip A", want: []string{"10-200-3-1.vip A 10.200.3.1"}, reason: "endpoint names under a ClusterIP Service, as CoreDNS has them"},
			{ask: "10-200-3-1.vip AAAA", reason: "exists"},
		},
	},
	{
		name: "a slice without its Service",
		objects: `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orphan-1, labels: {kubernetes.io/service-name: orphan}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.200.4.1], hostname: one, conditions: {ready: true}}]
`,
		rows: []row{
			{ask: "orphan A", rcode: nxdomain, reason: "no Service"},
			{ask: "one.orphan A", rcode: nxdomain, reason: "no Service"},
			{ask: reverse("10.200.4.1") + " PTR", rcode: nxdomain, reason: "PTR and A agree"},
		},
	},
}
