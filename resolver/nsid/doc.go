// Package nsid tells clients that ask which server answered them: the nsid
// directive, and the handler that sets the NSID option (RFC 5001).
//
// The identifier is whatever the operator chose, and without a choice the host's
// name, which in a cluster is the pod's. It is the server's own: what a client
// sends in its option is never echoed.
package nsid
