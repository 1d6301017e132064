// Package wire reads questions and writes answers in the format of RFC 1035
// section 4, without allocating: it is what zone and resolver share on the way
// of a packet.
//
// Four nouns. A Name is a domain name: absolute, lower-case, in wire form. A
// Query is a view of a received message: header, question and EDNS, checked
// once by Parse, with the client's bytes left where they are. A Reply is a
// message being appended to: it starts as the header and the client's own
// question, takes resource records one by one, and knows its size limit, so
// that what does not fit is left out by the rules of RFC 2181 section 9 and
// never leaves a broken message. A Message is a reply of another server, or one made
// elsewhere, checked once by ReadMessage or ReadReply so that a Reply can take it in
// as it is.
//
// What always holds:
//   - Every message that Reply returns is well formed and within its limit.
//   - The question goes back byte for byte, in the case it was asked in.
//   - Nothing of the client's EDNS is echoed that this server does not implement.
//   - A Query or Reply belongs to one goroutine at a time and is made to be reused.
//
// It does no I/O, knows no zone, and decides no rcode but those that follow
// from the packet alone: FORMERR, NOTIMP, NOTAUTH, BADVERS.
package wire
