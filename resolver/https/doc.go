// Package https carries DNS messages over HTTPS (RFC 8484): the server of server
// blocks with https:// in their key, and the https directive with its limit.
package https
