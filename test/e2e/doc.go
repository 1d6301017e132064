// Package e2e holds the end-to-end tests: a real API server with its real
// controllers, the rollcall program connected to it with the rights that
// deploy/kustomize gives it, and dig and Go's resolver asking.
//
// What is expected is written as lines of a zone, or computed from the Pods that
// the API server shows. A change is given half a minute to arrive, since it
// travels through controllers; after that every answer has to be exact: response
// code, sections and TTLs, over UDP and over TCP.
//
//	go test ./e2e                    # against Rollcall, built from this tree
//	go test ./e2e -args -server=coredns
//
// The second form puts the same questions to CoreDNS. That checks the tests: they
// fail there only where the two are known to differ (docs/differences.md).
package e2e
