package corefiles

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
)

// A resolver is what an Unbound does, beside resolving all names of world and corp
// and never answering for those below silent.example.org.
type resolver struct {
	fails []string // zones whose servers it does not reach: names in them are SERVFAIL
	lines []string // of its configuration
}

// An unbound is an upstream that is asked without a relay.
type unbound struct{ *peers.Recursor }

// startUnbound starts an Unbound that ends with the test.
func startUnbound(t *testing.T, r resolver) *unbound {
	t.Helper()
	zones, err := authorities(r.fails)
	if err != nil {
		t.Fatal(err)
	}
	dir := shared.Dir()
	u, err := peers.Recursive(t.Context(), t.TempDir(), peers.Recursion{
		Zones: zones, Cert: filepath.Join(dir, companyName+".crt"), Key: filepath.Join(dir, companyName+".key"),
		Lines: append([]string{`local-zone: "silent.example.org." always_deny`}, r.lines...),
	}, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of the upstream %v:\n%s", u.Addr, u.Process.Tail(40))
		}
		u.Process.Kill()
	})
	return &unbound{u}
}

// authorities are the servers of the zones that Unbounds resolve. Those of the zones
// in fails are not there.
func authorities(fails []string) (map[string]netip.AddrPort, error) {
	zones := map[string]netip.AddrPort{}
	for name, files := range authoritative {
		addr, err := netip.ParseAddrPort(upstreams[name])
		if err != nil {
			return nil, err
		}
		for apex := range files {
			zones[apex] = addr
		}
	}
	nobody, err := process.FreePorts(1)
	if err != nil {
		return nil, err
	}
	for _, apex := range fails {
		zones[apex] = netip.MustParseAddrPort("127.0.0.1:" + nobody[0])
	}
	return zones, nil
}

// count returns how many questions came that contain text.
func (u *unbound) count(text string) (n int) {
	for _, q := range u.Asked() {
		if strings.Contains(q, text) {
			n++
		}
	}
	return n
}

// number returns one of the numbers that Unbound keeps since it was started.
func (u *unbound) number(t *testing.T, name string) int {
	t.Helper()
	n, err := u.Count(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stop and start end the program, and run it again at the same addresses.
func (u *unbound) stop(t *testing.T) {
	t.Helper()
	if err := u.Stop(); err != nil {
		t.Fatal(err)
	}
}

func (u *unbound) start(t *testing.T) {
	t.Helper()
	if err := u.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// startShared starts the Unbound that stands behind relays.
func startShared(ctx context.Context, logf func(string, ...any), started func(*process.Process)) error {
	zones, err := authorities(nil)
	if err != nil {
		return err
	}
	dir := filepath.Join(shared.Dir(), recursor)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	r, err := peers.Recursive(ctx, dir, peers.Recursion{Zones: zones}, peers.Options{Logf: logf})
	if err != nil {
		return err
	}
	started(r.Process)
	upstreams[recursor] = r.Addr.String()
	return nil
}
