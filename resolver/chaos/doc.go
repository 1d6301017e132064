// Package chaos says what the server is: the chaos directive, and the handler of
// class CH.
//
// Five names have a TXT record there, with a TTL of 0: version.bind and
// version.server the version, hostname.bind and id.server the host's name (RFC
// 4892 section 2), authors.bind one for each author. Nothing else is in that
// class: other names and types are REFUSED, and no handler behind this one sees
// a question of class CH, as their records are of class IN.
//
// Questions come here only if the name is in a zone of the server block: the
// root, or bind and server.
package chaos
