// Package cookies makes and checks DNS server cookies (RFC 7873) in the form
// that servers of one name share (RFC 9018): a client that shows a valid one has
// received a reply at its address, and is not somebody else who spoofs it.
//
// A server cookie is made of the client's cookie, its address, the time and a
// secret; nothing is kept for a client. Servers with the same secret accept each
// other's cookies, and several secrets may be accepted while they are changed.
package cookies
