// Package kubedns reads the ConfigMap that kube-dns was configured by, and writes
// what it says into a Corefile.
//
// Kubernetes' own tests still write that ConfigMap, NodeLocal DNSCache reads it, and
// clusters that once had kube-dns may have one. Of its keys two are about names:
//
//   - stubDomains, a JSON object of a list of servers for each domain;
//   - upstreamNameservers, a JSON list of at most three servers for all other names.
//
// # What becomes of them
//
// They are for the server blocks of the root zone, as kube-dns had but one. A stub
// domain is a forward directive before the first that its names would go to, and the
// upstreams take the place of those of "forward .", whose options stay. All else of
// a block is as it was: its cache keeps, its acl forbids and its log shows the names
// of stub domains as it does others. The rest is the business of whoever serves a
// Corefile.
//
// # What always holds
//
//   - What the cluster has comes first: a stub domain within a zone of kubernetes
//     gets the names that are not there, by fallthrough.
//   - A stub domain takes effect, or is an error that says what stands in its way.
//   - The Corefile that it is written into is not changed: a copy is.
//   - The same ConfigMap and Corefile give the same text.
//
// # What it does not do
//
// It knows nothing of where the ConfigMap comes from.
package kubedns
