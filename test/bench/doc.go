// Command bench measures Rollcall beside Knot DNS, NSD and CoreDNS, in one run,
// on one world and with one list of questions; and then, forwarding, beside Unbound
// and CoreDNS:
//
//	go run ./bench -out DIR
//	go run ./bench -servers rollcall,knot -rounds 1 -seconds 3
//	go run ./bench -forward -rounds 1 -seconds 3
//
// The nouns, in the order of the files:
//
//   - The world is 10,000 Services in 50 namespaces with 100,000 endpoints, the
//     same each time: manifests for Rollcall, objects for an API server, and,
//     through `rollcall zone`, zone files for everyone else.
//   - The questions are 16,000, of which an eighth are for names that do not exist.
//   - A contender is one row: a server, and how it is configured. All those of a
//     table are started at its beginning and stay until its end, so that rounds
//     can take turns.
//   - Agreement comes before any timing: every contender is asked every question
//     once, and a difference in a response code or a number of answers ends it.
//   - A run is one contender under one load (UDP as fast as it goes, pipelined
//     TCP likewise, or UDP at half of Knot's rate). A round is all contenders
//     under all three; what is reported is the median of the rounds.
//   - A forwarder is a contender that asks the upstream, a Knot DNS with any number
//     of names. Its loads are two: names that it has cached just before, and names
//     that nobody has asked for yet. No name is used in two runs.
//
// The invariants: servers have the first core to themselves, and the load
// generator and the upstream the second; figures are compared within one run of the program, never
// with an earlier one; a run that other processes of the machine disturbed is
// repeated, and what disturbance is left is reported.
//
// Two rows of figures are not of a contender: lookups of package zone alone, by its
// own benchmarks, and the p99 of an echo under the load of the latencies, which shows
// what the machine does to any server.
//
// It does not measure what the product's own tests pin: allocations for each
// kind of answer. Linux only.
package main
