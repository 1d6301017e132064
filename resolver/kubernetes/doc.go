// Package kubernetes is the kubernetes directive: its configuration, and the
// handler that answers from the zones of a cluster, with authority.
//
// A [Config] says where the objects come from, which of them count, and how
// they are answered; [Parse] reads one, and opens nothing. A [Handler] asks the
// current snapshot of a [zone.Zone] and says what the outcome means to the
// chain. Before the zones are synced every name in them is SERVFAIL, and none
// falls through, as it may be about to exist.
//
// What a name means is in package zone, where objects come from in package
// watch; this package imports no client of Kubernetes.
package kubernetes
