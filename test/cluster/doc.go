// Package cluster runs a real Kubernetes control plane for tests.
//
// A Cluster is etcd, kube-apiserver (with RBAC, and dual-stack Services),
// kube-controller-manager, kube-scheduler, and kwok as the kubelet of a few
// nodes that run nothing. All of them are processes of this machine that listen
// on 127.0.0.1 alone and end with the test. So a StatefulSet is rolled out by
// the real controller, its EndpointSlices are written by the real controller,
// and only the pods are make-believe: they get addresses of both families and
// become Running and Ready at once, unless they are told otherwise with the
// annotations HoldReady and HoldDeletion.
//
// What it does not do: run containers, route traffic, or let a Service be
// reached. The admission of ServiceAccounts is off, since no pod here needs a
// token.
//
// Tests share one Cluster for each test binary, started in TestMain, and each
// takes a Namespace of its own. A restart of the API server (StopAPIServer,
// StartAPIServer) is seen by all of them, so a test that does that runs alone.
package cluster
