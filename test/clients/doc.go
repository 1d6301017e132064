// Package clients has real resolvers look names up at Rollcall, as programs in a
// pod do: the C libraries glibc and musl, Go, Node.js, c-ares, Python, dnspython,
// Java, JNDI and nginx. Each has its own idea of what a response code, a flag or an
// order of records means, and those ideas decide what Rollcall may answer.
//
// # Nouns
//
// A client is a resolver, and a program that looks up with it. Most are in
// testdata. A program reads lines from its standard input,
//
//	KIND NAME
//
// with the kinds ip4, ip6 and ip (the addresses of one family, of the other, of
// both), one (any of them), srv, and ptr (NAME is an address). For each it writes a
// line,
//
//	found VALUE...
//	none WORD      there is no such name, or it has no such records
//	failed WORD    it does not know, and the same question may do better later
//
// where an SRV record is PRIORITY/PORT/TARGET, and WORD is what the resolver calls
// it. A row is a name, and what every client must make of it. A fault is a server's
// mistake, made by a server of this package, which shows what a client would make
// of it if Rollcall did.
//
// # The world
//
// The test binary starts itself once more, in a network and a mount namespace of
// its own. So port 53 is free, kubeadm's Corefile runs as it is (manifests stand
// for the API server), its upstream, Knot DNS, is what /etc/resolv.conf says, and
// each client finds a pod's resolv.conf in that place. Nothing outside is reached
// or changed, and nothing is left: the namespaces end with the last process. What
// has to be built or fetched is so before, outside.
//
// docs/clients.md has the clients, the rows and the faults; -update writes it.
package clients
