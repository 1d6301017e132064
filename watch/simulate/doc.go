// Package simulate plays a cluster's controllers over Kubernetes objects: what
// Services, Pods and workloads say becomes the Pods, the ClusterIPs and the
// EndpointSlices that a cluster would make of them. It is a pure function of
// its input: no I/O, no clock, no goroutine, and nothing random.
//
// # Nouns
//
//   - A [World] is the objects that somebody wrote, and what is to be otherwise
//     than they say: pods that are not ready, workloads that were scaled or
//     rolled.
//   - A [Cluster] is the same world once its controllers came to rest.
//   - A [Workload] is what makes Pods: a Deployment, ReplicaSet,
//     ReplicationController, StatefulSet, DaemonSet or Job.
//
// # What always holds
//
//   - The order of the objects has no influence, and the same World gives the
//     same Cluster.
//   - What is written wins: a ClusterIP, a Pod's address and condition, a Pod
//     that a workload would make, and a Service's EndpointSlices, of which none
//     is made then.
//   - An address follows from the kind, namespace and name of what has it, and
//     no two objects have the same, hosts' apart. Only where two names ask for
//     one address does the later in alphabetical order get another.
//   - A Cluster shares memory with its World. Neither may be changed after.
//
// # What it leaves out
//
// Time: a rollout, a Job's end and a pod's start have happened, or not begun.
// Quotas, autoscalers, disruption budgets, volumes and webhooks. Of scheduling
// it knows node selectors, required node affinity and taints, and spreads a
// workload's pods over the nodes that fit; resources, host ports and affinity
// between pods do not matter. Where no Node is written there are three, which
// fit whatever a pod asks for.
package simulate
