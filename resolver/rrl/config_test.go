package rrl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/rrl"
)

// parse parses a directive of a block of the zone example.
func parse(t *testing.T, text string) (rrl.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader("example {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	return rrl.Parse(f.Blocks[0].Directives[0], []string{"example."})
}

func TestParse(t *testing.T) {
	with := func(change func(c *rrl.Config)) rrl.Config {
		c := rrl.Default()
		c.Zones = []string{"example."}
		change(&c)
		return c
	}
	tests := []struct {
		text   string
		want   rrl.Config
		reason string
	}{
		{"rrl", with(func(*rrl.Config) {}), "the defaults: nothing is limited"},
		{"rrl . a.example", with(func(c *rrl.Config) { c.Zones = []string{".", "a.example."} }), "zones in the place of the block's"},
		{"rrl {\nresponses-per-second 10\n}", with(func(c *rrl.Config) { c.PerSecond = [rrl.Classes]float64{10, 10, 10, 10} }), "the other classes have the same"},
		{
			"rrl {\nerrors-per-second 0\nresponses-per-second 2.5\nnodata-per-second 3\nnxdomains-per-second 4\nreferrals-per-second 5\n}",
			with(func(c *rrl.Config) { c.PerSecond = [rrl.Classes]float64{2.5, 3, 4, 0} }), "each of its own, and 0 is no limit, in any order",
		},
		{
			"rrl {\nwindow 2.5\nipv4-prefix-length 32\nipv6-prefix-length 64\nrequests-per-second 7\nslip-ratio 2\nmax-table-size 1000\nreport-only\n}",
			with(func(c *rrl.Config) {
				c.Window, c.IPv4Prefix, c.IPv6Prefix, c.Requests = 2500*time.Millisecond, 32, 64, 7
				c.Slip, c.TableSize, c.ReportOnly = 2, 1000, true
			}), "all others",
		},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ option, want, reason string }{
		{"window 0", `window: wants a number of seconds above 0, up to 3600, got "0"`, "without a window there is no debt"},
		{"window 1h", `window: wants a number, 0 or more, got "1h"`, "seconds, not a duration"},
		{"window 3601", `window: wants a number of seconds above 0, up to 3600, got "3601"`, "an account would be overdrawn for too long"},
		{"ipv4-prefix-length 33", `ipv4-prefix-length: wants an integer, 1 to 32, got "33"`, "an address has 32 bits"},
		{"ipv6-prefix-length 0", `ipv6-prefix-length: wants an integer, 1 to 128, got "0"`, "all clients would be one"},
		{"responses-per-second -1", `responses-per-second: wants a number, 0 or more, got "-1"`, "no rate"},
		{"requests-per-second 2000000000", `requests-per-second: wants a number up to 1000000000, got "2000000000"`, "finer than the clock"},
		{"slip-ratio 11", `slip-ratio: wants an integer, 0 to 10, got "11"`, "the bound of CoreDNS's"},
		{"max-table-size 0", `max-table-size: wants an integer, 1 to 10000000, got "0"`, "nothing could be limited"},
		{"report-only yes", `report-only: takes no arguments, got "yes"`, "no argument"},
		{"window 1\nwindow 2", `window: is given already at Corefile:3`, "which of them?"},
		{"log-only", `unknown option "log-only" of rrl (known: errors-per-second, ipv4-prefix-length, ipv6-prefix-length, max-table-size, ` +
			`nodata-per-second, nxdomains-per-second, referrals-per-second, report-only, requests-per-second, responses-per-second, ` +
			`slip-ratio, window)`, "BIND's name for it"},
	}
	for _, tt := range tests {
		t.Run(tt.option, func(t *testing.T) {
			_, err := parse(t, "rrl {\n"+tt.option+"\n}")
			line := 3 + strings.Count(tt.option, "\n")
			if want := fmt.Sprintf("Corefile:%d: %s", line, tt.want); err == nil || err.Error() != want {
				t.Errorf("%s:\n got %v\nwant %s", tt.reason, err, want)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(`
. {
    rrl {
        responses-per-second 10
        slip-ratio 2
    }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := rrl.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
	fmt.Println(c.PerSecond[rrl.NXDomain], c.Window, c.Slip, err)
	// Output: 10 15s 2 <nil>
}
