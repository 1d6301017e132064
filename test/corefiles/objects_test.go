package corefiles

import "context"

// fill fills the cluster, and makes the accounts that may read it.
func fill(ctx context.Context) error {
	if err := shared.Apply(ctx, "", imports); err != nil {
		return err
	}
	if _, err := shared.RunKubectl(ctx, "", "wait", "--for=condition=established", "--timeout=60s", "crd/serviceimports.multicluster.x-k8s.io"); err != nil {
		return err
	}
	if err := shared.Apply(ctx, "", objects+tenants+exported+rights); err != nil {
		return err
	}
	kubeconfigs = map[string]string{}
	for _, account := range []string{"coredns", "multicluster"} {
		path, err := shared.Kubeconfig(ctx, "kube-system", account)
		if err != nil {
			return err
		}
		kubeconfigs[account] = path
	}
	return shared.Certificate("office")
}

// objects are what most Corefiles are asked for.
const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {tier: front}}
spec: {clusterIP: 10.96.0.80, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: pg, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: pg, port: 5432, protocol: TCP}]
endpoints:
- {addresses: [10.200.1.1], hostname: db-0, conditions: {ready: true}}
- {addresses: [10.200.1.2], hostname: db-1, conditions: {ready: true}}
---
`

// tenants are two tenants' namespaces. Ring is spread over two zones of the world,
// idle has nothing behind it.
const tenants = `
apiVersion: v1
kind: Namespace
metadata: {name: blue, labels: {tenant: blue}}
---
apiVersion: v1
kind: Namespace
metadata: {name: green, labels: {tenant: green}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: green}
spec: {clusterIP: 10.96.0.91, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: blue}
spec: {clusterIP: 10.96.0.92, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: ring, namespace: blue}
spec: {clusterIP: None, ports: [{name: gossip, port: 7000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ring-1, namespace: blue, labels: {kubernetes.io/service-name: ring}}
addressType: IPv4
ports: [{name: gossip, port: 7000, protocol: TCP}]
endpoints:
- {addresses: [10.200.2.1], zone: east, targetRef: {kind: Pod, name: ring-7d4f-a, namespace: blue}, conditions: {ready: true}}
- {addresses: [10.200.2.2], zone: west, targetRef: {kind: Pod, name: ring-7d4f-b, namespace: blue}, conditions: {ready: true}}
---
apiVersion: v1
kind: Pod
metadata: {name: runner, namespace: blue}
spec: {containers: [{name: runner, image: runner}]}
---
`

// imports is the part that matters of the definition of ServiceImports (KEP-1645).
const imports = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: serviceimports.multicluster.x-k8s.io}
spec:
  group: multicluster.x-k8s.io
  scope: Namespaced
  names: {plural: serviceimports, singular: serviceimport, kind: ServiceImport}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              type: {type: string}
              ips: {type: array, items: {type: string}}
              ports:
                type: array
                items:
                  type: object
                  properties: {name: {type: string}, protocol: {type: string}, port: {type: integer}}
`

// exported are Services that other clusters share: one with an address in all
// clusters, one with the pods of the cluster "north".
const exported = `
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: billing, namespace: shop}
spec: {type: ClusterSetIP, ips: [10.250.0.7], ports: [{name: http, protocol: TCP, port: 80}]}
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: ledger, namespace: shop}
spec: {type: Headless, ports: [{name: pg, protocol: TCP, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ledger-north
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: ledger, multicluster.kubernetes.io/source-cluster: north}
addressType: IPv4
ports: [{name: pg, port: 5432, protocol: TCP}]
endpoints:
- {addresses: [10.251.1.1], hostname: ledger-0, conditions: {ready: true}}
---
`

// rights are those that kubeadm gives CoreDNS, for the account coredns and for the
// user office of a client's certificate; the account multicluster also has what
// CoreDNS asks for where there are ServiceImports.
const rights = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: coredns, namespace: kube-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: multicluster, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:coredns"}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:coredns"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}
subjects:
- {kind: ServiceAccount, name: coredns, namespace: kube-system}
- {kind: ServiceAccount, name: multicluster, namespace: kube-system}
- {kind: User, name: office, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: multicluster}
rules:
- {apiGroups: [multicluster.x-k8s.io], resources: [serviceimports], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: multicluster}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: multicluster}
subjects: [{kind: ServiceAccount, name: multicluster, namespace: kube-system}]
`
