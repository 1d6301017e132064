// Package discovery uses package resolver/peers of the product as applications do:
// under gRPC and under hashicorp/memberlist, against a Rollcall of its own; and
// measures what a thousand watchers cost the server.
//
//	go test -v -run TestWatchers ./discovery -args -after 35s -for 30s
package discovery
