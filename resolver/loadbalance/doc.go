// Package loadbalance is the loadbalance directive: a handler that has the
// addresses of each answer begin at a random one.
package loadbalance
