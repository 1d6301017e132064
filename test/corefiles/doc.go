// Package corefiles runs Corefiles as administrators have them: those that
// installers of Kubernetes write, and such as people show when they ask for help,
// each written anew from what is documented of it. Those of the latter kind begin
// with what they are for.
//
// # Nouns
//
// A Corefile is testdata/NAME.corefile; what it imports or reads is in the folder
// testdata/NAME. An exhibit shows that lines of a Corefile took effect. Most lines
// have the same one in every Corefile (standard); others are listed with the
// Corefile. A refusal is a line that Rollcall refuses by name and place; it is taken
// out, and the rest is shown. A line that is neither shown nor refused fails the
// test.
//
// Upstreams are Debian's Knot DNS, which has the zones of testdata/zones, and
// Debian's Unbound, which resolves them from the root down. Before them stands a
// relay, one for each upstream that a Corefile names, which counts what is asked of
// it, speaks DNS over TLS, and can be made silent. Where it matters how the servers
// themselves are reached, stop and start, an upstream is an Unbound without a relay.
//
// # What is replaced
//
// The Corefile stays as it is but for what a test can't have: ports become free
// ones, of 127.0.0.1 only (by a bind where there is none); absolute paths of files
// lead into the test's folder; upstreams, those of /etc/resolv.conf included,
// become the relays' and Unbounds'; clients' networks of 192.0.0.0/8 become those of
// 127.0.0.0/8; the API server is the test's; and kubernetes gets a kubeconfig if it
// names no API server. The account has the rights of kubeadm's ClusterRole
// system:coredns and no more, and for multi-cluster zones those that CoreDNS's
// manual adds.
//
// # What is not shown
//
// That /etc/resolv.conf is read: its format has no ports, and package clients shows
// it. That "reload" without an interval looks every thirty seconds: it is asked to
// by SIGHUP.
package corefiles
