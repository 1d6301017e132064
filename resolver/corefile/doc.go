// Package corefile turns a Corefile, the configuration format of Kubernetes'
// cluster DNS, into a syntax tree whose every node knows the file and line it
// came from.
//
// # Nouns
//
// A [File] is a list of blocks. A [Block] is a server block: its keys say for
// which zones it answers and on which port, its directives say how. A [Key] is
// one of those keys, parsed: "10.0.0.0/20:53" is sixteen zones on port 53. A
// [Directive] is a line with a name, arguments and perhaps a body of further
// directives in braces. A [Pos] is a file and a line, and an [Error] is
// something wrong there.
//
// # What becomes of the text
//
//	text ──caddyfile──▶ tokens ──import, snippets, {$ENV}──▶ tree ──keys, overlap──▶ File
//
// Splitting text into words (quotes, comments, line numbers) is left to
// github.com/coredns/caddy/caddyfile, the format's reference. Its parser is
// not used, since it groups words by directive name in a map and drops where
// keys stood: the order of directives, two instances of one directive, and the
// line of a server block could not be told. A test holds both against each
// other: whatever both accept has the same words in the same directives.
//
// # What always holds
//
//   - [Parse] never panics, and each error of it is an [*Error] with a position,
//     in an imported file or a snippet too.
//   - Zones are lower-case, absolute and ASCII; CIDR notation is expanded.
//   - No two blocks without a view answer for the same zone, port and address.
//   - [File.String] is canonical: parsing it gives the same tree, positions
//     apart.
//
// # What it does not do
//
// It does not know which directives exist, which is for the package that
// assembles handlers, nor what their arguments mean, which is for each
// handler's own Parse. Those use the accessors of [Directive], so that all
// errors read alike: where, what is wrong, and what is allowed.
package corefile
