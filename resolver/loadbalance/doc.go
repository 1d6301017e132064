// Package loadbalance holds the configuration of the loadbalance directive: in
// what order an answer has its addresses.
package loadbalance
