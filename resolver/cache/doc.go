// Package cache is the cache directive: a handler that keeps what other servers
// replied, for as long as they allow, and answers from it.
//
// # Nouns
//
// An entry is one reply to one question: name, type, class, and the DO and CD
// that it was asked with. There are two stores of entries, one of replies that
// answer and one of those that deny or are SERVFAIL, each of shards with a lock
// of their own. An entry is fresh until its life is over, and stale from then on,
// for as long as serve_stale says. A flight is a question that the cache itself
// asks, to have an entry anew: before it ends (prefetch), or after (serve_stale).
//
// # Invariants
//
//   - What is kept came from another server (resolver.Reply.Relayed). Our own
//     zones, files and templates stand before the cache or set no Relayed, and are
//     in no entry, whatever is configured.
//   - A reply is kept if it answers the question, or denies it with a SOA record
//     (RFC 2308 section 5), or is SERVFAIL, and that only where no entry is that
//     could be served. One that is truncated, or of any other rcode, never is.
//   - No TTL given is above the configured most, nor above what the server gave,
//     nor does it ever begin anew. Lives are counted on the monotonic clock.
//   - A hit does not allocate and does not wait, and locks one shard at a time. Of
//     each entry there is one flight at most, and of all a bounded number.
//   - Memory is bounded by the number of entries, and by their size.
//
// # What it does not do
//
// It does not validate, nor tell clients apart: a client subnet that was sent to
// the other server is not part of the question. It does not take records out of
// replies to answer other questions by, so that nothing in a reply can have an
// effect on another name.
package cache
