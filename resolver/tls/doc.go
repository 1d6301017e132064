// Package tls is the tls directive: the certificate that a server shows clients
// over TLS and HTTPS, and what it wants of theirs. A certificate that is renewed
// on disk is taken in without a restart.
package tls
