// Package join has programs find their peers by DNS as they do in pods, and form a
// cluster: real clients and servers, and Rollcall over a real control plane.
//
// The tests run in a network namespace of their own, with the control plane, and Rollcall
// at port 53 of the address that pods have for their cluster DNS. What the
// control plane does not have is a kubelet, so the tests play one: each pod that they
// run has a network namespace, with the addresses that its status says, a host name
// and a resolv.conf. Its containers are processes there. Pods are ready when
// a test says so.
//
// docs/discovery.md has what the Services of these programs must look like; the
// manifests there are the ones that run here.
package join
