// Package autopath walks a client's search path in its place: the autopath
// directive and its handler.
//
// A client with a search path asks for NAME.FIRST, NAME.SECOND and so on, until a
// name exists. When it has asked for a name in its first search domain, and that
// does not exist, the handler asks those behind it for the others, and answers
// with a CNAME record from the name that was asked for to the first that exists. If
// that has no records of the type, so has the reply: NODATA, as an answer of
// another type would else be denied with NXDOMAIN, and without the CNAME record, at
// which glibc ends its search.
// The search path is that of a file, or, for a pod, that which Kubernetes gives to
// pods of its namespace.
//
// # Invariants
//
//   - Every name is asked of the handlers behind, for the client that asked: what
//     acl does to a name it does here too.
//   - A reply that is not NXDOMAIN, and one to a client whose search path is not
//     known, stays as it is. So does NXDOMAIN if none of the names exists, or one
//     of them can't be told now: the client then walks by itself.
//   - The CNAME record holds no longer than the denial of the name that it is for:
//     a Service that comes to be is not hidden by it.
package autopath
