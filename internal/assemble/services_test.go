package assemble_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// startUpstream runs a server that has names, each as name=address, and returns its
// address. All others are NXDOMAIN there.
func startUpstream(t testing.TB, names ...string) string {
	t.Helper()
	var lines strings.Builder
	for _, n := range names {
		name, addr, _ := strings.Cut(n, "=")
		fmt.Fprintf(&lines, "%s %s\n", addr, name)
	}
	return start(t, ".:0 {\nbind 127.0.0.1\nhosts /nonexistent/hosts {\n"+lines.String()+"}\n}\n").addr()
}

// TestForwardToService has a Service for an upstream, which another block knows,
// and which comes when all is served already.
func TestForwardToService(t *testing.T) {
	_, port, err := net.SplitHostPort(startUpstream(t, "a.example.org=192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	dir := manifest(t, "web=10.0.0.1")
	p := start(t, fmt.Sprintf(".:0 {\nbind 127.0.0.1\nforward . dns.default.svc.cluster.local:%s\n}\n"+
		"cluster.local:0 {\nbind 127.0.0.1\nkubernetes {\nmanifests %s\n}\n}\n", port, dir))
	at := p.addr()
	if got := lookup(t, at, "a.example.org."); got != "SERVFAIL" {
		t.Errorf("without the Service: %s, want SERVFAIL", got)
	}
	move(t, manifest(t, "dns=127.0.0.1"), dir)
	dnstest.Eventually(t, "the Service is found", func() bool { return lookup(t, at, "a.example.org.") == "192.0.2.1" })
}
