// Package corefiles runs Corefiles as administrators have them: those that
// installers of Kubernetes write, and such as people show when they ask for help,
// each written anew from what is documented of it.
//
// # Nouns
//
// A Corefile is testdata/NAME.corefile; what it imports or reads is in the folder
// testdata/NAME. An exhibit shows that lines of a Corefile took effect. Most lines
// have the same one in every Corefile (standard); others are listed with the
// Corefile. A line that no exhibit shows fails the test.
//
// An upstream is Debian's Knot DNS. Before it stands a relay, one for each
// upstream that a Corefile names, which counts what is asked of it, speaks DNS
// over TLS, and can be made silent.
//
// # What is replaced
//
// The Corefile stays as it is but for what a test can't have: ports become free
// ones, of 127.0.0.1 only (by a bind where there is none); absolute paths of files
// lead into the test's folder; upstreams, those of /etc/resolv.conf included,
// become the relays'; and kubernetes gets a kubeconfig, whose account has the
// rights of kubeadm's ClusterRole system:coredns and no more.
//
// # What is not shown
//
// That /etc/resolv.conf is read: its format has no ports, and package clients shows
// it. That "reload" without an interval looks every thirty seconds: it is asked to
// by SIGHUP.
package corefiles
