// Package minimal leaves out what was not asked for: the minimal directive and
// its handler.
//
// An answer then has no additional records but the OPT record, such as the
// addresses that SRV records lead to. The SOA record of a negative answer stays,
// as caches need it (RFC 2308 section 3).
package minimal
