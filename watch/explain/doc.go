// Package explain finds why a name does or does not resolve: which objects decide
// it, in plain words. It walks the search path as the resolver of a pod would, and
// takes the cause that comes nearest to what was meant for the first.
//
// # Nouns
//
//   - A [Question] is a name as somebody wrote it, and the pod that asks.
//   - A [Path] is how that pod's resolver makes domain names of it.
//   - An [Asker] knows what a domain name has, and why not more: a [Cluster] from
//     objects, or a server that is asked.
//   - A [Report] says what became of each name; its [Cause] is the one to mend.
//
// # What always holds
//
//   - What a name has is answered by package zone, from the same objects that are
//     told of; the code of a denial is the zone's own ([zone.Reason]), and only the
//     cause behind it is found here.
//   - Objects are read when a name leads to them, once, with the rights of the
//     caller. What may not be read is said: a denial that might be for want of rights
//     is [Untold] and no cause.
//
// # What it does not do
//
// It writes nothing, watches nothing, and knows nothing of servers behind the
// cluster's zones: names outside of those are [Outside].
package explain
