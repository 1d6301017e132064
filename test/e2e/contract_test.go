package e2e

import "testing"

// TestPeerContract has what programs ask a headless Service to find their peers.
func TestPeerContract(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: peer}
spec: {clusterIP: None, publishNotReadyAddresses: true, ports: [{name: mongodb, port: 27017}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: peer-1, labels: {kubernetes.io/service-name: peer}}
addressType: IPv4
ports: [{name: mongodb, port: 27017, protocol: TCP}]
endpoints:
- {addresses: [10.200.9.1], hostname: peer-0, conditions: {ready: true, serving: false}}
- {addresses: [10.200.9.2], hostname: peer-1, conditions: {ready: true, serving: false}}
`)
	glue := []string{"peer-0.peer A 10.200.9.1", "peer-1.peer A 10.200.9.2"}
	verify(t, ns,
		row{ask: "peer SRV", want: []string{"peer SRV 0 0 27017 peer-0.peer", "peer SRV 0 0 27017 peer-1.peer"}, extra: glue,
			reason: "peer-finder and libcluster ask for SRV at the Service's name"},
		row{ask: "_mongodb._tcp.peer SRV", want: []string{"_mongodb._tcp.peer SRV 0 0 27017 peer-0.peer", "_mongodb._tcp.peer SRV 0 0 27017 peer-1.peer"}, extra: glue,
			reason: "etcd, MongoDB, Akka, JGroups and Thanos ask for a named port, with the targets' addresses"},
		row{ask: "peer A", want: []string{"peer A 10.200.9.1", "peer A 10.200.9.2"}, reason: "Elasticsearch, Hazelcast, gRPC and JGroups take all addresses"},
		row{ask: "peer AAAA", reason: "gRPC, RabbitMQ and memberlist ask for both families: NODATA"},
		row{ask: "peer TXT", reason: "MongoDB's options: NODATA, not NXDOMAIN"},
		row{ask: "peer HTTPS", reason: "runtimes ask for it beside A: NODATA"},
		row{ask: "_grpc_config.peer TXT", rcode: nxdomain, reason: "gRPC's service config: a quick denial"},
		row{ask: "peer-0.peer A", want: []string{"peer-0.peer A 10.200.9.1"}, reason: "Cassandra's seed, and every pod's own name, before it serves"},
		row{ask: reverse("10.200.9.1") + " PTR", want: []string{reverse("10.200.9.1") + " PTR peer-0.peer"}, reason: "RabbitMQ and etcd's TLS take the node's name from here"},
	)
}
