// Package resolvertest is a cluster's DNS for tests of other programs, in the manner of
// net/http/httptest: hand it the manifests that you deploy, or say in a line what
// there is, and it gives the answers that the cluster would give.
//
//	srv := resolvertest.NewServer(t, resolvertest.Dir("testdata"), resolvertest.StatefulSet("web", 3))
//	addrs, err := srv.ResolverIn("default").LookupHost(ctx, "web-0.web")
//
// # Nouns
//
//   - A [Server] is a whole DNS server on a port of the loopback interface. [NewServer]
//     is for tests, [Start] for examples and programs.
//   - An [Option] says what it has, or how it answers.
//   - Its objects are changed by Apply, Delete, SetReady, Scale and Roll. The
//     controllers of a cluster are played for them (see package watch/simulate), so
//     that a StatefulSet has pods, and a Service their addresses.
//   - Its answers are spoiled by Fault (package [fault]), and recorded: Queries.
//   - A program under test asks it by a resolver ([Server.ResolverIn]), by a port
//     ([Server.Addr]), or connects to pods by a [Dialer].
//
// # What always holds
//
//   - What a method changed is in the next answer.
//   - The same options and calls give the same answers: addresses follow from names,
//     their order is fixed, and chance from a seed. TTLs are 0.
//   - Names that are neither of the cluster nor added by hand do not exist, and nothing
//     is asked outside of the process, but with [Forward].
//   - Servers share nothing, and touch nothing that is of the whole process: there may
//     be hundreds, in parallel tests. Nothing of one runs once it is closed.
//
// For programs in other languages there is rollcall serve -manifests with -control.
package resolvertest
