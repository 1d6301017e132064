// Package cancel bounds how long a query may take: the cancel directive and its
// handler.
//
// What is behind the handler is given a Context that ends after the timeout, at
// the latest. Handlers that wait heed it. Those that do not wait answer in no
// time, and the handler leaves them alone.
package cancel
