// Package extra answers with records that are added by hand while it serves, for
// tests: a database outside of the cluster, say, that the program under test looks
// up.
//
// A name that records were added at is answered with those alone, whatever else
// would answer for it; a name above such a one, which nothing else has, is NODATA and
// not NXDOMAIN (RFC 8020 section 2). A CNAME record is followed through whatever
// answers here.
//
// A Corefile's hosts, file and template are for records that stay.
package extra
