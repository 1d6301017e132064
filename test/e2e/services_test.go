package e2e

import "testing"

// A world is some objects and what the zone has to hold for them. The Services'
// addresses are given: the API server hands out those of the lowest ranges
// (10.96.0.0/24, fd00:10:96::/120) only if nothing else is left.
type world struct {
	name    string
	objects string
	rows    []row
}

func TestServices(t *testing.T) {
	t.Parallel()
	for _, w := range services {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			ns := shared.Namespace(t)
			apply(t, ns, w.objects)
			verify(t, ns, w.rows...)
		})
	}
}

var services = []world{
	{
		name: "ClusterIP",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.20
  ports: [{name: http, port: 80}]
`,
		rows: []row{
			{ask: "web A", want: []string{"web A 10.96.0.20"}, reason: "2.3.1, though it has no endpoint"},
			{ask: "WEB A", want: []string{"WEB A 10.96.0.20"}, reason: "asked in another case, answered in it"},
			{ask: "web AAAA", reason: "2.3.1: NODATA, not NXDOMAIN, in the other family"},
			{ask: "web TXT", reason: "exists"},
			{ask: "web MX", reason: "exists"},
			{ask: "web CNAME", reason: "exists"},
			{ask: "web SRV", want: []string{"web SRV 0 0 80 web"}, extra: []string{"web A 10.96.0.20"}, reason: "the bare name, as CoreDNS has it"},
			{ask: "_http._tcp.web SRV", want: []string{"_http._tcp.web SRV 0 0 80 web"}, extra: []string{"web A 10.96.0.20"}, reason: "2.3.2"},
			{ask: "_http._tcp.web A", reason: "exists for SRV"},
			{ask: "_tcp.web SRV", reason: "empty non-terminal"},
			{ask: "_udp.web SRV", rcode: nxdomain, reason: "no such protocol"},
			{ask: "_https._tcp.web SRV", rcode: nxdomain, reason: "no such port"},
			{ask: "http._tcp.web SRV", rcode: nxdomain, reason: "a port's label has an underscore"},
			{ask: "x.web A", rcode: nxdomain, reason: "nothing below it"},
			{ask: "wep A", rcode: nxdomain, reason: "no such Service"},
			{ask: "wep AAAA", rcode: nxdomain, reason: "the same for every type"},
			{ask: reverse("10.96.0.20") + " PTR", want: []string{reverse("10.96.0.20") + " PTR web"}, reason: "2.3.3"},
			{ask: reverse("10.96.0.21") + " PTR", rcode: nxdomain, reason: "nobody's address"},
		},
	},
	{
		name: "dual stack",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: both}
spec:
  ipFamilyPolicy: RequireDualStack
  clusterIP: 10.96.0.30
  clusterIPs: [10.96.0.30, "fd00:10:96::30"]
  ports: [{name: http, port: 80}]
`,
		rows: []row{
			{ask: "both A", want: []string{"both A 10.96.0.30"}, reason: "2.3.1"},
			{ask: "both AAAA", want: []string{"both AAAA fd00:10:96::30"}, reason: "2.3.1"},
			{
				ask: "_http._tcp.both SRV", want: []string{"_http._tcp.both SRV 0 0 80 both"},
				extra: []string{"both A 10.96.0.30", "both AAAA fd00:10:96::30"}, reason: "one record, and both addresses of its target",
			},
			{ask: reverse("10.96.0.30") + " PTR", want: []string{reverse("10.96.0.30") + " PTR both"}, reason: "2.3.3"},
			{ask: reverse("fd00:10:96::30") + " PTR", want: []string{reverse("fd00:10:96::30") + " PTR both"}, reason: "2.3.3"},
		},
	},
	{
		name: "only IPv6",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: six}
spec:
  ipFamilyPolicy: SingleStack
  ipFamilies: [IPv6]
  clusterIP: "fd00:10:96::40"
  ports: [{port: 80}]
`,
		rows: []row{
			{ask: "six A", reason: "2.3.1: NODATA in the other family"},
			{ask: "six AAAA", want: []string{"six AAAA fd00:10:96::40"}, reason: "2.3.1"},
			{ask: "six SRV", want: []string{"six SRV 0 0 80 six"}, extra: []string{"six AAAA fd00:10:96::40"}, reason: "an unnamed port has a record at the bare name"},
			{ask: "_tcp.six SRV", rcode: nxdomain, reason: "2.3.2: unnamed ports have none"},
		},
	},
	{
		name: "several ports",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: dns}
spec:
  clusterIP: 10.96.0.50
  ports:
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53, protocol: TCP}
  - {name: metrics, port: 9153, targetPort: 19153}
  - {name: tunnel, port: 36412, protocol: SCTP}
`,
		rows: []row{
			{ask: "_dns._udp.dns SRV", want: []string{"_dns._udp.dns SRV 0 0 53 dns"}, extra: []string{"dns A 10.96.0.50"}, reason: "2.3.2"},
			{ask: "_dns-tcp._tcp.dns SRV", want: []string{"_dns-tcp._tcp.dns SRV 0 0 53 dns"}, extra: []string{"dns A 10.96.0.50"}, reason: "2.3.2"},
			{ask: "_metrics._tcp.dns SRV", want: []string{"_metrics._tcp.dns SRV 0 0 9153 dns"}, extra: []string{"dns A 10.96.0.50"}, reason: "2.3.2: the Service's port, not its target"},
			{ask: "_tunnel._sctp.dns SRV", want: []string{"_tunnel._sctp.dns SRV 0 0 36412 dns"}, extra: []string{"dns A 10.96.0.50"}, reason: "2.3.2: any protocol"},
			{ask: "_dns._tcp.dns SRV", rcode: nxdomain, reason: "that port has another protocol"},
			{
				ask:  "dns SRV",
				want: []string{"dns SRV 0 0 53 dns", "dns SRV 0 0 9153 dns", "dns SRV 0 0 36412 dns"}, extra: []string{"dns A 10.96.0.50"},
				reason: "the bare name has every port, and the same record once",
			},
		},
	},
	{
		name: "ExternalName",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: ext}
spec: {type: ExternalName, externalName: db.example.com, ports: [{name: pg, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: loop}
spec: {type: ExternalName, externalName: loop.example.com}
`,
		rows: []row{
			{ask: "ext CNAME", want: []string{"ext CNAME db.example.com."}, reason: "2.5"},
			{ask: "ext A", want: []string{"ext CNAME db.example.com."}, reason: "2.5: the target is in no zone here, and nothing forwards"},
			{ask: "ext AAAA", want: []string{"ext CNAME db.example.com."}, reason: "2.5"},
			{ask: "_pg._tcp.ext SRV", rcode: nxdomain, reason: "2.5 gives it nothing else"},
			{ask: "x.ext A", rcode: nxdomain, reason: "nothing below it"},
		},
	},
	{
		name: "names that look like the schema's",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {clusterIP: 10.96.0.60, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: pod}
spec: {clusterIP: 10.96.0.61, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: a10-0-0-1}
spec: {clusterIP: 10.96.0.62, ports: [{port: 80}]}
`,
		rows: []row{
			{ask: "svc A", want: []string{"svc A 10.96.0.60"}, reason: "a Service may be called svc"},
			{ask: "pod A", want: []string{"pod A 10.96.0.61"}, reason: "a Service may be called pod"},
			{ask: "a10-0-0-1 A", want: []string{"a10-0-0-1 A 10.96.0.62"}, reason: "a Service may look like an address"},
			{ask: "svc.cluster.local. A", reason: "empty non-terminal"},
			{ask: "cluster.local. A", reason: "the apex"},
			{ask: "svc.svc.cluster.local. A", rcode: nxdomain, reason: "no namespace svc"},
			{ask: "10-0-0-1.default.pod.cluster.local. A", want: []string{"10-0-0-1.default.pod.cluster.local. A 10.0.0.1"}, reason: "pods insecure"},
			{ask: "dns-version.cluster.local. TXT", want: []string{`dns-version.cluster.local. TXT "1.1.0"`}, reason: "2.2"},
		},
	},
}
