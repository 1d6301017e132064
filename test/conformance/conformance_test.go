package conformance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/rollcall"
)

var (
	address = flag.String("server", "", "ask the server at `ADDR`, host:port, instead of Rollcall; it serves testdata's zones")
	zone    = flag.String("zone", "cluster.local", "the zone that the server of -server serves, `NAME`")
	update  = flag.Bool("update", false, "ask Rollcall and Debian's Knot DNS, NSD and BIND, and write docs/conformance.md")
)

// corefile configures Rollcall, relative to this folder, which tests run in.
const corefile = "testdata/Corefile"

// TestConformance runs every row against Rollcall, or the server of -server.
func TestConformance(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s := server{zone: dns.CanonicalName(*zone)}
	ours := *address == ""
	if ours {
		s.addr = startRollcall(t).Addr
	} else {
		addr, err := netip.ParseAddrPort(*address)
		if err != nil {
			t.Fatalf("-server: %v", err)
		}
		s.addr = addr
	}
	table := rows(s)
	for i, err := range run(ctx, s, table) {
		r := table[i]
		t.Run(fmt.Sprintf("%d %s", r.number, r.title), func(t *testing.T) {
			offered := notOffered("")
			switch {
			case ours && r.pending != "" && err == nil:
				t.Errorf("passes, though pending %q: take the mark away", r.pending)
			case ours && r.pending != "":
				t.Logf("pending %q: %v", r.pending, err)
			case !ours && errors.As(err, &offered):
				t.Logf("not applicable: %v", err)
			case err != nil:
				t.Errorf("%v\nreason: %s", err, r.reason)
			}
		})
	}
}

// TestRows checks the table itself: every behaviour is there, and every row says
// what it is and has something that it can fail by.
func TestRows(t *testing.T) {
	titles := make(map[string]bool)
	numbers := make(map[int]bool)
	for _, r := range rows(server{zone: "cluster.local."}) {
		name := fmt.Sprintf("%d %s", r.number, r.title)
		if titles[name] {
			t.Errorf("%s: there are two of it", name)
		}
		titles[name], numbers[r.number] = true, true
		if r.reason == "" || r.over == 0 {
			t.Errorf("%s: without a reason or a transport", name)
		}
		if ways := count01(r.expect != nil) + count01(r.silent) + count01(r.talk != nil); ways != 1 {
			t.Errorf("%s: %d expectations, want one", name, ways)
		}
	}
	for n := 1; n <= 77; n++ {
		if n != 64 && !numbers[n] { // 64 does not show on the wire
			t.Errorf("behaviour %d has no row", n)
		}
	}
}

func count01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// startRollcall runs the program over testdata until the test ends.
func startRollcall(t *testing.T) *rollcall.Server {
	t.Helper()
	program, err := rollcall.Build(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	return rollcall.Start(t, program, "serve", "-conf", corefile)
}
